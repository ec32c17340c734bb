"""Renames the tensors of public ViTs to our names, which are those of timm."""

import re

from .errors import CheckpointError
from .unwrap import State

# names of the class token in the layouts; anything before them is the prefix of a wrapper
CLASS_TOKENS = ('embeddings.cls_token', 'cls_token')

# names of Hugging Face's files, of transformers 5 in memory, and of mmpretrain -> timm's; the first match counts
LAYOUTS = (
    (r'^embeddings\.(cls_token|register_tokens)$', r'\1'),
    (r'^embeddings\.position_embeddings$', 'pos_embed'),
    (r'^(?:embeddings\.patch_embeddings\.projection|patch_embed\.projection)\.', 'patch_embed.proj.'),
    (r'^reg_token$', 'register_tokens'),
    (r'^blocks\.\d+\.(\d+)\.', r'blocks.\1.'),  # DINOv2's training code stores blocks in chunks, numbered consecutively
    (r'^(?:encoder\.)?layers?\.(\d+)\.', r'blocks.\1.'),
)
IN_BLOCK = (
    (r'^(?:layernorm_before|ln1)\.', 'norm1.'),
    (r'^(?:layernorm_after|ln2)\.', 'norm2.'),
    (r'^attention\.attention\.(q)uery\.', r'attn.\1.'),
    (r'^attention\.attention\.(k)ey\.', r'attn.\1.'),
    (r'^attention\.attention\.(v)alue\.', r'attn.\1.'),
    (r'^attention\.([qkv])_proj\.', r'attn.\1.'),
    (r'^attention\.(?:output\.dense|o_proj)\.', 'attn.proj.'),
    (r'^(?:intermediate\.dense|ffn\.layers\.0\.0)\.', 'mlp.fc1.'),
    (r'^(?:output\.dense|ffn\.layers\.1)\.', 'mlp.fc2.'),
    (r'^(?:layer_scale([12])\.lambda1|ls([12])\.gamma)$', r'ls\1\2'),
    (r'^attn\.gamma1\.weight$', 'ls1'),
    (r'^ffn\.gamma2\.weight$', 'ls2'),
    (r'^gamma_([12])$', r'ls\1'),
)


def strip_prefix(state: State, name: str) -> State:
    """The weights of the only ViT in a file, without the prefix of wrappers.

    Raises:
        CheckpointError: if there is no ViT, or more than one.
    """
    found = {}
    for key in state:
        token = next((token for token in CLASS_TOKENS if key == token or key.endswith(f'.{token}')), None)
        if token is not None:
            found.setdefault(key[: -len(token)], token)
    if not found:
        raise CheckpointError(
            f'{name} holds no ViT: no class token (cls_token, embeddings.cls_token) is in it; its keys begin '
            f'{sorted(state)[:3]}.'
        )
    if len(found) > 1:
        raise CheckpointError(
            f'{name} holds {len(found)} ViTs, under {", ".join(map(repr, sorted(found)))}: say which with '
            "init_cfg=dict(type='Pretrained', checkpoint=..., prefix=...)."
        )
    ((prefix, _),) = found.items()
    inside = {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
    return inside


def canonical_names(state: State) -> State:
    """Renames the parts of a ViT to timm's names; other names are kept."""
    return {_canonical(key): value for key, value in state.items()}


def _canonical(key: str) -> str:
    key = _first(LAYOUTS, key)
    match = re.match(r'(blocks\.\d+\.)(.+)', key)
    return match[1] + _first(IN_BLOCK, match[2]) if match else key


def _first(rules: tuple[tuple[str, str], ...], key: str) -> str:
    for pattern, name in rules:
        if re.match(pattern, key):
            return re.sub(pattern, name, key)
    return key
