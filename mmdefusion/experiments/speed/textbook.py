"""DeFusion++ as a textbook has it: every matrix of attention in memory, one image after the other, every map by itself.

Written out from the paper and the layout of its checkpoints, with the weights of our modules and none of their code for
attention, decomposition or losses, so that it serves as a check of the results and as a measure of the speed.
"""

from functools import partial

from torch import Tensor, cat, nn
from torch.nn.functional import gelu, linear, pad

from mmdefusion.models.backbones import DeFusionEncoder
from mmdefusion.models.layers import Content, DecompositionBlock, TransformerBlock
from mmdefusion.models.losses import CUDLoss
from mmdefusion.models.necks import DecompositionNeck
from mmdefusion.models.necks.decomposition import DecompositionPath
from mmdefusion.models.structures import Decomposition, FusedImages, Pair, PairFeatures, Parts


def attention(q: Tensor, k: Tensor, v: Tensor, num_heads: int) -> Tensor:
    """softmax(q·kᵀ / √width)·v of B×N×C over heads, with its B×heads×N×N matrices."""
    q, k, v = (x.unflatten(-1, (num_heads, -1)).transpose(1, 2) for x in (q, k, v))
    weights = (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(-1)
    return (weights @ v).transpose(1, 2).flatten(2)


def plain(module: nn.Linear, x: Tensor) -> Tensor:
    """A linear map without what ours does on CPUs."""
    return linear(x, module.weight, module.bias)


def vit_block(block: TransformerBlock, x: Tensor) -> Tensor:
    """A pre-norm ViT block."""
    q, k, v = plain(block.attn.qkv, block.norm1(x)).chunk(3, dim=-1)
    x = x + block.drop_path(plain(block.attn.proj, attention(q, k, v, block.attn.num_heads)))
    return x + block.drop_path(plain(block.mlp.fc2, gelu(plain(block.mlp.fc1, block.norm2(x)))))


def decomposition_block(block: DecompositionBlock, s: Tensor, t: Tensor) -> Tensor:
    """D(s, t), with two linear maps in a row."""
    key = t if block.kind == 'common' else s
    inputs = plain(block.query, t), plain(block.key, key), plain(block.value, s)
    weights, biases = block.attn.in_proj.weight.chunk(3), block.attn.in_proj.bias.chunk(3)
    q, k, v = (linear(*each) for each in zip(inputs, weights, biases, strict=True))
    drop = partial(nn.Dropout.forward, block.drop)
    y = block.norm1(t + drop(plain(block.attn.out_proj, attention(q, k, v, block.attn.num_heads))))
    return block.norm2(y + drop(plain(block.linear2, drop(plain(block.linear1, y).relu()))))


def encode(encoder: DeFusionEncoder, image: Tensor) -> tuple[list[Tensor], tuple[int, int]]:
    """The embedding of B×3×H×W and the output of each block, and the grid of patches."""
    image = pad(image, (0, -image.shape[-1] % 16, 0, -image.shape[-2] % 16), mode='replicate')
    patches = encoder.patch_embed.proj(image)
    grid = tuple(patches.shape[-2:])
    tokens = cat([encoder.cls_token.expand(len(image), -1, -1), patches.flatten(2).transpose(1, 2)], dim=1)
    layers = [tokens + encoder.position_embedding(grid)]
    for block in encoder.blocks:
        layers.append(vit_block(block, layers[-1]))
    return layers, grid


def features(encoder: DeFusionEncoder, pair: Tensor) -> PairFeatures:
    """The features of both images of B×6×H×W, one after the other."""
    (a, grid), (b, _) = (encode(encoder, image) for image in pair.chunk(2, dim=1))
    skip = Pair(*(encoder.skip_norm1(layers[0]) + encoder.skip_norm2(layers[1]) for layers in (a, b)))
    layers = tuple(Pair(*each) for each in zip(a, b, strict=True))
    return PairFeatures(Pair(a[-1], b[-1]), skip, layers, grid, Content(tuple(pair.shape[-2:])))


def decompose(path: DecompositionPath, pair: Pair, order: str) -> Parts:
    """Common and unique tokens of one kind of feature."""
    a, b = pair
    if order in ('ab', 'ba'):
        common = decomposition_block(path.common, *((a, b) if order == 'ab' else (b, a)))
    else:
        common = decomposition_block(path.common, a, b) + decomposition_block(path.common, b, a)
        common = common / 2 if order == 'mean' else common
    unique_a = decomposition_block(path.unique, b, a) + vit_block(path.residual, a)
    unique_b = decomposition_block(path.unique, a, b) + vit_block(path.residual, b)
    return Parts(common, unique_a, unique_b)


def fuse(neck: DecompositionNeck, deep: Parts, skip: Parts) -> tuple[Tensor, Tensor]:
    """The fused tokens before and after the mixer."""
    blended = 0
    for path, parts in ((neck.deep, deep), (neck.skip, skip)):
        for unique in (parts.unique_a, parts.unique_b):
            blended = blended + decomposition_block(path.fusion, parts.common, unique)
    fused = blended
    for block in neck.mixer:
        fused = vit_block(block, fused)
    return blended, fused


def losses(loss: CUDLoss, drawn: FusedImages, mfm: Tensor, target: FusedImages) -> dict[str, Tensor]:
    """The losses of each image by itself, averaged."""
    total = {}
    for index in range(len(mfm)):
        one, other = (FusedImages(*(x[index : index + 1] for x in images)) for images in (drawn, target))
        for name, value in CUDLoss.forward(loss, one, mfm[index : index + 1], other).items():
            total[name] = total.get(name, 0) + value / len(mfm)
    return total


def to_textbook(model: nn.Module) -> nn.Module:
    """Lets the encoder, the decomposition and the losses of a model compute as a textbook would; returns the model."""
    for module in model.modules():
        if isinstance(module, TransformerBlock):  # those of image heads; encoder and decomposition call none of these
            module.forward = lambda x, mask=None, block=module: vit_block(block, x)
        elif isinstance(module, DecompositionBlock):  # those of pyramids
            module.forward = lambda s, t, mask=None, block=module: decomposition_block(block, s, t)
        elif isinstance(module, DeFusionEncoder):
            module.forward = lambda pair, encoder=module: features(encoder, pair)
        elif isinstance(module, DecompositionNeck):
            module.forward = lambda found, common=None, neck=module: _decomposition(neck, found, common)
            module.fuse = lambda deep, skip, mask=None, neck=module: fuse(neck, deep, skip)
        elif isinstance(module, CUDLoss):
            module.forward = lambda *images, loss=module: losses(loss, *images)
    return model


def _decomposition(neck: DecompositionNeck, found: PairFeatures, common: str | None) -> Decomposition:
    order = common or neck.common
    deep, skip = decompose(neck.deep, found.deep, order), decompose(neck.skip, found.skip, order)
    return Decomposition(deep, skip, *fuse(neck, deep, skip), found)
