"""Self-supervised pretraining on single images: CUD + MFM (arXiv 2410.12274, section III)."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from mmdefusion.registry import MODELS, build_model_part

from ..fusers.image_fuser import ImageFuser, crop
from ..losses import CUDLoss
from ..structures import FusedImages, Pair
from .views import MaskedViews, Views


@MODELS.register_module()
class CUDPretrainer(ImageFuser):
    """Learns to decompose and fuse from masked, noised views of single images.

    Args:
        backbone, neck, common_head, unique_head, fused_head: as in :class:`ImageFuser`, whose weights this model has.
        mfm_head: head of masked feature modelling, as a config or a module, like the next two.
        view_generator: samples two views of each image.
        cud_loss: the loss with its weights.
        data_preprocessor: config of a preprocessor that gives RGB in [0, 1], not normalised further.
        init_cfg: initialisation config of MMEngine, such as ``dict(type='Pretrained', checkpoint=...)``.
    """

    def __init__(
        self,
        backbone: dict | nn.Module,
        neck: list[dict | nn.Module] | nn.Module,
        common_head: dict | nn.Module,
        unique_head: dict | nn.Module,
        fused_head: dict | nn.Module,
        mfm_head: dict | nn.Module,
        view_generator: dict | MaskedViews,
        cud_loss: dict | CUDLoss,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(backbone, neck, common_head, unique_head, fused_head, data_preprocessor, init_cfg)
        self.mfm_head = build_model_part(mfm_head)
        self.view_generator = build_model_part(view_generator)
        self.cud_loss = build_model_part(cud_loss)

    def forward(
        self, inputs: Tensor, data_samples: Sequence[BaseDataElement] | None = None, mode: str = 'tensor'
    ) -> dict[str, Tensor] | list[BaseDataElement] | FusedImages:
        """Runs one of MMEngine's modes.

        Args:
            inputs: ``'loss'`` and ``'predict'``: B×3×H×W images, RGB in [0, 1]; ``'tensor'``: B×6×H×W pairs.
            data_samples: samples whose ``img_path`` seeds the views in ``'predict'``, so that these are the same every
                time.
            mode: ``'loss'``, ``'predict'`` (:meth:`predict`) or ``'tensor'`` (:meth:`fuse`).
        """
        if mode == 'loss':
            return self.loss(inputs)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        return self.fuse(Pair(*inputs.chunk(2, dim=1)))

    def loss(self, images: Tensor) -> dict[str, Tensor]:
        """Computes the weighted losses of images B×3×H×W in [0, 1]."""
        views = self.view_generator(images)
        decoded, mfm = self.reconstruct(views.views, order=sample_order())
        return self.cud_loss(decoded, mfm, targets(views))

    def reconstruct(self, views: Pair, order: str, kept: Tensor | None = None) -> tuple[FusedImages, Tensor]:
        """Decodes four images and that of MFM from two views.

        Args:
            views: two views B×3×H×W in [0, 1].
            order: order of the common feature, ``'ab'`` or ``'ba'`` in training.
            kept: indices of the patches that MFM fuses, B×K; None samples them.

        Returns:
            The images, B×3×H×W each.
        """
        decomposition = self.decompose(views, order)
        deep, skip, features = decomposition.deep, decomposition.skip, decomposition.features
        kept = self.mfm_head.sample_kept(deep.common) if kept is None else kept
        _, fused = self.decomposition.fuse(self.mfm_head.keep(deep, kept), self.mfm_head.keep(skip, kept))
        mfm = crop(self.mfm_head(fused, kept, features.grid), features)
        return self.decode(decomposition), mfm

    def fuse(self, pair: Pair) -> FusedImages:
        """Fuses two images B×3×H×W in [0, 1], with the mean of both orders of the common feature."""
        return self.decode(self.decompose(pair, 'mean'))

    def predict(self, images: Tensor, data_samples: Sequence[BaseDataElement] | None = None) -> list[BaseDataElement]:
        """Gives each image's ``target`` (itself), fused ``from_views`` and ``from_identical``: 3×H×W, not clipped."""
        from_views = self.fuse(self.seeded_views(images, data_samples).views).fused
        from_identical = self.fuse(Pair(images, images)).fused
        samples = list(data_samples or [BaseDataElement() for _ in images])
        for sample, image, *fused in zip(samples, images, from_views, from_identical, strict=True):
            sample.set_data(dict(target=image, from_views=fused[0], from_identical=fused[1]))
        return samples

    def seeded_views(self, images: Tensor, data_samples: Sequence[Any] | None = None) -> Views:
        """Samples views without colour jitter, which for each image depend only on the name of its file."""
        names = [Path(str(sample.get('img_path'))).name for sample in data_samples or [{}] * len(images)]
        generators = [torch.Generator(images.device).manual_seed(zlib.crc32(name.encode())) for name in names]
        views = [
            self.view_generator(image, generator, jitter=False)
            for image, generator in zip(images.split(1), generators, strict=True)
        ]
        return Views.joined(views)


def sample_order() -> str:
    """Samples the order of the common feature in this step."""
    return 'ab' if torch.rand(()) < 0.5 else 'ba'


def targets(views: Views) -> FusedImages:
    """The images that the heads should decode from ``views``, B×3×H×W each."""
    return FusedImages(views.common, views.unique.a, views.unique.b, views.image)
