"""Loads a public ViT if the config names a file with one."""

from mmdefusion.utils.type_names import type_name

from .unwrap import State
from .vit import ViTWeights, read_vit
from .weights_fit import read_weights

PRETRAINED = ('Pretrained', 'PretrainedInit')  # MMEngine's name of a class, and that of the class itself
POSITIONS = (
    'pos_embed',
    'embeddings.position_embeddings',
)  # in every public ViT, never in our encoder


def pretrained_vit(init_cfg: dict | list | None) -> tuple[ViTWeights | None, str]:
    """Loads the public ViT that MMEngine's ``init_cfg`` names, with the name of the file; None if there is none.

    Raises:
        FileNotFoundError: if the file does not exist.
        CheckpointError: if it cannot be fetched or read, or holds a ViT that is not plain.
    """
    if (config := begins_from(init_cfg)) is None:
        return None, ''
    name = str(config['checkpoint'])
    state = _inside(read_weights(name), config.get('prefix'))
    return (read_vit(state, name) if is_public(state) else None), name


def begins_from(init_cfg: dict | list | None) -> dict | None:
    """The first part of MMEngine's ``init_cfg`` that names a checkpoint; its type may be a class, as in a config."""
    configs = [init_cfg] if isinstance(init_cfg, dict) else init_cfg or []
    return next((config for config in configs if config.get('type') and type_name(config) in PRETRAINED), None)


def is_public(state: State) -> bool:
    """Whether these are the weights of a public ViT and not ours."""
    ours = any(key.endswith('skip_norm1.weight') for key in state)
    return not ours and any(key == end or key.endswith(f'.{end}') for key in state for end in POSITIONS)


def _inside(state: State, prefix: str | None) -> State:
    if not prefix:
        return state
    prefix = prefix if prefix.endswith('.') else f'{prefix}.'
    return {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
