"""Runs a frozen encoder once for each training image, instead of in every epoch."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import nn
from torch.utils.data import DataLoader, Dataset

from mmdefusion.datasets.pipeline_faults import DISTURBING, GEOMETRIC, MIXING, PLACE, flatten, pipeline_faults
from mmdefusion.datasets.pipelines import has_step
from mmdefusion.datasets.wrapped import inner_datasets
from mmdefusion.models.defusion_pp import DeFusionPP
from mmdefusion.models.layers.blocked_attention import multiplies_bfloat16
from mmdefusion.models.layers.place import Key, key_of
from mmdefusion.models.necks import FusedPyramid
from mmdefusion.models.necks.kept_tokens import KeptTokens, Whole
from mmdefusion.registry import HOOKS
from mmdefusion.utils.progress import track
from mmdefusion.utils.type_names import type_name

GIB = 1 << 30
KEEPING = 'seconds_keeping_tokens'  # key of a run's scalars
SCALING = (
    'FixScaleResize',
    'Resize',
    'ResizeShortestEdge',
    'ResizeToMultiple',
)  # of geometric transforms, those that leave an image whole
CUTTING = ('Albu', 'RandomResizedCrop', 'ResizedCenterCrop', 'TestTimeAug')  # and others that do not
ENOUGH = 32  # images from whose tokens those of all are estimated


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
        limit: most memory that tokens may take, in GiB; every process holds all of them, and some of them twice while
            they are gathered.
        workers: processes that read images.
        mirror: whether mirror images are encoded too. Without, what is seen from right to left has the tokens of the
            image as it is, each in its mirrored place, which halves time and memory.
        dtype: in which tokens are computed. ``'bfloat16'`` is ``'float32'`` on a CPU that does not multiply it, where
            it would take longer.

    Raises:
        ValueError: if there is no such ``dtype``.
    """

    def __init__(
        self,
        pipeline: Sequence[dict] | None = None,
        limit: float = 4.0,
        workers: int = 2,
        mirror: bool = True,
        dtype: Literal['float32', 'bfloat16'] = 'float32',
    ) -> None:
        if dtype not in ('float32', 'bfloat16'):
            raise ValueError(f"dtype={dtype!r}: KeptTokensHook computes in 'float32' or 'bfloat16'.")
        self.pipeline, self.limit, self.workers, self.mirror, self.dtype = pipeline, limit, workers, mirror, dtype

    def before_train(self, runner: Any) -> None:
        """Computes the tokens.

        Raises:
            ValueError: if the model's tokens are not the same in each epoch, a pipeline does not say where images lie
                or does not leave whole images whole, or the tokens would take more than the limit.
        """
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        start = time.monotonic()
        kept = self.keep(model, runner.train_dataloader.dataset, runner.cfg)
        seconds = time.monotonic() - start
        runner.visualizer.add_scalar(KEEPING, seconds)
        runner.logger.info(
            f'KeptTokensHook: tokens of {len(kept)} pairs, {kept.bytes / 2**20:.0f} MiB, in {seconds:.0f} s.'
        )

    def keep(self, model: nn.Module, dataset: Dataset, config: Config) -> KeptTokens:
        """Computes the tokens of a data set, of which each process does its part, and gives them to a model.

        Args:
            model: a detector or segmenter.
            dataset: that of its training.
            config: of the training.

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
        if any(preprocessor.pair_normalizer.modality_dropout):
            raise ValueError('KeptTokensHook keeps tokens of whole pairs: leave modality_dropout out.')
        refuse_lost_places(config.train_dataloader.dataset)
        wholes = WholeImages(dataset, self._reading(config))
        for part in (backbone.encoder, backbone.decomposition):
            part.eval()  # as DeFusionPP.train() does, which nobody has called yet
        found, needed = self._encode(backbone, preprocessor, wholes)
        found, needed = zip(*all_gather_object((found, needed)), strict=True)
        if max(needed) > self.limit:  # in every process, so that none waits for another
            raise ValueError(
                f'The tokens of {wholes.count} pairs take {max(needed):.2g} GiB, more than limit={self.limit}: raise '
                'it if the memory is there, or train without KeptTokensHook.'
            )
        kept, device = KeptTokens(), next(backbone.parameters()).device
        for key, whole in (one for part in found for one in part):
            kept.keep(key, whole._replace(tokens=whole.tokens.to(device)))
        backbone.kept, preprocessor.number_of = kept, kept.number
        return kept

    def _reading(self, config: Config) -> Sequence[dict]:
        """The pipeline of whole images."""
        pipeline = self.pipeline or ((config.get('test_dataloader') or {}).get('dataset') or {}).get('pipeline')
        if not pipeline:
            raise ValueError("test_dataloader has no pipeline: give KeptTokensHook(pipeline=...) the test's.")
        wrong = {*GEOMETRIC, *CUTTING, *DISTURBING, *MIXING, PLACE} - {*SCALING}
        names = map(type_name, flatten(pipeline))
        if found := [name for name in names if name.removeprefix('Paired') in wrong]:
            raise ValueError(
                f'{", ".join(found)} in the pipeline of the test does not leave pairs as they are: give '
                'KeptTokensHook(pipeline=...) one without.'
            )
        return pipeline

    def _encode(
        self, backbone: DeFusionPP, preprocessor: nn.Module, wholes: 'WholeImages'
    ) -> tuple[list[tuple[Key, Whole]], float]:
        """The tokens of this process's images, and GiB that those of all will take; it ends where that is too much."""
        found, size, needed = [], 0, 0.0
        for packed in track(DataLoader(wholes, batch_size=None, num_workers=self.workers), 'keeping tokens'):
            with self._precision(preprocessor.device):
                whole = encode_whole(backbone, preprocessor, packed, self.mirror)
            found.append((key_of(packed['data_samples']), whole))
            size += whole.tokens.nbytes
            needed = size / len(found) * wholes.count / GIB
            if needed > self.limit and len(found) >= ENOUGH:
                break
        return found, needed

    def _precision(self, device: torch.device) -> AbstractContextManager:
        if self.dtype == 'float32' or (device.type == 'cpu' and not multiplies_bfloat16()):
            return nullcontext()
        return torch.autocast(device.type, torch.bfloat16)


