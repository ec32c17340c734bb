"""Distils a public ViT into a spatial prior."""

from collections.abc import Sequence

from torch import Tensor, nn

from mmdefusion.registry import MODELS, build_model_part

from .map_distillation import MapDistiller


@MODELS.register_module()
class PriorDistiller(MapDistiller):
    """Trains a :class:`SpatialPrior` to predict what a frozen teacher sees in either image of a pair.

    Args:
        prior: config of the prior; its ``strides`` are at most 16.
        teacher, head, views, data_preprocessor, init_cfg: see :class:`MapDistiller`.

    Raises:
        ValueError: if the head predicts tokens of another width, or the prior has maps that are coarser than patches.
    """

    def __init__(
        self,
        prior: dict | nn.Module,
        teacher: dict | nn.Module,
        head: dict,
        views: dict | nn.Module,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        prior = build_model_part(prior)
        super().__init__(prior.strides, teacher, head, views, data_preprocessor, init_cfg)
        self.prior = prior

    def maps(self, pairs: Tensor) -> Sequence[Tensor]:
        return self.prior(pairs)
