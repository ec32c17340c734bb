"""ViTs of transformers with random weights, and what they say of images."""

from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import (
    Dinov2Config,
    Dinov2Model,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
    ViTConfig,
    ViTMAEConfig,
    ViTMAEModel,
    ViTModel,
)

from mmdefusion.models.backbones import DeFusionEncoder

WIDTH, DEPTH, HEADS = 128, 3, 2
NUMBERS = dict(
    hidden_size=WIDTH,
    num_hidden_layers=DEPTH,
    num_attention_heads=HEADS,
    image_size=64,
    layer_norm_eps=1e-6,
    qkv_bias=True,
)
MODELS = {
    'vit': lambda: ViTModel(ViTConfig(**NUMBERS, patch_size=16, intermediate_size=4 * WIDTH)),
    'mae': lambda: ViTMAEModel(ViTMAEConfig(**NUMBERS, patch_size=16, intermediate_size=4 * WIDTH, mask_ratio=0.0)),
    'dinov2': lambda: Dinov2Model(Dinov2Config(**NUMBERS, patch_size=16)),
    'registers': lambda: Dinov2WithRegistersModel(
        Dinov2WithRegistersConfig(**NUMBERS, patch_size=16, num_register_tokens=4)
    ),
}


def random_model(kind: str) -> nn.Module:
    """With weights as large as trained ones, so that a mistake shows."""
    torch.manual_seed(0)
    model = MODELS[kind]().eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.ndim > 1:
                value.normal_(std=0.5 if 'embeddings' in name else 0.1)
            elif 'lambda1' in name:
                value.uniform_(0.1, 2)
            else:
                value.add_(torch.randn_like(value), alpha=0.1)
    return model


def hidden_states(model: nn.Module, images: Tensor) -> list[Tensor]:
    """The embedding and the output of each block, class token and patches in their order."""
    config = model.config
    options = {} if 'ov2' in config.model_type else dict(interpolate_pos_encoding=True)
    if config.model_type == 'vit_mae':
        patches = images.shape[-2] * images.shape[-1] // 256
        options['noise'] = torch.arange(patches).float()[None].expand(len(images), -1)  # masks none, keeps the order
    with torch.no_grad():
        states = model(images, output_hidden_states=True, **options).hidden_states
    first = 1 + getattr(config, 'num_register_tokens', 0)
    return [torch.cat([state[:, :1], state[:, first:]], dim=1) for state in states]


def encoder_of(path: Path, arch: str | dict = 'auto') -> DeFusionEncoder:
    """Our encoder with the weights of a file."""
    encoder = DeFusionEncoder(arch, init_cfg=dict(type='Pretrained', checkpoint=str(path)))
    encoder.init_weights()
    return encoder.eval()
