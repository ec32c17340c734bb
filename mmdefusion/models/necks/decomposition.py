"""Common and unique decomposition (CUD) and fusion of DeFusion++ (arXiv 2410.12274, section III)."""

from typing import Literal, get_args

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdefusion.registry import MODELS
from mmdefusion.utils.names import some

from ..checkpoints.errors import CheckpointError
from ..layers import NUM_HEADS, DecompositionBlock, TransformerBlock, Windows, init_transformer
from ..structures import Decomposition, Pair, PairFeatures, Parts

CommonOrder = Literal['sum', 'mean', 'ab', 'ba']
ORDERS = get_args(CommonOrder)


class DecompositionPath(nn.Module):
    """Decomposes and fuses one kind of feature; deep and skip features have separate paths.

    All methods take the ``reach`` of :class:`PairFeatures` as ``mask``.

    Args:
        embed_dims: width C of the tokens.
    """

    def __init__(self, embed_dims: int) -> None:
        super().__init__()
        self.common = DecompositionBlock(embed_dims, 'common', NUM_HEADS)
        self.unique = DecompositionBlock(embed_dims, 'unique', NUM_HEADS)
        self.residual = TransformerBlock(embed_dims, NUM_HEADS)
        self.fusion = DecompositionBlock(embed_dims, 'unique', NUM_HEADS)

    def decompose(self, pair: Pair, order: CommonOrder, mask: Tensor | Windows | None = None) -> Parts:
        """Computes the common tokens and both unique tokens, B×N×C each."""
        return Parts(self.find_common(pair, order, mask), *self.find_unique(pair, mask))

    def find_unique(self, pair: Pair, mask: Tensor | Windows | None = None) -> Pair:
        """Computes the unique tokens of a and of b, B×N×C each."""
        s, t = pair.batched(), pair.swapped()
        # (s, t) = (a, b) gives the unique tokens of b, (b, a) those of a
        unique_b, unique_a = Pair.split(self.unique(s, t, mask) + self.residual(t, mask))
        return Pair(unique_a, unique_b)

    def find_common(self, pair: Pair, order: CommonOrder, mask: Tensor | Windows | None = None) -> Tensor:
        """Computes the common tokens, B×N×C."""
        if order == 'ab':
            return self.common(pair.a, pair.b, mask)
        if order == 'ba':
            return self.common(pair.b, pair.a, mask)
        common_ab, common_ba = Pair.split(self.common(pair.batched(), pair.swapped(), mask))
        both = common_ab + common_ba
        return both / 2 if order == 'mean' else both

    def fuse(self, parts: Parts, mask: Tensor | Windows | None = None) -> Tensor:
        """Fuses the parts, D_f(common, unique a) + D_f(common, unique b), to tokens B×N×C."""
        unique = torch.cat([parts.unique_a, parts.unique_b])
        fused_a, fused_b = Pair.split(self.fusion(parts.common, unique, mask))
        return fused_a + fused_b

    def fuse_alone(self, tokens: Tensor, mask: Tensor | Windows | None = None) -> Tensor:
        """Decomposes and fuses an image with itself, computing once what both orders and both unique parts share."""
        common = self.common(tokens, tokens, mask)
        unique = self.unique(tokens, tokens, mask) + self.residual(tokens, mask)
        return 2 * self.fusion(common, unique, mask)


