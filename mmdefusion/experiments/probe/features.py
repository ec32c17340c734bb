"""Reads the tokens of a frozen network for whole data sets of pairs."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from mmdefusion.models.backbones import DeFusionEncoder, SpatialPrior
from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.models.checkpoints.reading import read_plain
from mmdefusion.models.checkpoints.vit import read_vit
from mmdefusion.models.checkpoints.vit_file import begins_from, is_public
from mmdefusion.models.checkpoints.weights_fit import read_weights
from mmdefusion.models.checkpoints.writing import write_cached
from mmdefusion.models.defusion_pp import DeFusionPP
from mmdefusion.models.layers import PATCH_SIZE, Normalize, patchify
from mmdefusion.models.necks import DecompositionNeck, GuidedPyramid
from mmdefusion.models.structures import PairFeatures
from mmdefusion.registry import MODELS
from mmdefusion.utils.progress import track
from mmdefusion.utils.storage import stamp

from .pairs import LabelledPairs

TOKENS = ('pixels', 'visible', 'infrared', 'both', 'common', 'unique', 'fused', 'prior')
STORED = {'both': ('visible', 'infrared')}  # kinds that are joined from stored ones


class FeatureReader:
    """Computes the tokens of an encoder and its decomposition, and caches them on disk.

    Args:
        config: config of any model with a :class:`DeFusionEncoder`, of pretraining, detection, segmentation, or an
            encoder alone. Common, unique and fused tokens need a :class:`DecompositionNeck`; ``'prior'``, the maps of
            stems averaged over patches, a :class:`SpatialPrior` or a :class:`GuidedPyramid`, which comes first. With a
            :class:`TokenInjection`, tokens are those that it changed, as the network has them.
        checkpoint: weights of the model; None takes those of ``init_cfg``, or random ones.
        layer: block of the encoder after which the tokens of single images are taken; None for the last.
        cache: folder of the cached tokens; None caches nothing.

    Raises:
        ValueError: if there is no such encoder or layer, or the checkpoint lacks its weights.
    """

    def __init__(
        self, config: Config, checkpoint: str | None = None, layer: int | None = None, cache: Path | None = None
    ) -> None:
        model = config.get('model') or {}
        slots = {slot: model[slot] for slot in ('backbone', 'neck') if model.get(slot)}
        if 'backbone' not in slots:
            raise ValueError(f'{config.filename} has no model.backbone: there are no tokens to probe.')
        init_default_scope(config.get('default_scope') or 'mmdefusion')
        torch.manual_seed(0)  # random weights are the same each time
        self.model = nn.ModuleDict({slot: MODELS.build(part) for slot, part in slots.items()}).eval()
        self.encoder = _only(self.model, DeFusionEncoder)
        if self.encoder is None:
            raise ValueError(f'{config.filename} has no mmdefusion.DeFusionEncoder: there are no tokens to probe.')
        self.neck = _only(self.model, DecompositionNeck)
        self.prior = _only(self.model, GuidedPyramid) or _only(self.model, SpatialPrior)
        network = _only(self.model, DeFusionPP)
        self.injecting = network if network is not None and network.injection is not None else None
        if checkpoint is None:
            checkpoint = _start_of_all(model.get('init_cfg'))
        if checkpoint is None:
            for part in self.model.values():
                part.init_weights()
        else:
            self._load(checkpoint)
        depth = len(self.encoder.blocks)
        if layer is not None and not 0 <= layer <= depth:
            raise ValueError(f'layer={layer} is out of range: the encoder has {depth} blocks.')
        self.layer = depth if layer is None else layer
        self.parts = repr(slots)  # windows and scales are in no weight
        self.normalize = Normalize()
        self.cache = cache

    def read(self, pairs: LabelledPairs, tokens: str, name: str) -> Tensor:
        """Reads or computes one kind of tokens as features, (images · patches)×C."""
        kinds = STORED.get(tokens, (tokens,))
        if self.prior is None and 'prior' in kinds:
            raise ValueError(
                'There is no spatial prior or guided pyramid (in the config, or in the checkpoint), so no prior tokens.'
            )
        if self.neck is None and not {*kinds} <= {'pixels', 'visible', 'infrared', 'prior'}:
            raise ValueError(f'There is no decomposition (in the config, or in the checkpoint), so no {tokens} tokens.')
        paths = [None if self.cache is None else self.cache / f'{self._key(pairs, kind)}.pt' for kind in kinds]
        kept = [None if path is None else _read_cached(path) for path in paths]
        if any(tokens is None for tokens in kept):
            found = self._compute(pairs, kinds, name)
            for kind, path in zip(kinds, paths, strict=True):
                if path is not None:
                    write_cached(path, found[kind])
            return torch.cat([found[kind] for kind in kinds], dim=1).float()
        return torch.cat(kept, dim=1).float()

    @torch.no_grad()
    def _compute(self, pairs: LabelledPairs, kinds: Sequence[str], name: str) -> dict[str, Tensor]:
        found = {kind: [] for kind in kinds}
        order = track(range(len(pairs)), f'{name}: {", ".join(kinds)}')
        for index in order:
            for kind, tokens in self._tokens(pairs.images(index)[None], kinds).items():
                found[kind].append(tokens[0].half())
        return {kind: torch.cat(tokens) for kind, tokens in found.items()}

    def _tokens(self, images: Tensor, kinds: Iterable[str]) -> dict[str, Tensor]:
        """Computes the patch tokens 1×N×C of each kind."""
        found = {}
        if 'pixels' in kinds:
            found['pixels'] = torch.cat([patchify(image, PATCH_SIZE) for image in images.chunk(2, dim=1)], dim=-1)
        if 'prior' in kinds:
            found['prior'] = self._average_prior(self.normalize(images))
        if {*kinds} <= {'pixels', 'prior'}:
            return found
        features = self._encode(self.normalize(images))
        layer = features.layers[self.layer]
        found |= dict(visible=layer.a[:, 1:], infrared=layer.b[:, 1:])
        if {'common', 'unique', 'fused'} & {*kinds}:
            deep, skip = self.neck.decompose(features)
            common, *unique = (a + b for a, b in zip(deep, skip, strict=True))
            found |= dict(common=common[:, 1:], unique=torch.cat(unique, dim=-1)[:, 1:])
            if 'fused' in kinds:
                found['fused'] = self.neck.fuse(deep, skip, features.reach)[1][:, 1:]
        return {kind: found[kind] for kind in kinds}

    def _encode(self, pair: Tensor) -> PairFeatures:
        """The features of a normalised pair 1×6×H×W, as the whole network computes them."""
        if self.injecting is None:
            return self.encoder(pair)
        return self.encoder(pair, self.injecting.injected(self.injecting.spatial_prior(pair)))

    def _average_prior(self, pair: Tensor) -> Tensor:
        """The maps of the prior's stems, guided in a pyramid, averaged over patches and put together: 1×N×C."""
        grid = [side // PATCH_SIZE for side in pair.shape[-2:]]
        guided = isinstance(self.prior, GuidedPyramid)
        maps = self.prior.stem_maps(self.neck(self._encode(pair)) if guided else pair).values()
        return torch.cat([adaptive_avg_pool2d(one, grid) for one in maps], dim=1).flatten(2).transpose(1, 2)

    def _key(self, pairs: LabelledPairs, kind: str) -> str:
        """The name of a file in the cache, which depends on the weights, the settings and the images."""
        settings = (kind, pairs.size, len(pairs), pairs.append_partner)
        digest = hashlib.sha256(repr(settings).encode())
        if kind != 'pixels':
            digest.update(repr((self.layer, self.parts)).encode())
            injecting = () if self.injecting is None else (self.injecting.spatial_prior, self.injecting.injection)
            for part in (self.encoder, self.neck, *injecting, *([self.prior] if kind == 'prior' else [])):
                for value in part.state_dict().values() if part is not None else ():
                    digest.update(value.numpy().tobytes())
        for index in range(len(pairs)):
            info = pairs.data.get_data_info(index)
            partner = info.get('img_ir_path') or pairs.append_partner.find(info)
            digest.update(repr([stamp(path) for path in (info['img_path'], partner)]).encode())
        return digest.hexdigest()

    def _load(self, checkpoint: str) -> None:
        """Loads weights of a training, of pretraining (an encoder alone too), or of a public ViT."""
        state = read_weights(checkpoint)
        if is_public(state):
            self.encoder.load_vit(read_vit(state, checkpoint), checkpoint)
            self.neck = self.prior = self.injecting = None
            return
        missing = self.model.load_state_dict(state, strict=False).missing_keys
        names = {module: f'{name}.' for name, module in self.model.named_modules()}
        if lacking := [key for key in missing if key.startswith(names[self.encoder])]:
            raise ValueError(f"{checkpoint} lacks {len(lacking)} of the encoder's weights, first {lacking[0]}.")
        if self.neck is not None and any(key.startswith(names[self.neck]) for key in missing):
            self.neck = None  # an encoder alone: its own tokens can be probed
        if self.prior is not None and any(key.startswith(names[self.prior]) for key in missing):
            self.prior = None
        if self.injecting is not None and any(key.startswith(names[self.injecting.injection]) for key in missing):
            self.injecting = None  # such weights say nothing of it, and it begins at zero


def _start_of_all(init_cfg: dict | list | None) -> str | None:
    """The checkpoint that a whole model starts from, as in trainings from published weights."""
    start = begins_from(init_cfg)
    return start and start['checkpoint']


def _read_cached(path: Path) -> Tensor | None:
    """The tokens that were kept, or None."""
    try:
        kept = read_plain(path)
    except (CheckpointError, FileNotFoundError):
        return None
    return kept if isinstance(kept, Tensor) and kept.ndim == 2 and kept.isfinite().all() else None


def _only(model: nn.Module, kind: type) -> nn.Module | None:
    """The first part of a kind; teachers have encoders too, but after that of the student."""
    return next((module for module in model.modules() if isinstance(module, kind)), None)
