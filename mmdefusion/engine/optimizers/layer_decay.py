"""Layer-wise learning-rate decay for the encoder and the decomposition."""

from collections.abc import Callable

from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from mmdefusion.models.backbones.defusion_encoder import DeFusionEncoder, encoder_layer_id
from mmdefusion.models.necks.decomposition import DecompositionNeck
from mmdefusion.registry import OPTIM_WRAPPER_CONSTRUCTORS

UNDECAYED = {'cls_token', 'register_tokens', 'gates'}  # parts of names of parameters


def layer_ids(model: nn.Module) -> tuple[Callable[[str], int], int]:
    """Makes a function from the name of a parameter to its layer, and counts the layers.

    The embedding is layer 0 and block k of the encoder is layer k + 1. The decomposition (pretrained too) and the norms
    of the skip feature are the next layer. Everything else (pyramids and heads, which start from random weights,
    and a spatial prior) is the last layer.

    Raises:
        ValueError: if the model does not have exactly one :class:`DeFusionEncoder`. Where it has several, those that
            are frozen do not count, such as that of the teacher of a semi-supervised detector.
    """
    encoders = {name: module for name, module in model.named_modules() if isinstance(module, DeFusionEncoder)}
    count = len(encoders)
    if count > 1:
        encoders = {
            name: module
            for name, module in encoders.items()
            if any(parameter.requires_grad for parameter in module.parameters())
        }
    necks = tuple(f'{name}.' for name, module in model.named_modules() if isinstance(module, DecompositionNeck))
    if len(encoders) != 1:
        trained = f', {len(encoders)} of them trained' if count > 1 else ''
        raise ValueError(
            f'LayerDecayOptimWrapperConstructor found {count} DeFusionEncoders in {type(model).__name__}{trained}, and '
            'needs one: use it with backbone mmdefusion.DeFusionEncoder or DeFusionPP, or drop `constructor`.'
        )
    ((encoder_name, encoder),) = encoders.items()
    prefix, depth = f'{encoder_name}.' if encoder_name else '', len(encoder.blocks)

    def layer_id(name: str) -> int:
        if name.startswith(prefix):
            return encoder_layer_id(name[len(prefix) :], depth)
        return depth + 1 if name.startswith(necks) else depth + 2

    return layer_id, depth + 3


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """Scales the learning rate of layer k of n by ``layer_decay_rate ** (n - 1 - k)``.

    Set ``optim_wrapper.constructor`` to this class and ``optim_wrapper.paramwise_cfg`` to
    ``dict(layer_decay_rate=0.7)``. Norms, biases, class and register tokens get no weight decay, as is usual for ViTs,
    nor do gates, which it would close.

    Raises:
        ValueError: if ``paramwise_cfg`` has other keys, which would be ignored.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        if set(paramwise_cfg or ()) != {'layer_decay_rate'}:
            raise ValueError(
                f'paramwise_cfg={paramwise_cfg} of LayerDecayOptimWrapperConstructor must be '
                'dict(layer_decay_rate=...), 0.7 say, or 1.0 for no decay, and nothing else.'
            )
        super().__init__(optim_wrapper_cfg, paramwise_cfg)

    def add_params(self, params: list[dict], module: nn.Module, **_) -> None:
        """Appends a parameter group for each layer, with and without weight decay."""
        rate = self.paramwise_cfg['layer_decay_rate']
        layer_id, num_layers = layer_ids(module)
        groups: dict[tuple[int, bool], dict] = {}
        for name, parameter in module.named_parameters():
            if not parameter.requires_grad:
                continue
            layer, decays = layer_id(name), parameter.ndim > 1 and UNDECAYED.isdisjoint(name.split('.'))
            if (layer, decays) not in groups:
                groups[layer, decays] = {
                    'params': [],
                    'lr': self.base_lr * rate ** (num_layers - 1 - layer),
                    'weight_decay': (self.base_wd or 0.0) if decays else 0.0,
                }
            groups[layer, decays]['params'].append(parameter)
        params.extend(groups[key] for key in sorted(groups))