@MODELS.register_module()
class DecompositionNeck(BaseModule):
    """Splits the features of a pair into common and unique parts and fuses them.

    If the encoder has windows (``window``), so has everything here.

    Args:
        embed_dims: width C of the encoder's tokens.
        common: order of the common feature: ``'sum'`` of both (downstream tasks; symmetric in the images), ``'mean'``
            (fused images: the magnitude that the image heads saw in training), ``'ab'`` or ``'ba'`` (pretraining
            samples one).
        init_cfg: initialisation config of MMEngine, such as ``dict(type='Pretrained', checkpoint=...,
            prefix='neck.0.')``.

    Raises:
        ValueError: if there is no such order of the common feature.
    """

    def __init__(
        self,
        embed_dims: int,
        common: CommonOrder = 'sum',
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if common not in ORDERS:
            raise ValueError(f'common={common!r} is not an order of the common feature: use one of {ORDERS}.')
        self.embed_dims = embed_dims
        self.common = common
        self.deep = DecompositionPath(embed_dims)
        self.skip = DecompositionPath(embed_dims)
        self.mixer = nn.Sequential(*(TransformerBlock(embed_dims, NUM_HEADS) for _ in range(2)))
        init_transformer(self)
        self._register_load_state_dict_pre_hook(self._refuse_others)

    def forward(self, features: PairFeatures, common: CommonOrder | None = None) -> Decomposition:
        """Decomposes and fuses a pair.

        Args:
            features: features of both images.
            common: order of the common feature; None takes that of the constructor.

        Returns:
            All parts and the fused tokens, B×N×C each.
        """
        deep, skip = self.decompose(features, common)
        blended, fused = self.fuse(deep, skip, features.reach)
        return Decomposition(deep, skip, blended, fused, features)

    def decompose(self, features: PairFeatures, common: CommonOrder | None = None) -> tuple[Parts, Parts]:
        """Computes the deep and the skip parts; ``common`` replaces the order of the constructor."""
        order = common or self.common
        return tuple(
            path.decompose(pair, order, features.reach)
            for path, pair in ((self.deep, features.deep), (self.skip, features.skip))
        )

    def decompose_both(self, features: PairFeatures) -> tuple[Pair, Pair]:
        """Computes the unique tokens of a and b, and the common tokens in both orders, each as deep plus skip."""
        paths = (self.deep, features.deep), (self.skip, features.skip)
        unique = zip(*(path.find_unique(pair, features.reach) for path, pair in paths), strict=True)
        common = (sum(path.find_common(pair, order, features.reach) for path, pair in paths) for order in ('ab', 'ba'))
        return Pair(*(deep + skip for deep, skip in unique)), Pair(*common)

    def fuse(self, deep: Parts, skip: Parts, mask: Tensor | Windows | None = None) -> tuple[Tensor, Tensor]:
        """Computes the fused tokens before (f) and after (g) the mixer, B×N×C each."""
        blended = self.deep.fuse(deep, mask) + self.skip.fuse(skip, mask)
        return blended, self._mix(blended, mask)

    def _mix(self, blended: Tensor, mask: Tensor | Windows | None) -> Tensor:
        for block in self.mixer:
            blended = block(blended, mask)
        return blended

    def fuse_alone(self, features: PairFeatures) -> tuple[Tensor, Tensor]:
        """Fuses each image with itself, those of a and then those of b along the batch: 2B×N×C each.

        This is half the work of decomposing pairs of equal images, and gives the same for one order of the common
        feature or the mean.
        """
        paths = (self.deep, features.deep), (self.skip, features.skip)
        blended = sum(path.fuse_alone(pair.batched(), features.reach) for path, pair in paths)
        return blended, self._mix(blended, features.reach)

    def _refuse_others(self, state_dict: dict, prefix: str, *_) -> None:
        """Raises a CheckpointError for weights of something else or another width: MMEngine would only warn."""
        if not prefix and state_dict and not {key.partition('.')[0] for key in state_dict} & {*self._modules}:
            raise CheckpointError(
                f'The checkpoint holds {some(state_dict, 3)} and no decomposition: name its prefix in '
                "init_cfg, 'neck.0.' in weights of pretraining, 'backbone.decomposition.' in those of a detector."
            )
        weight = state_dict.get(f'{prefix}mixer.0.norm1.weight')
        if weight is not None and tuple(weight.shape) != (self.embed_dims,):
            width = weight.shape[0] if weight.ndim == 1 else tuple(weight.shape)
            raise CheckpointError(
                f'The checkpoint holds a decomposition of width {width}, the config builds '
                f'embed_dims={self.embed_dims}: set arch and embed_dims to those of the checkpoint.'
            )
