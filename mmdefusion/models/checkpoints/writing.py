"""Checkpoints that others read."""

from pathlib import Path
from typing import Any

import torch

from mmdefusion.utils.files import give_name, unfinished_of

from .safetensors_files import NESTED, SUFFIX, write_safetensors
from .unwrap import State


def write_checkpoint(
    path: Path, state: State, meta: dict[str, Any], key: str = 'state_dict', beside: State | None = None
) -> None:
    """Writes weights so that the file is there whole or not at all; its folder is made.

    Args:
        path: ``.safetensors`` writes that format, anything else torch's.
        state: the weights.
        meta: plain data about them.
        key: under which torch's format holds them.
        beside: tensors that come back as ``reference_only``.

    Raises:
        OSError: if it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = unfinished_of(path)
    try:
        if path.suffix == SUFFIX:
            write_safetensors(state, meta, unfinished, beside)
        else:
            torch.save({key: state, 'meta': meta, **({NESTED: beside} if beside else {})}, unfinished)
        give_name(unfinished, path)
    except (OSError, RuntimeError) as error:
        raise OSError(f'{path} cannot be written ({error}): is the disk full?') from None
    finally:
        unfinished.unlink(missing_ok=True)
