"""Writes checkpoints, and tensors of a cache."""

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmdefusion.utils.files import give_name
from mmdefusion.utils.unfinished import unfinished_of

from .errors import CheckpointError
from .safetensors_files import NESTED, SUFFIX, write_safetensors
from .unwrap import State


def write_checkpoint(
    path: Path, state: State, meta: dict[str, Any], key: str = 'state_dict', beside: State | None = None
) -> None:
    """Writes weights atomically, to a file that is either complete or absent; makes its folder.

    Args:
        path: path of the file; ``.safetensors`` selects that format, any other suffix torch's.
        state: the weights.
        meta: plain data about the weights.
        key: key of the weights in torch's format.
        beside: further tensors, which are read as ``reference_only``.

    Raises:
        OSError: if the file cannot be written.
        CheckpointError: if ``meta`` holds what the format has no form for, such as tensors in safetensors.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = None
    try:
        unfinished = unfinished_of(path)
        if path.suffix == SUFFIX:
            mode = unfinished.stat().st_mode
            write_safetensors(state, meta, unfinished, beside)
            unfinished.chmod(mode)  # safetensors makes a new file, which only its owner could read
        else:
            torch.save({key: state, 'meta': meta, **({NESTED: beside} if beside else {})}, unfinished)
        give_name(unfinished, path)
    except (OSError, RuntimeError) as error:
        raise OSError(f'{path} cannot be written ({error}): is the disk full?') from None
    except TypeError as error:
        raise CheckpointError(f'{path} cannot be written, as meta is no plain data ({error}).') from None
    finally:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)


def write_cached(path: Path, tensor: Tensor) -> None:
    """Writes a tensor atomically: another process never reads half a file, and several may write the same one.

    The disk is not waited for: a cache has very many files, whose readers tell which are whole.

    Raises:
        OSError: if the file cannot be written.
    """
    unfinished = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = unfinished_of(path)
        torch.save(tensor, unfinished)
        os.replace(unfinished, path)
    except (OSError, RuntimeError) as error:
        raise OSError(f'{path} cannot be written ({error}): is the disk full?') from None
    finally:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)