class WholeImages(Dataset):
    """The pairs of a data set, or of several in one, each once and as in a test.

    Args:
        dataset: of MMEngine, also ConcatDataset, RepeatDataset and the like.
        pipeline: that of a test.
    """

    def __init__(self, dataset: Dataset, pipeline: Sequence[dict]) -> None:
        self.dataset, self.pipeline = dataset, Compose(pipeline)
        first: dict[Key, int] = {}
        for index in range(len(dataset)):
            info = dataset.get_data_info(index)
            first.setdefault((info['img_path'], info.get('img_ir_path')), index)
        self.count = len(first)
        self.indices = sorted(first.values())[get_rank() :: get_world_size()]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> dict:
        return self.pipeline(self.dataset.get_data_info(self.indices[index]))


@torch.no_grad()
def encode_whole(backbone: DeFusionPP, preprocessor: nn.Module, packed: dict, mirror: bool = True) -> Whole:
    """The fused tokens of a packed pair, and of its mirror image."""
    mirrored = [{**packed, 'inputs': packed['inputs'].flip(-1)}] if mirror else []
    batch = preprocessor(pseudo_collate([packed, *mirrored]), training=False)
    decomposition = backbone.decomposition(backbone.encoder(batch['inputs']))
    height, width = packed['inputs'].shape[-2:]
    return Whole(decomposition.fused.half().cpu(), tuple(map(int, decomposition.features.grid)), (height, width))


def refuse_lost_places(dataset: dict) -> None:
    """Raises a ValueError if a pipeline of a data set's config does not say where images lie, or loses it."""
    for inner, wrappers in inner_datasets(dataset):
        if mixing := [wrapper for wrapper in wrappers if 'pipeline' in wrapper]:
            raise ValueError(f'KeptTokensHook does not go with {mixing[0]["type"]}, which mixes images.')
        pipeline = inner.get('pipeline') or []
        if not has_step(pipeline, PLACE):
            raise ValueError(
                "KeptTokensHook: put dict(type='mmdefusion.AppendPlace') behind AppendPartner in the training pipeline."
            )
        if faults := pipeline_faults(pipeline):
            raise ValueError(f'KeptTokensHook: {"; ".join(faults)}.')
