"""Distils a public ViT into a spatial prior, on pairs and single images."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from mmdefusion.registry import MODELS, build_model_part

from ..heads import DistillationHead
from ..layers import PATCH_SIZE, Normalize, as_pairs
from .student_views import StudentView


@MODELS.register_module()
class PriorDistiller(BaseModel):
    """Trains a :class:`SpatialPrior` to predict what a frozen teacher sees in either image of a pair.

    Not part of the paper, which has no prior. Each map of the prior is averaged over the teacher's patches, and a
    linear map predicts from it the teacher's tokens of both images, so that the fine maps learn what they are fine maps
    of. A batch of single images is paired with their grey values.

    Args:
        prior: config of the prior; its ``strides`` are at most that of the teacher's patches, 16.
        teacher: config of the teacher, such as :class:`ViTTeacher`, inside a :class:`CachedTeacher` if crops are
            repeated.
        head: config of the :class:`DistillationHead`; there is one for each map. Its ``teacher_dims`` is twice the
            teacher's width.
        views: config of the sampler of the student's views, such as :class:`StudentViews`.
        data_preprocessor: config of a preprocessor that gives RGB in [0, 1].
        init_cfg: initialisation config of MMEngine, such as ``dict(type='Pretrained', checkpoint=...)``.

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
        super().__init__(data_preprocessor, init_cfg)
        self.prior = build_model_part(prior)
        self.teacher = build_model_part(teacher)
        self.heads: Sequence[DistillationHead] = nn.ModuleList(build_model_part(head) for _ in self.prior.strides)
        self.views = build_model_part(views)
        self.normalize = Normalize()
        if self.heads[0].teacher_dims != 2 * self.teacher.embed_dims:
            raise ValueError(
                f'teacher gives tokens of width {self.teacher.embed_dims} for each of two images, head predicts '
                f'{self.heads[0].teacher_dims}: set head.teacher_dims={2 * self.teacher.embed_dims}.'
            )
        if self.prior.strides[-1] > PATCH_SIZE:
            raise ValueError(
                f'prior has maps at strides {self.prior.strides}, the tokens that they learn are at {PATCH_SIZE}: '
                'leave out what is coarser.'
            )

    def forward(
        self, inputs: Tensor, data_samples: Sequence[BaseDataElement] | None = None, mode: str = 'tensor'
    ) -> dict[str, Tensor] | tuple[Tensor, ...]:
        """Runs one of MMEngine's modes: ``'loss'``, or ``'tensor'`` for the maps of the prior.

        Args:
            inputs: pairs B×6×H×W or images B×3×H×W, RGB in [0, 1], whose sides are multiples of 16.
            data_samples: not used.
            mode: ``'loss'`` or ``'tensor'``.
        """
        return self.loss(inputs) if mode == 'loss' else self.prior(self.normalize(as_pairs(inputs)))

    def loss(self, inputs: Tensor) -> dict[str, Tensor]:
        """Distances of the tokens of both images that each map predicts from those of the teacher."""
        images = torch.cat(as_pairs(inputs).chunk(2, dim=1))
        alone = inputs.shape[1] == 3  # then both images of a pair have the tokens of the one in colour
        tokens = self.teacher(self.normalize(inputs if alone else images))[:, 1:]
        view = self.views(images, torch.cat([tokens, tokens]) if alone else tokens)
        return self._compare(self.prior(self.normalize(torch.cat(view.images.chunk(2), dim=1))), view)

    def _compare(self, maps: Sequence[Tensor], view: StudentView) -> dict[str, Tensor]:
        grid = [side // PATCH_SIZE for side in view.images.shape[-2:]]
        targets = torch.cat(view.targets.chunk(2), dim=-1)
        return {
            f'loss_stride{stride}': head.loss(adaptive_avg_pool2d(one, grid).flatten(2).transpose(1, 2), targets)
            for stride, one, head in zip(self.prior.strides, maps, self.heads, strict=True)
        }
