"""The works that are timed: from features of a pair to a training step of a detector."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass
from functools import partial

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from mmdefusion.engine.optimizers.autocast_wrapper import keep_operators_in_float32
from mmdefusion.models.backbones import DeFusionEncoder
from mmdefusion.models.necks import DecompositionNeck, SumInit
from mmdefusion.models.structures import Pair
from mmdefusion.registry import MODELS

from ..benchmark.light import make_light
from ..benchmark.models import CONFIGS, known_models
from .rivals import RIVALS
from .textbook import to_textbook

FORMS = (
    'ours',
    'windowed',
    'pooled',
    'closed',
    'bf16',
    'windowed bf16',
    'pooled bf16',
    'closed bf16',
    'compiled',
    'textbook',
)
# options of the encoder by the first word of a form
ENCODER_OPTIONS = {'windowed': dict(window=14), 'pooled': dict(window=14, global_blocks=0, pooling=5)}
Options = Mapping[str, int]


class FusedFeatures(nn.Module):
    """Encoder and decomposition: B×6×H×W to the fused tokens."""

    def __init__(self, arch: str | dict = 'tiny', **encoder: int) -> None:
        super().__init__()
        self.encoder = DeFusionEncoder(arch, **encoder)
        self.decomposition = DecompositionNeck(self.encoder.embed_dims)

    def forward(self, pair: Tensor) -> Tensor:
        return self.decomposition(self.encoder(pair)).fused


@dataclass(frozen=True)
class Work:
    """One thing to time.

    Attributes:
        title: for people.
        build: from options of the encoder to the model.
        apply: one run of a model on pairs B×6×H×W; gives tensors that forms must agree on.
        trains: whether a run is a step of training.
        rivals: whether other networks for the same purpose are timed beside it.
    """

    title: str
    build: Callable[[Options], nn.Module]
    apply: Callable[[nn.Module, Tensor], Tensor]
    trains: bool = False
    rivals: bool = False


def build_config(path: str, encoder: Options, light: bool = False) -> nn.Module:
    """A model of our configs: a short name of the zoo, or the name of a part in ``_base_/models``.

    ``light`` gives it narrow maps and a head of one convolution, as ``tools/benchmark.py --light`` does.
    """
    known = known_models().get(path) or next(root for root in CONFIGS if root.is_dir()) / f'_base_/models/{path}.py'
    config = Config.fromfile(known)
    init_default_scope(config.get('default_scope', 'mmdefusion'))
    if light:
        make_light(config)
    model = deepcopy(config.model)
    if model.backbone.type == 'mmdefusion.DeFusionPP':
        model.backbone.encoder = {**model.backbone.get('encoder', {}), **encoder}
    else:
        model.backbone.update(encoder)
    return MODELS.build(model)


def build_detector(encoder: Options, light: bool = False) -> nn.Module:
    """The paper's form of an ATSS; with windows, one with a spatial prior too, as large images are trained on."""
    return build_config(f'defusionpp{"-prior" if encoder else ""}_vit-tiny_atss', encoder, light)


def build_maps(encoder: Options) -> nn.Module:
    """From a pair to four maps, as detectors read them."""
    return MODELS.build({'type': 'mmdefusion.DeFusionPP', 'encoder': dict(encoder)})


def decode(model: nn.Module, pair: Tensor) -> Tensor:
    """The fused image and the images of the parts."""
    return torch.cat(model.decode(model.decompose(Pair(*pair.chunk(2, dim=1)), 'mean')))


def heads(model: nn.Module, pair: Tensor) -> Tensor:
    """The raw output of a detector or segmenter, before boxes are chosen."""
    found = model(pair, mode='tensor')
    while not isinstance(found, Tensor):
        found = found[0]
    return found


def pretrain(model: nn.Module, pair: Tensor) -> Tensor:
    """The loss of CUD and MFM of the first image of each pair."""
    return torch.stack(list(model.loss(pair[:, :3].sigmoid()).values())).sum()


def detect(model: nn.Module, pair: Tensor) -> Tensor:
    """The loss of a detector with ten boxes in each pair."""
    from mmdet.structures import DetDataSample
    from mmengine.structures import InstanceData

    shape, samples = tuple(pair.shape[-2:]), []
    chance = torch.Generator().manual_seed(0)
    for _ in pair:
        corner = torch.rand(10, 2, generator=chance) * torch.tensor(shape[::-1]) * 0.7
        boxes = torch.cat([corner, corner + 0.2 * torch.tensor(shape[::-1])], dim=1).to(pair.device)
        sample = DetDataSample(metainfo=dict(img_shape=shape, pad_shape=shape, batch_input_shape=shape))
        labels = torch.zeros(10, dtype=torch.long, device=pair.device)
        sample.gt_instances = InstanceData(bboxes=boxes, labels=labels)
        samples.append(sample)
    losses = model.loss(pair, samples)
    return sum(value if isinstance(value, Tensor) else sum(value) for name, value in losses.items() if 'loss' in name)


WORKS = {
    'features': Work('fused features', lambda encoder: FusedFeatures(**encoder), nn.Module.__call__),
    'maps': Work('four maps', build_maps, lambda model, pair: model(pair)[0], rivals=True),
    'images': Work('fused image and parts', partial(build_config, 'fuser_defusionpp-tiny'), decode),
    'detector': Work('detector (ATSS)', partial(build_config, 'defusionpp_vit-tiny_atss'), heads),
    'segmenter': Work('segmenter (UPerNet)', partial(build_config, 'defusionpp_vit-tiny_upernet'), heads),
    'pretraining': Work('pretraining step', partial(build_config, 'cud_defusionpp-tiny'), pretrain, trains=True),
    'training': Work('training step (ATSS; windowed: with a spatial prior)', build_detector, detect, trains=True),
    'light-training': Work(
        'training step (ATSS with a light head; windowed: with a spatial prior)',
        partial(build_detector, light=True),
        detect,
        trains=True,
    ),
}


def prepare(work: Work, form: str, pair: Tensor) -> Callable[[], Tensor]:
    """A function that runs a form of a work once and gives its result; all forms have the same weights.

    Args:
        work: one of :data:`WORKS`.
        form: one of :data:`FORMS`, or the name of a rival.
        pair: B×6×H×W.
    """
    torch.manual_seed(0)
    if form in RIVALS:
        model, apply = RIVALS[form](), lambda model, pair: model(pair)[0]
    else:
        model, apply = work.build(ENCODER_OPTIONS.get(form.split()[0], {})), work.apply
    model = model.to(pair.device).train(work.trains)
    if form.startswith('closed'):
        SumInit(branches=0.0, skip=0.0)(next(part for part in model.modules() if isinstance(part, DecompositionNeck)))
    if form == 'textbook':
        to_textbook(model)
    if form == 'compiled':
        apply = torch.compile(apply)
    precision = partial(torch.autocast, pair.device.type, torch.bfloat16) if form.endswith('bf16') else nullcontext
    if form.endswith('bf16') and pair.device.type != 'cpu':
        keep_operators_in_float32(model, pair.device.type)
    optimizer = torch.optim.AdamW(model.parameters()) if work.trains else None

    def run() -> Tensor:
        torch.manual_seed(0)  # views and dropped paths
        if optimizer is None:
            with torch.inference_mode(), precision():
                return apply(model, pair)
        optimizer.zero_grad()
        with precision():
            loss = apply(model, pair)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return run
