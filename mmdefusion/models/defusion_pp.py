"""Encoder, decomposition and pyramid behind the interface of a backbone."""

from operator import add

from mmengine.model import BaseModule
from torch import Tensor

from mmdefusion.registry import MODELS
from mmdefusion.utils.names import some

from .backbones import DeFusionEncoder
from .checkpoints.errors import CheckpointError
from .layers.patch_embed import PATCH_SIZE
from .layers.place import PLACED, split
from .necks import DecompositionNeck
from .necks.kept_tokens import KeptTokens

GUIDE = 'neck.1.guide.'
# where keys of a checkpoint of pretraining belong
SLOTS = {
    'backbone.': 'encoder.',
    'neck.0.': 'decomposition.',
    'neck.1.prior.stems.': 'pyramid.prior.stems.',
    GUIDE: 'pyramid.guide.',
    'prior.stems.': 'spatial_prior.stems.',
}


@MODELS.register_module()
class DeFusionPP(BaseModule):
    """DeFusion++ behind the interface of a backbone: from a pair to maps at strides 4, 8, 16 and 32.

    The neck or head of a config of mmdet or mmseg reads these maps, of ``out_channels`` channels each. A stock config
    also needs a paired preprocessor, AppendPartner in each pipeline, the ``in_channels`` of its neck, AdamW and
    :class:`SafeCheckpointHook` (docs/tutorials/swap_backbone.md).

    Args:
        arch: see :class:`DeFusionEncoder`.
        pyramid: ``type`` and options of the pyramid, without its widths; its ``out_channels`` (256 by default) is what
            the config's neck or head must expect. If that reads fewer levels, build only those:
            ``pyramid=dict(strides=(8, 16, 32))``.
        encoder: further options of :class:`DeFusionEncoder` (``drop_path_rate``, ``frozen_stages``, ``with_cp``), and
            its ``type``, if it is a :class:`MultiScaleEncoder`.
        decomposition: further options of :class:`DecompositionNeck`.
        spatial_prior: ``type`` and options of a stem that reads the pair beside the encoder (:class:`SpatialPrior`),
            without ``out_channels`` and ``strides``; its maps are added to those of the pyramid. None, as in the paper,
            uses no prior.
        junction: ``type`` and options of what adds the maps instead of a plain sum (:class:`GatedSum`,
            :class:`GatedPrior`), without ``out_channels`` and ``strides``.
        injection: ``type`` and options of what brings the prior's map at stride 16 into the tokens
            (:class:`TokenInjection`), without ``channels`` and ``embed_dims``. None brings nothing.
        frozen: whether encoder and decomposition stay as ``init_cfg`` made them, without gradients and in evaluation
            mode. An injection is trained nevertheless, through them. :class:`~mmdefusion.KeptTokensHook` runs them once
            for each image then, instead of in every epoch.
        init_cfg: initialisation config of MMEngine. ``dict(type='Pretrained', checkpoint=...)`` reads a checkpoint of
            pretraining, whose keys start with ``backbone.`` and ``neck.0.``, and if it has them, the stems of the prior
            (``prior.stems.``), or the stems and the guide of a :class:`GuidedPyramid` (``neck.1.``).

    Raises:
        ValueError: if ``encoder`` is no such one or has an ``arch``, ``frozen`` would keep low-rank updates of the
            encoder at 0, or joints have nothing to join.
    """

    def __init__(
        self,
        arch: str | dict = 'tiny',
        pyramid: dict | None = None,
        encoder: dict | None = None,
        decomposition: dict | None = None,
        spatial_prior: dict | None = None,
        init_cfg: dict | list | None = None,
        junction: dict | None = None,
        injection: dict | None = None,
        frozen: bool = False,
    ) -> None:
        super().__init__(init_cfg)
        if frozen and (encoder or {}).get('lora_rank') is not None:
            raise ValueError('frozen=True trains nothing of the encoder, lora_rank its updates: leave one of them out.')
        if 'arch' in (encoder or {}):
            raise ValueError(f'encoder={encoder}: give its arch to DeFusionPP.')
        self.encoder = MODELS.build({'type': 'mmdefusion.DeFusionEncoder', 'arch': arch, **(encoder or {})})
        if not isinstance(self.encoder, DeFusionEncoder):
            raise ValueError(f'encoder={encoder} is no DeFusionEncoder: leave its type out, or name one that is.')
        embed_dims = self.encoder.embed_dims
        self.decomposition = DecompositionNeck(embed_dims, **(decomposition or {}))
        pyramid = {'type': 'mmdefusion.SimpleFeaturePyramid', 'out_channels': 256, **(pyramid or {})}
        self.pyramid = MODELS.build({**pyramid, 'embed_dims': embed_dims})
        self.out_channels, self.strides = pyramid['out_channels'], self.pyramid.level_strides
        widths = {'out_channels': self.out_channels, 'strides': self.strides}
        self.spatial_prior = MODELS.build({**spatial_prior, **widths}) if spatial_prior else None
        self._check_joints(junction, injection)
        self.junction = MODELS.build({**junction, **widths}) if junction else None
        widths = {'channels': self.out_channels, 'embed_dims': embed_dims}
        self.injection = MODELS.build({**injection, **widths}) if injection else None
        self.frozen = frozen
        self.kept: KeptTokens | None = None  # set by KeptTokensHook
        if frozen:
            for part in (self.encoder, self.decomposition):
                part.requires_grad_(False)
        self._register_load_state_dict_pre_hook(self._rename_pretraining_keys)

    def forward(self, pair: Tensor) -> tuple[Tensor, ...]:
        """Encodes, decomposes and fuses a pair.

        Args:
            pair: B×6×H×W, two normalised RGB images along the channels, or B×9×H×W, with their places in images whose
                tokens are kept.

        Returns:
            Maps B×out_channels×ceil(H/s)×ceil(W/s) for each stride s of the pyramid (4, 8, 16, 32 by default).
        """
        priors = added = None
        if self.injection is not None:
            priors = self.spatial_prior(pair)
            added = self.injected(priors)
        if self.kept is not None and pair.shape[1] == PLACED:
            decomposition = self.kept.recall(*split(pair))
        else:
            decomposition = self.decomposition(self.encoder(pair, added))
        maps, features = self.pyramid(decomposition), decomposition.features
        if self.spatial_prior is None:
            return maps
        priors = priors or self.spatial_prior(features.pair, features.content)
        return tuple(map(add, maps, priors)) if self.junction is None else self.junction(maps, priors)

    def injected(self, priors: tuple[Tensor, ...]) -> Tensor:
        """What the injection adds to the patches of both images, 2B×C×h×w, from the maps of ``spatial_prior``."""
        return self.injection(priors[self.strides.index(PATCH_SIZE)])

    def train(self, mode: bool = True) -> 'DeFusionPP':
        """Sets the mode of all parts except frozen ones, which stay in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
            self.decomposition.eval()
        return self

    def _check_joints(self, junction: dict | None, injection: dict | None) -> None:
        if (junction or injection) and self.spatial_prior is None:
            raise ValueError('junction and injection join a spatial prior with the ViT: give spatial_prior, too.')
        if injection and PATCH_SIZE not in self.strides:
            raise ValueError(
                f"injection reads the prior's map at stride {PATCH_SIZE}, but the pyramid has the strides "
                f'{self.strides}: give it {PATCH_SIZE}, too.'
            )

    def _rename_pretraining_keys(self, state_dict: dict, prefix: str, *_) -> None:
        """Renames the keys of a checkpoint of pretraining (slots ``backbone`` and ``neck.0``) to those of this module.

        Raises:
            CheckpointError: if the checkpoint is not for this module, see :meth:`_refuse_foreign`; or if one of
                pretraining is loaded into a whole detector: there this module is shown the keys of its own slot only,
                and the decomposition would silently stay random.
        """
        self._refuse_foreign(state_dict, prefix)
        if f'{prefix}encoder.cls_token' in state_dict or 'backbone.cls_token' not in state_dict:
            return
        if prefix:
            raise CheckpointError(
                'load_from cannot bring a pretraining checkpoint into DeFusionPP, whose slot holds the neck too: '
                "give the backbone init_cfg=dict(type='Pretrained', checkpoint=...) instead."
            )
        for old, new in SLOTS.items():
            for key in [key for key in state_dict if key.startswith(old)]:
                state_dict[f'{new}{key[len(old) :]}'] = state_dict.pop(key)

    def _refuse_foreign(self, state_dict: dict, prefix: str) -> None:
        """Raises a CheckpointError that says where the weights of a checkpoint belong, if that is not here as a whole.

        These are weights in the authors' layout, of which only the encoder's keys would fit; and where this module
        alone is loaded, those of an encoder, of a spatial prior, of a pyramid with a guide that this one has not, and
        of something else.
        """
        # MMEngine unwraps state_dict, but not model
        if 'enc_norm1.weight' in state_dict.get('model', state_dict):
            raise CheckpointError(
                "The checkpoint is in the layout of DeFusion++'s authors: convert it first with "
                'tools/model_converters/reference_to_mmdefusion.py SOURCE TARGET.'
            )
        if prefix:
            return
        held = {key.partition('.')[0] for key in state_dict}
        if 'cls_token' in state_dict:
            raise CheckpointError(
                'The checkpoint holds an encoder alone, or is read with a prefix that leaves only the encoder: '
                "give DeFusionPP init_cfg=dict(type='Pretrained', checkpoint=...) without prefix, or a ViT's file to "
                "its encoder, encoder=dict(init_cfg=dict(type='Pretrained', checkpoint=...))."
            )
        if 'prior' in held and not held & {'backbone', 'encoder'}:
            raise CheckpointError(
                "The checkpoint holds a spatial prior alone: give it to the prior, spatial_prior=dict(type='mmdefusion."
                "SpatialPrior', init_cfg=dict(type='Pretrained', checkpoint=...)), or pyramid=dict(type='mmdefusion."
                "GuidedPyramid', prior=dict(init_cfg=...))."
            )
        if any(key.startswith(GUIDE) for key in state_dict) and not hasattr(self.pyramid, 'guide'):
            raise CheckpointError(
                "The checkpoint holds a guided pyramid: give pyramid=dict(type='mmdefusion.GuidedPyramid'), or another "
                'checkpoint.'
            )
        if held and 'backbone.cls_token' not in state_dict and not held & {*self._modules}:
            raise CheckpointError(
                f'The checkpoint holds {some(state_dict, 3)} and nothing of DeFusionPP: give the file '
                "of an encoder or ViT to it, encoder=dict(init_cfg=dict(type='Pretrained', checkpoint=...)), and that "
                "of a detector or segmenter with prefix='backbone.'."
            )
