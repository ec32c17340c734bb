"""What checkpoint files have in common."""

from torch import Tensor

State = dict[str, Tensor]


def unwrap(checkpoint: dict) -> State:
    """The weights of a checkpoint that may be wrapped in ``state_dict`` or ``model`` and prefixed ``module.``.

    Raises:
        ValueError: if it holds no tensors.
    """
    for key in ('state_dict', 'model'):
        if isinstance(checkpoint.get(key), dict):
            checkpoint = checkpoint[key]
    state = {name.removeprefix('module.'): value for name, value in checkpoint.items() if isinstance(value, Tensor)}
    if not state:
        raise ValueError(f'The checkpoint holds no tensors; its keys are {list(checkpoint)[:5]}.')
    return state
