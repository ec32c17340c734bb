"""Deformable attention for maps whose sizes are open: sizes are symbols, where the toolboxes keep them in tensors.

Their positions, too, are computed without a slice of the last row or column: torch's tracer asks whether its length, an
expression of the open size, is that of the map, and stops at the contradiction.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from mmcv.ops import MultiScaleDeformableAttention
from mmdet.models.layers import MSDeformAttnPixelDecoder, SinePositionalEncoding
from torch import Tensor
from torch.nn.functional import interpolate

from .operators import sample

Sizes = Sequence[tuple[int, int]]  # rows and columns of each level


def attend(
    self: MultiScaleDeformableAttention,
    query: Tensor,
    key: Tensor | None = None,
    value: Tensor | None = None,
    identity: Tensor | None = None,
    query_pos: Tensor | None = None,
    key_padding_mask: Tensor | None = None,
    reference_points: Tensor | None = None,
    spatial_shapes: Sizes = (),
    **_: Any,
) -> Tensor:
    """The forward pass of mmcv's MultiScaleDeformableAttention, with sizes instead of a tensor of them.

    Args:
        self: the module, batch first.
        query, value, identity, query_pos: B×Q×C, B×N×C, B×Q×C, B×Q×C.
        key: not used, as in mmcv.
        key_padding_mask: true for padding, B×N.
        reference_points: B×Q×levels×2 or ×4, in shares of the padded image.
        spatial_shapes: of the maps that ``value`` is made of.

    Returns:
        B×Q×C.
    """
    value = query if value is None else value
    identity = query if identity is None else identity
    query = query if query_pos is None else query + query_pos
    heads, points = self.num_heads, self.num_points
    values = self.value_proj(value)
    if key_padding_mask is not None:
        values = values.masked_fill(key_padding_mask[..., None], 0.0)
    offsets = self.sampling_offsets(query).unflatten(-1, (heads, self.num_levels, points, 2))
    weights = self.attention_weights(query).unflatten(-1, (heads, -1)).softmax(-1)
    sampled, start = [], 0
    for level, (rows, columns) in enumerate(spatial_shapes):
        centre = reference_points[:, :, None, level, None]
        moved = offsets[:, :, :, level]
        if reference_points.shape[-1] == 2:
            places = centre + torch.stack([moved[..., 0] / columns, moved[..., 1] / rows], dim=-1)
        else:
            places = centre[..., :2] + moved / points * centre[..., 2:] * 0.5
        here = values[:, start : start + rows * columns].transpose(1, 2).unflatten(1, (heads, -1)).flatten(0, 1)
        grid = (2 * places - 1).transpose(1, 2).flatten(0, 1)
        maps = here.unflatten(-1, (rows, columns))
        sampled.append(sample(maps, grid))
        start += rows * columns
    shares = weights.transpose(1, 2).flatten(0, 1)[:, None]  # B·heads×1×Q×(levels·points)
    found = (torch.cat(sampled, dim=-1) * shares).sum(-1)
    found = found.unflatten(0, (-1, heads)).flatten(1, 2).transpose(1, 2)
    return self.output_proj(found) + identity


def decode_pixels(self: MSDeformAttnPixelDecoder, feats: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """The forward pass of mmdet's MSDeformAttnPixelDecoder, with sizes instead of a tensor of them.

    Args:
        self: the module.
        feats: maps B×C×h×w, finest first.

    Returns:
        The map of mask features, and maps from coarse to fine.
    """
    tokens, positions, points, sizes = [], [], [], []
    for place in range(self.num_encoder_levels):
        level = self.num_input_levels - place - 1
        found, size = feats[level], tuple(feats[level].shape[-2:])
        nothing = found.new_zeros((found.shape[0], *size), dtype=torch.bool)
        position = self.postional_encoding(nothing) + self.level_encoding.weight[place].view(1, -1, 1, 1)
        tokens.append(self.input_convs[place](found).flatten(2).transpose(1, 2))
        positions.append(position.flatten(2).transpose(1, 2))
        points.append(cell_centres(size, found))
        sizes.append(size)
    points = torch.cat(points)[None, :, None].expand(feats[0].shape[0], -1, self.num_encoder_levels, -1)
    memory = torch.cat(tokens, dim=1)
    for layer in self.encoder.layers:
        memory = layer(
            query=memory,
            query_pos=torch.cat(positions, dim=1),
            key_padding_mask=None,
            reference_points=points,
            spatial_shapes=sizes,
        )
    outs, start = [], 0
    for rows, columns in sizes:
        outs.append(memory[:, start : start + rows * columns].transpose(1, 2).unflatten(-1, (rows, columns)))
        start += rows * columns
    for level in range(self.num_input_levels - self.num_encoder_levels - 1, -1, -1):
        lateral = self.lateral_convs[level](feats[level])
        coarse = interpolate(outs[-1], size=lateral.shape[-2:], mode='bilinear', align_corners=False)
        outs.append(self.output_convs[level](lateral + coarse))
    return self.mask_feature(outs[-1]), outs[: self.num_outs]


def cell_centres(size: tuple[int, int], like: Tensor) -> Tensor:
    """x and y of the cells of a map in shares of it, (h·w)×2."""
    rows, columns = ((torch.arange(side, device=like.device) + 0.5) / side for side in size)
    y, x = torch.meshgrid(rows, columns, indexing='ij')
    return torch.stack([x.flatten(), y.flatten()], dim=-1).to(like.dtype)


def encode_positions(self: SinePositionalEncoding, mask: Tensor, input: Tensor | None = None) -> Tensor:
    """The forward pass of mmdet's SinePositionalEncoding for the mask of a map.

    Args:
        self: the module.
        mask: true for padding, B×h×w.
        input: not used, as in mmdet where there is a mask.

    Returns:
        B×2·num_feats×h×w.
    """
    inside = (~mask).float()
    octave = torch.arange(self.num_feats, device=mask.device) // 2 * 2 / self.num_feats
    found = []
    for dim in (1, 2):
        place = inside.cumsum(dim)
        if self.normalize:
            place = (place + self.offset) / (place.amax(dim, keepdim=True) + self.eps) * self.scale
        angle = place[..., None] / self.temperature**octave
        found.append(torch.stack([angle[..., 0::2].sin(), angle[..., 1::2].cos()], dim=-1).flatten(-2))
    return torch.cat(found, dim=-1).permute(0, 3, 1, 2)


@contextmanager
def open_sizes() -> Iterator[None]:
    """Exchanges the forward passes while a model is traced."""
    ours = {
        MultiScaleDeformableAttention: attend,
        MSDeformAttnPixelDecoder: decode_pixels,
        SinePositionalEncoding: encode_positions,
    }
    before = {part: part.forward for part in ours}
    try:
        for part, forward in ours.items():
            part.forward = forward
        yield
    finally:
        for part, forward in before.items():
            part.forward = forward
