"""Distils a public ViT into maps of pairs, on pairs and single images."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from mmdefusion.registry import build_model_part

from ..heads import DistillationHead
from ..layers import PATCH_SIZE, Normalize, as_pairs
from .student_views import StudentView
from .teacher_fit import refuse_other_width


class MapDistiller(BaseModel):
    """Trains maps of a pair to predict what a frozen teacher sees in either image; what makes them is a subclass's.

    Not part of the paper. From each map a linear map predicts the teacher's tokens of both images. Where the map is
    finer than the tokens it is averaged over them, where it is coarser the tokens are averaged over its cells. A batch
    of single images is paired with their grey values.

    Args:
        strides: of the maps; none is coarser than patches of 16 pixels.
        teacher: config of the teacher, such as :class:`ViTTeacher`, inside a :class:`CachedTeacher` if crops are
            repeated.
        head: config of the :class:`DistillationHead`; there is one for each map. Its ``teacher_dims`` is twice the
            teacher's width.
        views: config of the sampler of the student's views, such as :class:`StudentViews`.
        data_preprocessor: config of a preprocessor that gives RGB in [0, 1].
        init_cfg: initialisation config of MMEngine, such as ``dict(type='Pretrained', checkpoint=...)``.

    Raises:
        ValueError: if the head predicts tokens of another width, or there are maps that are coarser than patches.
    """

    def __init__(
        self,
        strides: Sequence[int],
        teacher: dict | nn.Module,
        head: dict,
        views: dict | nn.Module,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.strides = strides
        self.teacher = build_model_part(teacher)
        self.heads: Sequence[DistillationHead] = nn.ModuleList(build_model_part(head) for _ in strides)
        self.views = build_model_part(views)
        self.normalize = Normalize()
        refuse_other_width('head', self.heads[0].teacher_dims, 'teacher', self.teacher.embed_dims, images=2)
        if strides[-1] > PATCH_SIZE:
            raise ValueError(
                f'the maps have strides {tuple(strides)}, the tokens that they learn are at {PATCH_SIZE} or finer: '
                'leave out what is coarser.'
            )

    @abstractmethod
    def maps(self, pairs: Tensor) -> Sequence[Tensor]:
        """The maps B×C×h×w of normalised pairs B×6×H×W, finest first."""

    def forward(
        self, inputs: Tensor, data_samples: Sequence[BaseDataElement] | None = None, mode: str = 'tensor'
    ) -> dict[str, Tensor] | Sequence[Tensor]:
        """Runs one of MMEngine's modes: ``'loss'``, or ``'tensor'`` for the maps.

        Args:
            inputs: pairs B×6×H×W or images B×3×H×W, RGB in [0, 1], whose sides are multiples of 16.
            data_samples: not used.
            mode: ``'loss'`` or ``'tensor'``.
        """
        return self.loss(inputs) if mode == 'loss' else self.maps(self.normalize(as_pairs(inputs)))

    def loss(self, inputs: Tensor) -> dict[str, Tensor]:
        """Distances of the tokens of both images that each map predicts from those of the teacher."""
        images = torch.cat(as_pairs(inputs).chunk(2, dim=1))
        alone = inputs.shape[1] == 3  # then both images of a pair have the tokens of the one in colour
        tokens = self.teacher(self.normalize(inputs if alone else images))[:, 1:]
        view = self.views(images, torch.cat([tokens, tokens]) if alone else tokens)
        return self._compare(self.maps(self.normalize(torch.cat(view.images.chunk(2), dim=1))), view)

    def _compare(self, maps: Sequence[Tensor], view: StudentView) -> dict[str, Tensor]:
        wanted = torch.cat(view.targets.chunk(2), dim=1)
        losses = {}
        for stride, one, head in zip(self.strides, maps, self.heads, strict=True):
            grid = [min(sides) for sides in zip(one.shape[-2:], wanted.shape[-2:], strict=True)]
            found, targets = (adaptive_avg_pool2d(both, grid).flatten(2).mT for both in (one, wanted))
            losses[f'loss_stride{stride}'] = head.loss(found, targets)
        return losses
