"""The base class for pretraining an encoder alone."""

from abc import abstractmethod
from collections.abc import Sequence

from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from mmdefusion.registry import build_model_part

from ..layers import Normalize


class EncoderPretrainer(BaseModel):
    """An encoder that learns from single images in [0, 1], which this class normalises.

    Args:
        backbone: the encoder, as a config or a module.
        data_preprocessor: config of a preprocessor that gives RGB in [0, 1].
        init_cfg: initialisation config of MMEngine, such as ``dict(type='Pretrained', checkpoint=...)``.
    """

    def __init__(
        self,
        backbone: dict | nn.Module,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.backbone = build_model_part(backbone)
        self.normalize = Normalize()

    def forward(
        self, inputs: Tensor, data_samples: Sequence[BaseDataElement] | None = None, mode: str = 'tensor'
    ) -> dict[str, Tensor] | Tensor:
        """Runs one of MMEngine's modes: ``'loss'``, or ``'tensor'`` for the tokens B×N×C of whole images.

        Args:
            inputs: B×3×H×W, RGB in [0, 1], whose sides are multiples of 16.
            data_samples: not used.
            mode: ``'loss'`` or ``'tensor'``.
        """
        return self.loss(inputs) if mode == 'loss' else self.encode(self.normalize(inputs))

    @abstractmethod
    def loss(self, images: Tensor) -> dict[str, Tensor]:
        """Computes the losses of images B×3×H×W, RGB in [0, 1]."""

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """Encodes normalised images B×3×H×W to tokens B×N×C."""
