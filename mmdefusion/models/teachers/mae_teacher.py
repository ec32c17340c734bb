"""Frozen masked autoencoders as teachers for MCUD."""

from pathlib import Path

import torch
from torch import Tensor

from mmdefusion.registry import MODELS

from ..backbones.mae_encoder import MAEEncoder
from ..checkpoints.mae import read_mae_encoder
from ..checkpoints.reading import read_checkpoint
from ..checkpoints.unwrap import refuse_useless
from .frozen_teacher import FrozenTeacher

HOW_TO_GET = (
    "Visible: MAE's published ViT-B/16 pretraining checkpoint (mae_pretrain_vit_base.pth), or mmpretrain's. Infrared: "
    'none is public, so train one on folders of infrared images with configs/pretrain/mae_*.py and tools/train.py.'
)


@MODELS.register_module()
class MAETeacher(FrozenTeacher):
    """The frozen encoder of a masked autoencoder: normalised RGB B×3×H×W to tokens B×N×T, without masking.

    :meth:`init_weights`, which MMEngine's runner calls before training, loads its weights. They are left out of the
    student's checkpoints.

    Args:
        checkpoint: file or URL in MAE's published layout, mmpretrain's, or that of our MAE pretraining.
        arch: architecture of the encoder, as in :class:`MAEEncoder`.
    """

    def __init__(self, checkpoint: str | None = None, arch: str | dict = 'base') -> None:
        super().__init__(MAEEncoder(arch))
        self.checkpoint = checkpoint

    def init_weights(self) -> None:
        """Loads the weights.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if the file has no such encoder, or its weights are not finite.
        """
        if self.checkpoint is None:
            raise ValueError(f'The teacher has no checkpoint: set checkpoint=... in its config. {HOW_TO_GET}')
        if '://' not in self.checkpoint and not Path(self.checkpoint).is_file():
            raise FileNotFoundError(f'The teacher {self.checkpoint} is not there. {HOW_TO_GET}')
        state = read_mae_encoder(read_checkpoint(self.checkpoint), self.checkpoint)
        refuse_useless(state, self.checkpoint)
        self.load(state)

    def load(self, state: dict[str, Tensor]) -> None:
        """Loads weights in MAE's layout.

        Raises:
            ValueError: if they are of another width or depth.
        """
        try:
            self.encoder.load_state_dict(state)
        except RuntimeError as error:
            raise ValueError(
                f'{self.checkpoint or "The weights"} do not fit a teacher of arch={self.encoder.arch}: set arch to '
                f'that of the checkpoint. {" ".join(str(error).split())[:300]}'
            ) from None

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """The tokens after the final norm, class token first, B×N×T."""
        return self.encoder(images)
