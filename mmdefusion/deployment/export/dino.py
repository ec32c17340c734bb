"""DINO's boxes, with the sizes of maps as symbols where mmdet keeps them in tensors."""

from collections.abc import Sequence

import torch
from mmdet.models import DINO
from torch import Tensor

from mmdefusion.models.layers.padding import cells

from .deformable import Sizes, cell_centres, open_sizes

Size = tuple[int, int]


def detect_by_queries(model: DINO, maps: Sequence[Tensor], size: Size) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes N×K×4, scores N×K and labels N×K of a DINO; see :class:`ExportedDetector`.

    Args:
        model: the detector.
        maps: what its neck gives.
        size: height and width of the images without padding.
    """
    divisor = model.data_preprocessor.pad_size_divisor
    padded = tuple(count * divisor for count in cells([size], divisor)[0])
    sizes = [tuple(found.shape[-2:]) for found in maps]
    masks = [padding_mask(found, size, padded) for found in maps]
    mask = torch.cat([one.flatten(1) for one in masks], dim=1)
    tokens = torch.cat([found.flatten(2).transpose(1, 2) for found in maps], dim=1)
    ratios = torch.stack([model.get_valid_ratio(one) for one in masks], dim=1)  # N×levels×2
    # centres in shares of the part that is no padding, for each level
    points = torch.cat(
        [cell_centres(own, tokens)[None] / ratios[:, None, level] for level, own in enumerate(sizes)], dim=1
    )
    with open_sizes():
        positions = [
            model.positional_encoding(one).flatten(2).transpose(1, 2) + model.level_embed[level]
            for level, one in enumerate(masks)
        ]
        for layer in model.encoder.layers:
            tokens = layer(
                query=tokens,
                query_pos=torch.cat(positions, dim=1),
                key_padding_mask=mask,
                reference_points=points[:, :, None] * ratios[:, None],
                spatial_shapes=sizes,
            )
        query, reference = first_guesses(model, tokens, mask, masks, sizes)
        states, references = model.decoder(
            query=query,
            value=tokens,
            key_padding_mask=mask,
            self_attn_mask=None,
            reference_points=reference,
            spatial_shapes=sizes,
            level_start_index=None,
            valid_ratios=ratios,
            reg_branches=model.bbox_head.reg_branches,
        )
    logits, boxes = (found[-1] for found in model.bbox_head(states, list(references)))
    return best(model, logits, boxes, size)


def padding_mask(found: Tensor, size: Size, padded: Size) -> Tensor:
    """True where a map N×C×h×w lies over padding, N×h×w, by nearest neighbours."""
    inside = [
        torch.arange(cells, device=found.device) * whole // cells < own
        for cells, own, whole in zip(found.shape[-2:], size, padded, strict=True)
    ]
    return ~(inside[0][:, None] & inside[1]).expand(found.shape[0], -1, -1)


def first_guesses(
    model: DINO, memory: Tensor, mask: Tensor, masks: Sequence[Tensor], sizes: Sizes
) -> tuple[Tensor, Tensor]:
    """The queries and boxes (N×Q×C, N×Q×4, cx cy w h in shares) that the decoder begins with."""
    guesses = []
    for level, ((rows, columns), own) in enumerate(zip(sizes, masks, strict=True)):
        count = torch.stack([(~own[:, 0]).sum(1), (~own[:, :, 0]).sum(1)], dim=-1)[:, None]  # N×1×2, columns and rows
        cell = cell_centres((rows, columns), memory) * torch.stack(
            [memory.new_ones(()) * columns, memory.new_ones(()) * rows]
        )
        centre = cell[None] / count
        guesses.append(torch.cat([centre, torch.full_like(centre, 0.05 * 2.0**level)], dim=-1))
    guess = torch.cat(guesses, dim=1)
    useless = mask | ~((guess > 0.01) & (guess < 0.99)).all(-1)
    guess = torch.log(guess / (1 - guess)).masked_fill(useless[..., None], float('inf'))
    hidden = model.memory_trans_norm(model.memory_trans_fc(memory.masked_fill(useless[..., None], 0.0)))
    last, head = model.decoder.num_layers, model.bbox_head
    place = head.cls_branches[last](hidden).amax(-1).topk(model.num_queries, dim=1)[1]
    boxes = (head.reg_branches[last](hidden) + guess).gather(1, place[..., None].expand(-1, -1, 4)).sigmoid()
    return model.query_embedding.weight[None].expand(memory.shape[0], -1, -1), boxes


def best(model: DINO, logits: Tensor, boxes: Tensor, size: Size) -> tuple[Tensor, Tensor, Tensor]:
    """The best boxes in pixels."""
    most, classes = model.test_cfg.get('max_per_img', logits.shape[1]), logits.shape[-1]
    scores, place = logits.sigmoid().flatten(1).topk(most)
    boxes = boxes.gather(1, (place // classes)[..., None].expand(-1, -1, 4))
    height, width = size
    half = boxes[..., 2:] / 2
    corners = torch.stack([boxes[..., :2] - half, boxes[..., :2] + half], dim=-2)  # N×K×2×(x, y)
    x, y = (corners[..., 0] * width).clamp(0, width), (corners[..., 1] * height).clamp(0, height)
    return torch.stack([x, y], dim=-1).flatten(-2), scores, place % classes
