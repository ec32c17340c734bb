"""Which parts of a network hold their parameters together in fully sharded training (FSDP)."""

from torch import nn
from torch.distributed.fsdp.wrap import transformer_auto_wrap_policy

from mmdefusion.models.layers import DecompositionBlock, TransformerBlock
from mmdefusion.registry import FUNCTIONS


@FUNCTIONS.register_module()
def wrap_blocks(module: nn.Module, recurse: bool, nonwrapped_numel: int) -> bool:
    """The ``auto_wrap_policy`` of MMEngine's FSDP for networks of ours: each block of encoder and decomposition.

    By the number of parameters, parts would be wrapped whose weights others read, and which nothing calls.

    Args:
        module, recurse, nonwrapped_numel: as of torch's policies.
    """
    blocks = {DecompositionBlock, TransformerBlock}
    return transformer_auto_wrap_policy(module, recurse, nonwrapped_numel, transformer_layer_cls=blocks)
