"""Fine-tunes what decodes the fused image on infrared and visible pairs."""

from collections.abc import Sequence

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from mmdefusion.registry import MODELS, build_model_part
from mmdefusion.rules.colours import without_colours
from mmdefusion.rules.daylight import fill_borders
from mmdefusion.rules.luma import with_luma
from mmdefusion.rules.options import Target
from mmdefusion.rules.targets import show_targets

from ..fusers.image_fuser import ImageFuser
from ..layers import luma
from ..losses import IVFLoss
from ..structures import FusedImages, Pair, Sensors

FUSION = 'neck.0.deep.fusion', 'neck.0.skip.fusion', 'neck.0.mixer', 'fused_head'


@MODELS.register_module()
class IVFFineTuner(ImageFuser):
    """Trains the fusion of a pretrained network towards fused images that show what both sensors saw.

    Not part of the paper, whose network learns from masked views of single images and is then used on pairs as it is;
    nothing tells it which source matters. Here the fused image of a pair should be as bright as the visible image, with
    people and cars raised as ``target`` of :class:`PictureFuser` raises them, and as sharp as the sharper source
    (:class:`IVFLoss`). Common and unique tokens and their images stay as they were, since only what comes after them is
    trained.

    Args:
        backbone, neck, common_head, unique_head, fused_head: as in :class:`ImageFuser`, whose weights this model has.
        ivf_loss: the loss with its weights, as a config or a module.
        trained: names of the parts that are trained; the rest is frozen.
        target: ``'keep'`` or ``'highlight'``: which hot targets are raised, and how far.
        grey: share of the pairs whose visible image is seen without its colours, as :class:`PictureFuser` shows it to
            the network unless ``colour`` is ``'rgb'`` or ``'exposed'``.
        alone: share of the pairs in which one of the images takes the place of both, so that the network keeps
            returning what it sees twice; the rule of detail reads off it which source is followed.
        data_preprocessor: config of a preprocessor that gives RGB in [0, 1].
        init_cfg: initialisation config of MMEngine, such as ``dict(type='Pretrained', checkpoint=...)``.

    Raises:
        ValueError: if ``trained`` names a part that does not exist, or ``target`` or a share is out of range.
    """

    def __init__(
        self,
        backbone: dict | nn.Module,
        neck: list[dict | nn.Module] | nn.Module,
        common_head: dict | nn.Module,
        unique_head: dict | nn.Module,
        fused_head: dict | nn.Module,
        ivf_loss: dict | IVFLoss,
        trained: Sequence[str] = FUSION,
        target: Target = 'keep',
        grey: float = 0.5,
        alone: float = 0.25,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(backbone, neck, common_head, unique_head, fused_head, data_preprocessor, init_cfg)
        if target not in ('keep', 'highlight'):
            raise ValueError(f"target={target!r} is neither 'keep' nor 'highlight'.")
        for name, share in dict(grey=grey, alone=alone).items():
            if not 0 <= share <= 1:
                raise ValueError(f'{name}={share} is a share of the pairs: from 0 to 1.')
        self.ivf_loss = build_model_part(ivf_loss)
        self.target = target
        self.grey = grey
        self.alone = alone
        self._freeze_all_but(trained)
        self.eval()

    def _freeze_all_but(self, trained: Sequence[str]) -> None:
        parts = [name for name, _ in self.named_modules() if name]
        if unknown := [name for name in trained if name not in parts]:
            raise ValueError(f'trained={unknown}: there are no such parts. Some that are: {", ".join(FUSION)}.')
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(any(name.startswith(f'{part}.') for part in trained))

    def forward(
        self, inputs: Tensor, data_samples: Sequence[BaseDataElement] | None = None, mode: str = 'tensor'
    ) -> dict[str, Tensor] | FusedImages:
        """Runs one of MMEngine's modes: ``'loss'``, or ``'tensor'`` as in :class:`ImageFuser`.

        Args:
            inputs: pairs B×6×H×W, visible first, RGB in [0, 1].
            data_samples: not used.
            mode: ``'loss'`` or ``'tensor'``.
        """
        return self.loss(inputs) if mode == 'loss' else super().forward(inputs)

    def loss(self, inputs: Tensor) -> dict[str, Tensor]:
        """Computes the weighted losses of pairs B×6×H×W, visible first, RGB in [0, 1]."""
        sources = self.sample_views(Sensors(*inputs.chunk(2, dim=1)))
        wanted = wanted_images(sources, self.target)
        fused = self.decode_fused(self.decompose(Pair(*sources), 'mean'))
        return self.ivf_loss(fused, sources, wanted)

    def sample_views(self, pairs: Sensors) -> Sensors:
        """Takes the colours of some pairs B×3×H×W away, and lets one image take the place of both in others."""
        visible, infrared = pairs
        grey, alone, which = torch.rand(3, len(visible), 1, 1, 1, device=visible.device)
        visible = torch.where(grey < self.grey, luma(visible), visible)
        return Sensors(
            visible=torch.where((alone < self.alone) & (which < 0.5), infrared, visible),
            infrared=torch.where((alone < self.alone) & (which >= 0.5), visible, infrared),
        )

    def train(self, mode: bool = True) -> 'IVFFineTuner':
        """Stays in evaluation mode: dropout is for long trainings, and blurs an image that is to become sharp."""
        return super().train(False)


@torch.no_grad()
def wanted_images(sources: Sensors, target: Target) -> Tensor:
    """Images B×3×H×W of the wanted brightness and colours: the visible ones, with hot targets raised.

    Black borders of the visible image are filled from the infrared image.

    Args:
        sources: visible and infrared images B×3×H×W in [0, 1].
        target: see :func:`show_targets`.
    """
    wanted = []
    for visible, infrared in zip(*sources, strict=True):
        warm = luma(infrared)
        grey = fill_borders(luma(visible), warm)
        lifted, drained = show_targets(grey, (grey, warm), visible, target)
        wanted.append(with_luma(without_colours(visible, drained), lifted))
    return torch.stack(wanted)
