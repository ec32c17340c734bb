"""Small networks with heads of the zoo that are sure of something, though nobody trained them."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import torch
from mmengine.config import Config
from torch import Tensor, nn

from mmdefusion.apis import PairedDetInferencer, PairedSegInferencer
from mmdefusion.scenes import SceneGenerator

from .zoo import untrained

SMALL = dict(embed_dims=48, depth=4, num_heads=3, last_num_heads=6)
SIZES = ((149, 117), (101, 157), (160, 128))  # width and height of pairs: odd, upright, even
# mean and spread over places that the outputs of a layer get, by a word in its name; the first that fits
SPREADS = {
    ('cls_convs', 'reg_convs', 'rpn_conv', 'shared_', '.convs.'): (0.0, 1.0),
    ('mask_head.conv_logits',): (2.0, 1.0),  # most of a box is its object, as in a trained network: few edges
    ('mask_embed.4',): (0.0, 1.0),
    ('pixel_decoder.mask_feature',): (0.0, 0.2),  # of each channel, so that masks differ from place to place
    ('fc_cls', 'conv_seg', 'cls_embed'): (0.0, 2.0),  # softmax
    ('rpn_cls', 'retina_cls', 'atss_cls', 'rtm_cls', 'cls_branches'): (-2.0, 1.5),  # sigmoid
    ('rpn_reg', 'fc_reg', 'retina_reg', 'reg_branches'): (0.0, 0.4),
}
AFTER_EACH_LAYER = ('cls_embed', 'mask_embed.4')  # called for each layer of a decoder, whose last result counts


class Small(NamedTuple):
    """A small network in files.

    Attributes:
        config, checkpoint: files of the network.
        pairs: folder of three pairs.
        classes: names of its classes.
    """

    config: str
    checkpoint: str
    pairs: str
    classes: tuple[str, ...]


def small_network(path: Path, folder: Path) -> Small:
    """Write a config of the zoo with a small ViT, weights with spread heads, and pairs of several sizes."""
    config = Config.fromfile(path)
    settings = config.model.to_dict()
    shrink(settings)
    config.model = settings
    for step in config.test_dataloader.dataset.pipeline:
        if step['type'] == 'Resize':
            step['scale'] = (149, 117)  # odd sides
    write_pairs(folder)
    config.dump(str(folder / 'config.py'))
    checkpoint = untrained(config, folder)
    spread(config, checkpoint, [str(folder / name / '0.png') for name in ('vi', 'ir')])
    return Small(str(folder / 'config.py'), checkpoint, str(folder), tuple(config.classes))


def write_pairs(folder: Path) -> None:
    """Write generated scenes of several sizes as files in the folders ``vi`` and ``ir``."""
    for name in ('vi', 'ir'):
        (folder / name).mkdir()
    for seed, size in enumerate(SIZES):
        scene = SceneGenerator((160, 128))(seed)
        for name, image in (('vi', scene.visible), ('ir', scene.infrared)):
            cv2.imwrite(str(folder / name / f'{seed}.png'), cv2.resize(image, size))


def shrink(value: object) -> None:
    """Make a config's ViT and transformers small, and proposals few, in place."""
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        shrink(part)
    if isinstance(value, dict):
        if 'arch' in value:
            value['arch'] = SMALL
            value.pop('init_cfg', None)  # weights of another size
        value.update({'embed_dims': 48} if value.get('embed_dims') == 192 else {})
        value.update({'layers': (1, 2, 3)} if 'layers' in value else {})
        value.update({'max_per_img': 100} if value.get('max_per_img') == 1000 else {})  # proposals
        value.update({'num_layers': 3} if value.get('num_layers', 0) > 3 else {})


def spread(config: Config, checkpoint: str, pair: Sequence[str]) -> None:
    """Rescale the heads in a checkpoint: each output gets a known mean and spread over the places of a pair.

    Untrained heads give nearly the same everywhere, so that rounding decides which boxes are kept.
    """
    inferencer = (PairedDetInferencer if config.default_scope == 'mmdet' else PairedSegInferencer)(
        config, checkpoint, device='cpu', show_progress=False
    )
    handles = []
    for name, layer in inferencer.model.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            found = next((numbers for words, numbers in SPREADS.items() if any(word in name for word in words)), None)
            once = not any(word in name for word in AFTER_EACH_LAYER)
            handles += [layer.register_forward_hook(Standardise(*found, once))] if found else []
    assert handles, f'{type(inferencer.model).__name__} has no layer that SPREADS names'
    inferencer(*pair)
    state = dict(torch.load(checkpoint, weights_only=False), state_dict=inferencer.model.state_dict())
    torch.save(state, checkpoint)


class Standardise:
    """A forward hook that at its first call, or at each, folds mean and spread of the outputs into the layer."""

    def __init__(self, mean: float, deviation: float, once: bool) -> None:
        self.mean, self.deviation, self.once, self.done = mean, deviation, once, False

    def __call__(self, layer: nn.Module, _: tuple, found: Tensor) -> Tensor | None:
        if self.done and self.once:
            return None
        self.done = True
        places = found.transpose(0, 1).flatten(1) if isinstance(layer, nn.Conv2d) else found.flatten(0, -2).T
        factor = self.deviation / places.std(1).clamp(min=1e-3)
        shift = self.mean - places.mean(1) * factor
        layer.weight.data *= factor.view(-1, *[1] * (layer.weight.ndim - 1))
        layer.bias.data = layer.bias.data * factor + shift
        shape = (-1, 1, 1) if isinstance(layer, nn.Conv2d) else (-1,)
        return found * factor.view(shape) + shift.view(shape)
