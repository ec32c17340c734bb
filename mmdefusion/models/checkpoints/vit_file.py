"""Loads a public ViT if the config names a file with one."""

from .fitting import read_weights
from .unwrap import State
from .vit import ViTWeights, read_vit

POSITIONS = (
    'pos_embed',
    'embeddings.position_embeddings',
)  # in every public ViT, never in our encoder


def pretrained_vit(init_cfg: dict | list | None) -> tuple[ViTWeights | None, str]:
    """Loads the public ViT that MMEngine's ``init_cfg`` names, with the name of the file; None if there is none.

    Raises:
        FileNotFoundError: if the file does not exist.
        CheckpointError: if it cannot be read, or holds a ViT that is not plain.
    """
    configs = [init_cfg] if isinstance(init_cfg, dict) else init_cfg or []
    for config in configs:
        if config.get('type') == 'Pretrained':
            name = str(config['checkpoint'])
            state = _inside(read_weights(name), config.get('prefix'))
            return (read_vit(state, name) if is_public(state) else None), name
    return None, ''


def is_public(state: State) -> bool:
    """Whether these are the weights of a public ViT and not ours."""
    ours = any(key.endswith('skip_norm1.weight') for key in state)
    return not ours and any(key == end or key.endswith(f'.{end}') for key in state for end in POSITIONS)


def _inside(state: State, prefix: str | None) -> State:
    if not prefix:
        return state
    prefix = prefix if prefix.endswith('.') else f'{prefix}.'
    return {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
