"""Caches the outputs of a teacher on disk."""

import hashlib
import logging
import math
from pathlib import Path

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdefusion.registry import MODELS, build_model_part

from ..checkpoints.errors import CheckpointError
from ..checkpoints.reading import read_plain
from ..checkpoints.writing import write_cached
from ..layers import PATCH_SIZE


@MODELS.register_module()
class CachedTeacher(BaseModule):
    """Runs a teacher once for each image, and reads its tokens from a file afterwards.

    This is worthwhile if crops are repeated, for instance with ``augmentations=8`` of the :class:`ResumableSampler`.
    The name of a file depends on the pixels and on the teacher's architecture and weights, so it never serves another
    image or teacher. It depends on autocast as well: a run in bfloat16 asks the teacher in bfloat16, which is faster,
    and keeps these tokens apart from those in float32. Tokens are stored in half precision, and given so the first
    time too. A file that cannot be read is written again.

    Nothing is ever removed, and the folder grows with every new crop: by two bytes for each number of its tokens, which
    is 111 KB of a crop of 192×192 with a ViT-S (145 tokens of 384) and 303 KB of one of 224×224 with a ViT-B (197 of
    768). Once a file cannot be written, as the disk is full, the teacher goes on without keeping more; one line says
    so.

    Args:
        teacher: the teacher, as a config or a module.
        folder: folder of the files; several runs and processes may share it.
    """

    def __init__(self, teacher: dict | nn.Module, folder: str) -> None:
        super().__init__()
        self.teacher = build_model_part(teacher)
        self.embed_dims, self.scale = self.teacher.embed_dims, getattr(self.teacher, 'scale', 1)
        self.folder = Path(folder)
        self._identity: bytes | None = None
        self._keeps = True

    def forward(self, images: Tensor) -> Tensor:
        """The tokens B×N×T of normalised images B×3×H×W."""
        paths = [self._path(image) for image in images]
        rows = 1 + math.prod(-(-side * self.scale // PATCH_SIZE) for side in images.shape[-2:])
        tokens = [self._read(path, rows) for path in paths]
        absent = [index for index, kept in enumerate(tokens) if kept is None]
        if absent:
            for index, answer in zip(absent, self.teacher(images[absent]).half(), strict=True):
                self._write(paths[index], answer)
                tokens[index] = answer
        return torch.stack([kept.to(images.device, images.dtype) for kept in tokens])

    def _read(self, path: Path, rows: int) -> Tensor | None:
        """The cached tokens N×T, or None."""
        try:
            kept = read_plain(path)
        except (CheckpointError, FileNotFoundError):
            return None
        whole = isinstance(kept, Tensor) and kept.ndim == 2 and kept.dtype == torch.float16 and kept.isfinite().all()
        return kept if whole and kept.shape == (rows, self.embed_dims) else None

    def _write(self, path: Path, tokens: Tensor) -> None:
        if not self._keeps:
            return
        try:
            write_cached(path, tokens.cpu().clone())
        except OSError as error:
            self._keeps = False
            print_log(f'{error} The teacher is asked for the rest each time.', 'current', logging.WARNING)

    def _path(self, image: Tensor) -> Path:
        if self._identity is None:
            form = repr(self.teacher.encoder.arch) + (f' {self.scale}' if self.scale > 1 else '')
            weights = hashlib.sha256(form.encode())
            for value in self.teacher.encoder.state_dict().values():
                weights.update(value.cpu().numpy().tobytes())
            self._identity = weights.digest()
        pixels = image.detach().float().cpu().contiguous().numpy().tobytes()
        device = image.device.type
        reduced = f' {torch.get_autocast_dtype(device)}' if torch.is_autocast_enabled(device) else ''
        name = hashlib.sha256(self._identity + f'{tuple(image.shape)}{reduced}'.encode() + pixels).hexdigest()
        return self.folder / name[:2] / f'{name[2:]}.pt'

    def init_weights(self) -> None:
        """Loads the weights of the teacher."""
        self.teacher.init_weights()
        self._identity = None
