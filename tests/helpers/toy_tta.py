"""A toy detector with augmentation in tests, for processes of their own."""

import torch
from helpers.toy_run import ToyDataset, ToyModel
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseTTAModel
from mmengine.registry import DATASETS, METRICS, MODELS
from mmengine.structures import BaseDataElement
from torch import Tensor


@DATASETS.register_module(force=True)
class TwofoldDataset(ToyDataset):
    """Each sample twice, as a pipeline with TestTimeAug gives it."""

    def prepare_data(self, idx: int) -> dict[str, list[Tensor]]:
        return dict(inputs=[super().prepare_data(idx)['inputs']] * 2)


@MODELS.register_module(force=True)
class PredictingModel(ToyModel):
    """One number for each sample."""

    def forward(self, inputs: list[Tensor], mode: str = 'loss') -> list[BaseDataElement]:
        return [BaseDataElement(number=one) for one in self.layers(torch.stack(list(inputs)))]


@MODELS.register_module(force=True)
class ToyTTAModel(BaseTTAModel):
    """The first prediction of each sample."""

    def merge_preds(self, data_samples_list: list[tuple[BaseDataElement, ...]]) -> list[BaseDataElement]:
        return [one for one, _ in data_samples_list]


@METRICS.register_module(force=True)
class CountingMetric(BaseMetric):
    """How many samples were tested."""

    def process(self, data_batch: dict, data_samples: list[dict]) -> None:
        self.results.extend(data_samples)

    def compute_metrics(self, results: list) -> dict[str, float]:
        return dict(counted=len(results))
