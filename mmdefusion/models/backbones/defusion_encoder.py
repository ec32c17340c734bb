"""The siamese ViT encoder of DeFusion++ (arXiv 2410.12274, section III)."""

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.utils.checkpoint import checkpoint

from mmdefusion.registry import MODELS
from mmdefusion.utils.names import shown, some

from ..checkpoints.encoder_fit import POSITIONS, refuse_other_encoder
from ..checkpoints.errors import CheckpointError, NotFetchedError
from ..checkpoints.low_rank import merge_foreign_updates
from ..checkpoints.vit import ViTWeights
from ..checkpoints.vit_file import pretrained_vit
from ..layers import (
    Content,
    PatchEmbed,
    PositionEmbedding,
    TransformerBlock,
    Windows,
    init_transformer,
    sincos_position_embedding,
)
from ..layers.low_rank import train_updates_only, updates_of
from ..layers.windows import check_windows
from ..structures import Pair, PairFeatures
from .architectures import check_frozen, first_blocks, resolve_architecture, suit_architecture

EPS = 1e-6  # epsilon of LayerNorm inside the encoder


def encoder_layer_id(name: str, depth: int) -> int:
    """The depth of an encoder parameter, for layer-wise learning-rate decay.

    Args:
        name: name of the parameter inside the encoder, such as ``blocks.3.attn.qkv.weight``.
        depth: number of blocks.

    Returns:
        0 for the embedding, k for block k - 1, ``depth`` + 1 for the norms of the skip feature, which belong to the
        parts that read the encoder.
    """
    if name.startswith('blocks.'):
        return int(name.split('.')[1]) + 1
    return depth + 1 if name.startswith('skip_norm') else 0


