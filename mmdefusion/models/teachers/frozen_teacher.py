"""The base class of teachers."""

from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn


class FrozenTeacher(BaseModule):
    """An encoder that is never trained, and that is left out of the checkpoints of students.

    Args:
        encoder: the encoder whose tokens are predicted.
    """

    scale = 1  #: tokens are so many times finer than patches

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(False)
        self.embed_dims = encoder.embed_dims
        self.train(False)
        self._register_state_dict_hook(_leave_out)
        self._register_load_state_dict_pre_hook(self._keep)

    def train(self, mode: bool = True) -> 'FrozenTeacher':
        """Stays in evaluation mode."""
        return super().train(False)

    def _keep(self, state: dict[str, Tensor], prefix: str, *_: Any) -> None:
        """Adds the teacher's own weights to a student's checkpoint, which lacks them, so that they are kept."""
        for name, value in self.encoder.state_dict().items():
            state.setdefault(f'{prefix}encoder.{name}', value)


def _leave_out(module: FrozenTeacher, state: dict[str, Tensor], prefix: str, *_: Any) -> None:
    for key in [key for key in state if key.startswith(prefix)]:
        del state[key]
