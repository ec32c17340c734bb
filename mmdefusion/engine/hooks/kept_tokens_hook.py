"""Runs a frozen encoder once for each training image, instead of in every epoch."""

import time
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import nn
from torch.utils.data import DataLoader, Dataset

from mmdefusion.models.defusion_pp import DeFusionPP
from mmdefusion.models.layers.place import take_off
from mmdefusion.models.necks import FusedPyramid
from mmdefusion.models.necks.kept_tokens import KeptTokens, Whole
from mmdefusion.registry import HOOKS
from mmdefusion.utils.progress import track

GIB = 1 << 30


@HOOKS.register_module()
class KeptTokensHook(Hook):
    """Keeps the fused tokens of all training images, so that a step costs what pyramid and head cost.

    For a :class:`~mmdefusion.DeFusionPP` with ``frozen=True``, whose tokens of an image are the same in each epoch. The
    training pipeline needs :class:`~mmdefusion.AppendPlace`, which says of each crop where in the whole image it lies;
    its tokens are read off those of the whole image, or of its mirror image, which are computed before the first
    iteration as in a test. So the pyramid's own layers see each change of scale and colour, and the tokens do not.
    Tests and validations encode as always, and checkpoints hold nothing of this.

    Args:
        pipeline: how whole images are read; None as those of ``test_dataloader`` are.
        limit: most memory that tokens may take, in GiB.
        workers: processes that read images.
    """

    def __init__(self, pipeline: Sequence[dict] | None = None, limit: float = 4.0, workers: int = 2) -> None:
        self.pipeline, self.limit, self.workers = pipeline, limit, workers

    def before_train(self, runner: Any) -> None:
        """Computes the tokens.

        Raises:
            ValueError: if the model's tokens are not the same in each epoch, no pipeline is known, or the tokens would
                take more than the limit.
        """
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        start = time.monotonic()
        kept = self.keep(model, runner.train_dataloader.dataset, runner.cfg)
        runner.logger.info(
            f'KeptTokensHook: tokens of {len(kept)} images, {kept.bytes / 2**20:.0f} MiB, in '
            f'{time.monotonic() - start:.0f} s.'
        )

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: dict | None = None) -> None:
        """Refuses a pipeline that does not say where images lie, and would use nothing of what is kept."""
        if data_batch and any(take_off(image)[1] is None for image in data_batch['inputs']):
            raise ValueError(
                "KeptTokensHook: put dict(type='mmdefusion.AppendPlace') behind AppendPartner in the training pipeline."
            )

    def keep(self, model: nn.Module, dataset: Dataset, config: Config) -> KeptTokens:
        """Computes the tokens of a data set, of which each process does its part, and gives them to a model.

        Raises:
            ValueError: see :meth:`before_train`.
        """
        backbone, preprocessor = getattr(model, 'backbone', None), model.data_preprocessor
        if not isinstance(backbone, DeFusionPP) or not backbone.frozen or backbone.injection is not None:
            raise ValueError(
                'KeptTokensHook is for a backbone mmdefusion.DeFusionPP with frozen=True and without injection: the '
                'tokens of others change while they are trained.'
            )
        if isinstance(backbone.pyramid, FusedPyramid):
            raise ValueError('FusedPyramid reads tokens of several blocks; KeptTokensHook keeps fused ones only.')
        if preprocessor.pair_normalizer.modality_dropout:
            raise ValueError('KeptTokensHook keeps tokens of whole pairs: leave modality_dropout out.')
        for part in (backbone.encoder, backbone.decomposition):
            part.eval()  # as DeFusionPP.train() does, which nobody has called yet
        pipeline = self.pipeline or config.get('test_dataloader', {}).get('dataset', {}).get('pipeline')
        if not pipeline:
            raise ValueError("test_dataloader has no pipeline: give KeptTokensHook(pipeline=...) the test's.")
        found = self._run(backbone, preprocessor, WholeImages(dataset, pipeline))
        kept, device = KeptTokens(), next(backbone.parameters()).device
        for part in all_gather_object(found):
            for path, whole in part:
                kept.keep(path, whole._replace(tokens=whole.tokens.to(device)))
        backbone.kept, preprocessor.number_of = kept, kept.number
        return kept

    def _run(self, backbone: DeFusionPP, preprocessor: nn.Module, wholes: 'WholeImages') -> list[tuple[str, Whole]]:
        """Paths and tokens of this process's images."""
        loader = DataLoader(wholes, batch_size=None, num_workers=self.workers)
        found = []
        for path, packed in track(loader, 'keeping tokens'):
            found.append((path, encode_whole(backbone, preprocessor, packed)))
            if (needed := found[0][1].tokens.nbytes * wholes.count / GIB) > self.limit:
                raise ValueError(
                    f'The tokens of {wholes.count} images take {needed:.2g} GiB, more than limit={self.limit}: raise '
                    'it if the memory is there, or train without KeptTokensHook.'
                )
        return found


class WholeImages(Dataset):
    """The images of a data set, or of several in one, each once and as in a test.

    Args:
        dataset: of MMEngine, also ConcatDataset, RepeatDataset and the like.
        pipeline: that of a test.
    """

    def __init__(self, dataset: Dataset, pipeline: Sequence[dict]) -> None:
        if not hasattr(dataset, 'get_data_info'):
            raise ValueError(f'KeptTokensHook cannot read images off {type(dataset).__name__}, which mixes them.')
        self.dataset, self.pipeline = dataset, Compose(pipeline)
        first = {dataset.get_data_info(index)['img_path']: index for index in reversed(range(len(dataset)))}
        self.count = len(first)
        self.indices = sorted(first.values())[get_rank() :: get_world_size()]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> tuple[str, dict]:
        info = self.dataset.get_data_info(self.indices[index])
        return info['img_path'], self.pipeline(info)


@torch.no_grad()
def encode_whole(backbone: DeFusionPP, preprocessor: nn.Module, packed: dict) -> Whole:
    """The fused tokens of a packed image and of its mirror image."""
    mirrored = {**packed, 'inputs': packed['inputs'].flip(-1)}
    batch = preprocessor(pseudo_collate([packed, mirrored]), training=False)
    decomposition = backbone.decomposition(backbone.encoder(batch['inputs']))
    height, width = packed['inputs'].shape[-2:]
    return Whole(decomposition.fused.half().cpu(), tuple(map(int, decomposition.features.grid)), (height, width))
