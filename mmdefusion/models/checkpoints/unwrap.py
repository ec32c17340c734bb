"""What checkpoint files have in common."""

from torch import Tensor

State = dict[str, Tensor]


def unwrap(checkpoint: dict) -> State:
    """The weights of a checkpoint, perhaps wrapped in ``state_dict``, ``model`` or ``teacher``, without ``module.``.

    Raises:
        ValueError: if it holds no tensors.
    """
    for key in ('state_dict', 'model', 'teacher'):
        if isinstance(checkpoint.get(key), dict):
            checkpoint = checkpoint[key]
    state = {name.removeprefix('module.'): value for name, value in checkpoint.items() if isinstance(value, Tensor)}
    if not state:
        raise ValueError(f'The checkpoint holds no tensors; its keys are {list(checkpoint)[:5]}.')
    return state
