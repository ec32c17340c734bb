"""Which parts of a network hold their parameters together in fully sharded training (FSDP)."""

from functools import partial

from torch.distributed.fsdp.wrap import transformer_auto_wrap_policy

from mmdefusion.models.layers import DecompositionBlock, TransformerBlock

# by the number of parameters, parts would be wrapped whose weights others read, and which nothing calls
wrap_blocks = partial(transformer_auto_wrap_policy, transformer_layer_cls={DecompositionBlock, TransformerBlock})
