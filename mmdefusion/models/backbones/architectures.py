"""Architectures of the encoder: presets, and what can be read from a file."""

from dataclasses import dataclass

from ..checkpoints.errors import CheckpointError
from ..checkpoints.vit import ViTWeights


@dataclass(frozen=True)
class Architecture:
    """The sizes of a ViT/16 encoder; the last block may have another number of heads, as in TinyMIM."""

    embed_dims: int
    depth: int = 12
    num_heads: int = 6
    last_num_heads: int = 12
    num_registers: int = 0  #: tokens that only take part in attention, as in DINOv2 with registers


ARCHITECTURES = {
    'tiny': Architecture(embed_dims=192),
    'small': Architecture(embed_dims=384),
    'base': Architecture(embed_dims=768, num_heads=12),
    'deit-tiny': Architecture(embed_dims=192, num_heads=3, last_num_heads=3),
    'deit-small': Architecture(embed_dims=384, num_heads=6, last_num_heads=6),
    'deit-base': Architecture(embed_dims=768, num_heads=12),
    'dinov2-small': Architecture(embed_dims=384, num_heads=6, last_num_heads=6),
    'dinov2-base': Architecture(embed_dims=768, num_heads=12),
}
WIDTH_OF_HEADS = 64  # in nearly all public ViTs; the number of heads cannot be read from the weights


def resolve_architecture(arch: str | dict | Architecture) -> Architecture:
    """The architecture for the name of a preset, or for a dict of the fields of :class:`Architecture`.

    Raises:
        ValueError: if there is no such preset or no such field.
    """
    if isinstance(arch, Architecture):
        return arch
    if isinstance(arch, str):
        if arch not in ARCHITECTURES:
            raise ValueError(f'arch={arch!r} is not a preset: use one of {list(ARCHITECTURES)}, "auto" or a dict.')
        return ARCHITECTURES[arch]
    try:
        return Architecture(**arch)
    except TypeError as error:
        raise ValueError(f'arch={dict(arch)} is not an architecture ({error}): give embed_dims, depth, ...') from error


def suit_architecture(vit: ViTWeights, name: str) -> Architecture:
    """The architecture for ``arch='auto'``: width, depth and registers from the file, heads of 64 channels.

    Raises:
        ValueError: if heads of 64 channels do not fit, or the file may be TinyMIM's, whose heads have another width.
    """
    width = vit.embed_dims
    asked = f'arch=dict(embed_dims={width}, depth={vit.depth}, num_heads=..., last_num_heads=...)'
    if width % WIDTH_OF_HEADS:
        raise ValueError(f'The heads of {name}, of width {width}, cannot be told from its weights: set {asked}.')
    if vit.positions is None and width < 768:
        raise ValueError(
            f"{name} has MAE's fixed positions and width {width}: TinyMIM's ViT (arch='tiny' or 'small') has other "
            f'heads than an MAE of this width. Set arch to a preset, or {asked}.'
        )
    heads = width // WIDTH_OF_HEADS
    return Architecture(width, vit.depth, heads, heads, vit.num_registers)


def first_blocks(vit: ViTWeights, arch: Architecture, name: str) -> ViTWeights:
    """As many blocks of a public ViT as an architecture of the same width has; one of another width stays whole.

    Raises:
        CheckpointError: if the architecture gives its last block other heads, though it is an inner one of the file.
    """
    if vit.depth <= arch.depth or (vit.embed_dims, vit.num_registers) != (arch.embed_dims, arch.num_registers):
        return vit
    if arch.last_num_heads != arch.num_heads:
        raise CheckpointError(
            f'The first {arch.depth} of the {vit.depth} blocks of {name} have the same number of heads: set '
            f'last_num_heads={arch.num_heads} in arch.'
        )
    return vit.first(arch.depth)


def check_frozen(frozen_stages: int, lora_rank: int | None, depth: int) -> None:
    """Raises a ValueError if an encoder of ``depth`` blocks cannot fix so many of them, or would train nothing."""
    if not -1 <= frozen_stages <= depth:
        raise ValueError(f'frozen_stages={frozen_stages} is out of range: this encoder takes -1 to {depth}.')
    if frozen_stages == depth and lora_rank is not None:
        raise ValueError(f'frozen_stages={depth} trains no block, lora_rank updates them: leave one out.')
