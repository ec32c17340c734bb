"""What the pretraining of an encoder alone has in common, whatever its loss."""

from abc import abstractmethod
from collections.abc import Sequence

from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from mmdefusion.registry import build_model_part

from ..layers import Normalize


class EncoderPretrainer(BaseModel):
    """An encoder that learns from single images in [0, 1], which are normalised here.

    Args:
        backbone: the encoder, its config or built.
        data_preprocessor: config of what turns uint8 batches into RGB in [0, 1].
        init_cfg: MMEngine's, such as ``dict(type='Pretrained', checkpoint=...)``.
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
        """``'loss'``: :meth:`loss`; ``'tensor'``: the encoder's tokens B×N×C of whole images.

        Args:
            inputs: B×3×H×W, RGB in [0, 1], sides multiples of 16.
            data_samples: not read.
            mode: one of the two.
        """
        return self.loss(inputs) if mode == 'loss' else self.encode(self.normalize(inputs))

    @abstractmethod
    def loss(self, images: Tensor) -> dict[str, Tensor]:
        """Losses of images B×3×H×W, RGB in [0, 1]."""

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """The encoder's tokens B×N×C of normalised images."""