@MODELS.register_module()
class DeFusionEncoder(BaseModule):
    """The ViT/16 that encodes both images of a pair with the same weights, in one batch.

    Args:
        arch: ``'tiny'``, ``'small'`` or ``'base'`` (widths 192, 384, 768; heads as in TinyMIM), ``'deit-tiny'``,
            ``'deit-small'``, ``'deit-base'``, ``'dinov2-small'``, ``'dinov2-base'``, a dict of ``embed_dims``,
            ``depth``, ``num_heads``, ``last_num_heads``, ``num_registers``, or ``'auto'`` for that of the file in
            ``init_cfg``, with heads of 64 channels.
        drop_path_rate: rate of stochastic depth, the same in all blocks except the last, which has none.
        frozen_stages: -1 trains everything, 0 freezes the embedding, k freezes it and the first k blocks.
        with_cp: whether to recompute activations in the backward pass (activation checkpointing), which saves memory.
        window: longest side in patches of the windows (:class:`Windows`) within which all but the global blocks, and
            all that read the features, attend; for large images. 14, as in training at 224 pixels, is ViTDet's choice.
            None attends to the whole image everywhere. Windows have no parameters, so any checkpoint fits.
        global_blocks: number of blocks that attend to the whole image nevertheless, evenly spaced, with the last one.
        pooling: longest side in patches of the cells through whose means patches see other windows, coarsely; 5 is
            usual, with ``global_blocks=0``. None hides other windows.
        lora_rank: rank of updates that are trained instead of the weights of this encoder, one for the joint map of
            query, key and value in each block (LoRA, :class:`LowRankLinear`); 4 or 8 are usual. The norms of the skip
            feature, which a public ViT lacks, are trained as well. None trains all weights.
        init_cfg: initialisation config of MMEngine, such as ``dict(type='Pretrained', checkpoint=...,
            prefix='backbone.')``. The file may be one of ours or any plain public ViT (see :func:`read_vit` for the
            layouts). By default, the encoder starts from Xavier-uniform linear maps.

    Raises:
        ValueError: if ``arch='auto'`` has no file, ``frozen_stages`` is out of range or leaves ``lora_rank`` nothing to
            train, or windows, global blocks or pooling do not fit the depth.
    """

    def __init__(
        self,
        arch: str | dict = 'tiny',
        drop_path_rate: float = 0.1,
        frozen_stages: int = -1,
        with_cp: bool = False,
        window: int | None = None,
        global_blocks: int = 4,
        init_cfg: dict | list | None = None,
        lora_rank: int | None = None,
        pooling: int | None = None,
    ) -> None:
        super().__init__(init_cfg)
        vit, name = self._vit_at_hand(needed=arch == 'auto')
        if arch == 'auto' and vit is None:
            mend = f'{name} holds none that is plain' if name else f'init_cfg={init_cfg} names none that is there'
            raise ValueError(f"arch='auto' is that of a public ViT, and {mend}: name another, or the arch.")
        self.arch = suit_architecture(vit, name) if arch == 'auto' else resolve_architecture(arch)
        self.embed_dims, depth = self.arch.embed_dims, self.arch.depth
        self.depth_named = not isinstance(arch, str)
        check_frozen(frozen_stages, lora_rank, depth)
        check_windows(window, global_blocks, pooling, depth)
        self.frozen_stages = frozen_stages
        self.with_cp = with_cp
        self.window, self.pooling = window, pooling
        self.global_blocks = {-(-depth * k // global_blocks) - 1 for k in range(1, global_blocks + 1)}

        self.patch_embed = PatchEmbed(self.embed_dims)
        self.position_embedding = PositionEmbedding(self.embed_dims)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, self.embed_dims))
        if self.arch.num_registers:
            self.register_tokens = nn.Parameter(torch.zeros(1, self.arch.num_registers, self.embed_dims))
        self.blocks = nn.ModuleList(
            TransformerBlock(self.embed_dims, self.arch.num_heads, EPS, drop_path_rate) for _ in range(depth - 1)
        )
        self.blocks.append(TransformerBlock(self.embed_dims, self.arch.last_num_heads, EPS))
        self.skip_norm1 = nn.LayerNorm(self.embed_dims)
        self.skip_norm2 = nn.LayerNorm(self.embed_dims)

        init_transformer(self)
        nn.init.normal_(self.cls_token, std=0.02)
        if lora_rank is not None:
            train_updates_only(self, [block.attn for block in self.blocks], lora_rank, besides='skip_norm')
        self._names = frozenset(self.state_dict())  # before anything (FSDP) wraps the blocks
        self._register_load_state_dict_pre_hook(self._prepare_to_load)
        if vit is not None:
            self.make_room(vit)
        self._freeze()

    def forward(self, pair: Tensor, added: Tensor | None = None) -> PairFeatures:
        """Encodes pairs of any height and width.

        Args:
            pair: B×6×H×W, two normalised RGB images along the channels. If the preprocessor has padded them, each image
                gets the positions of its own grid, and nothing attends to padding.
            added: maps 2B×C×h×w that are added to the patches before the first block, those of the second images after
                the first's (:class:`TokenInjection`); what lies beyond the grid is left out.

        Returns:
            The features of both images, tokens B×N×C with N = 1 + h·w.

        Raises:
            ValueError: if the tensor does not have six channels.
        """
        if pair.ndim != 4 or pair.shape[1] != 6:
            raise ValueError(
                f'DeFusionEncoder got a tensor of shape {tuple(pair.shape)} but reads B×6×H×W, two RGB images: '
                'set data_preprocessor to mmdefusion.PairedDetDataPreprocessor or PairedSegDataPreprocessor.'
            )
        content = Content.of(pair)
        layers, grid = self.encode(torch.cat(content.without_padding(pair).chunk(2, dim=1)), content, added)
        skip = self.skip_norm1(layers[0]) + self.skip_norm2(layers[1])
        return PairFeatures(
            deep=Pair.split(layers[-1]),
            skip=Pair.split(skip),
            layers=tuple(Pair.split(layer) for layer in layers),
            grid=grid,
            content=content,
            mask=content.token_mask(grid, pair.device),
            windows=self._windows(grid, content),
            pair=pair,
        )

    def encode(
        self, images: Tensor, content: Content | None = None, added: Tensor | None = None
    ) -> tuple[list[Tensor], tuple[int, int]]:
        """Encodes single images.

        Args:
            images: normalised RGB images, B×3×H×W; both images of pairs are concatenated along the batch.
            content: sizes of the images, if any is padded; for pairs, those of half the batch.
            added: maps B×C×h×w that are added to the patches.

        Returns:
            Tokens B×N×C: the embedding, then the output of each block; and the grid h, w.
        """
        tokens, grid = self.patch_embed(images)
        if added is not None:
            tokens = tokens + added[..., : grid[0], : grid[1]].flatten(2).transpose(1, 2)
        mask = content.token_mask(grid, images.device) if content else None
        position = self.position_embedding(grid) if mask is None else self._own_positions(content, grid, len(images))
        # positions are float32 under autocast, and so are the sums
        cls_token = (self.cls_token + position[..., :1, :]).expand(tokens.shape[0], -1, -1)
        registers = self.register_tokens.expand(tokens.shape[0], -1, -1) if self.arch.num_registers else None
        parts = (cls_token, registers, tokens + position[..., 1:, :])
        x = torch.cat([part for part in parts if part is not None], dim=1)
        if mask is not None:
            mask = pad(mask, (self.arch.num_registers, 0), value=True)
        layers = [x]
        windows = self._windows(grid, content, self.arch.num_registers)
        for index, block in enumerate(self.blocks):
            reach = mask if windows is None or index in self.global_blocks else windows
            recomputed = self.with_cp and x.requires_grad
            x = checkpoint(block, x, reach, use_reentrant=False) if recomputed else block(x, reach)
            layers.append(x)
        if registers is not None:  # only the blocks use registers, so they are removed here
            first = 1 + self.arch.num_registers
            layers = [torch.cat([layer[:, :1], layer[:, first:]], dim=1) for layer in layers]
        return layers, grid

    def _windows(self, grid: tuple[int, int], content: Content | None, num_registers: int = 0) -> Windows | None:
        if self.window is None:
            return None
        own = content.grids() if content else None
        sizes = tuple(map(int, grid))  # tracing gives tensors
        return Windows(self.window, sizes, own, 1 + num_registers, self.pooling)

    def _own_positions(self, content: Content, grid: tuple[int, int], batch: int) -> Tensor:
        """The position embedding of each image's own grid, padded to the common grid: B×(1 + h·w)×C."""
        found = torch.stack([self.position_embedding.within(own, grid) for own in content.grids()])
        return found.repeat(batch // len(found), 1, 1)

    def init_weights(self) -> None:
        """Loads the file in ``init_cfg``: one of ours as MMEngine does, a public ViT by its layout.

        Raises:
            ValueError: if the file holds neither, or another architecture.
        """
        vit, name = (None, '') if self.is_init else pretrained_vit(self.init_cfg)
        if vit is None:
            super().init_weights()
        else:
            self.load_vit(vit, name)
            self.is_init = True

    def make_room(self, vit: ViTWeights) -> None:
        """Gives the positions the shape of a public ViT's, before anything (EMA, FSDP) copies this encoder."""
        if vit.positions is not None:
            self.position_embedding.take(torch.zeros_like(vit.positions), antialias=self.arch.num_registers > 0)

    def load_vit(self, vit: ViTWeights, name: str) -> None:
        """Loads the weights of a public ViT; the norms of the skip feature, which it lacks, keep their values.

        An encoder whose depth was named in a dict, and is smaller, takes the first blocks, whose tokens often say more
        of a place than the last ones'.

        Raises:
            CheckpointError: if it has another architecture, or too few blocks, or if the last block that is taken has
                other heads than the first, though it is an inner one of the file.
        """
        depth, vit = vit.depth, first_blocks(vit, self.arch, name) if self.depth_named else vit
        held = vit.embed_dims, vit.depth, vit.num_registers
        if held != (self.embed_dims, len(self.blocks), self.arch.num_registers):
            raise CheckpointError(
                f'{name} holds a ViT of width {held[0]} with {held[1]} blocks and {held[2]} register tokens, the '
                f"config builds {self.arch}: set arch to that of the file, or to 'auto'."
            )
        table = {} if vit.positions is None else {POSITIONS: vit.positions}
        missing, unexpected = self.load_state_dict({**vit.state, **table}, strict=False)
        own = ('skip_norm', *updates_of(self))
        wrong = [key for key in missing if not key.startswith(own)] + unexpected
        if wrong:
            raise CheckpointError(f'{name} does not fit mmdefusion.DeFusionEncoder: {some(wrong)}.')
        positions = 'fixed positions' if vit.positions is None else f'{len(vit.positions) - 1} learned positions'
        line = f'{name}: loaded a public ViT ({vit.depth} of {depth} blocks of width {vit.embed_dims}, {positions})'
        print_log(shown(f'{line}; set aside: {some(vit.set_aside) or "nothing"}.'), 'current')

    def _vit_at_hand(self, needed: bool) -> tuple[ViTWeights | None, str]:
        """The public ViT in ``init_cfg``, or None if it is not here, which is an error in training, or if needed."""
        # fetched already now, as what copies this encoder needs its shapes (make_room)
        try:
            return pretrained_vit(self.init_cfg)
        except (FileNotFoundError, NotFetchedError) as error:
            if needed:
                raise CheckpointError(f"arch='auto' is that of a public ViT. {error}") from None
            return None, ''

    def train(self, mode: bool = True) -> 'DeFusionEncoder':
        """Sets the mode of all parts except frozen stages, which stay in evaluation mode (no stochastic depth)."""
        super().train(mode)
        self._freeze()
        return self

    def _freeze(self) -> None:
        if self.frozen_stages < 0:
            return
        self.cls_token.requires_grad_(False)
        if self.arch.num_registers:
            self.register_tokens.requires_grad_(False)
        for module in (self.patch_embed, *self.blocks[: self.frozen_stages]):
            module.eval()
            module.requires_grad_(False)

    def _prepare_to_load(self, state_dict: dict, prefix: str, *_) -> None:
        """Makes room for learned positions, and raises a CheckpointError for weights of another encoder.

        Low-rank updates that this encoder lacks, or has of another rank, are merged into the weights.
        """
        updates = updates_of(self)
        merge_foreign_updates(state_dict, prefix, updates)
        held = {key[len(prefix) :]: value for key, value in state_dict.items() if key.startswith(prefix)}
        if not held:
            return
        refuse_other_encoder(held, self._names, self.embed_dims, updates, self.arch)
        table = held.get(POSITIONS)
        if table is None and self.position_embedding.learned:  # weights with fixed positions do not store them
            table = state_dict[f'{prefix}{POSITIONS}'] = sincos_position_embedding(self.embed_dims)
        if table is not None:  # it replaces the fixed embedding or a table of another size
            self.position_embedding.take(self.cls_token.new_zeros(table.shape), antialias=self.arch.num_registers > 0)
