import pytest
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmdefusion.registry import MODELS

SMALL = {'embed_dims': 32, 'depth': 4, 'num_heads': 2, 'last_num_heads': 4}


class Detector(nn.Module):
    def __init__(self, **backbone):
        super().__init__()
        self.backbone = MODELS.build({'type': 'mmdefusion.DeFusionEncoder', 'arch': SMALL, **backbone})
        self.neck = MODELS.build(
            [
                {'type': 'mmdefusion.DecompositionNeck', 'embed_dims': 32},
                {'type': 'mmdefusion.SimpleFeaturePyramid', 'embed_dims': 32},
            ]
        )
        self.head = nn.Conv2d(256, 3, 1)


def optimizer(model: nn.Module, **paramwise_cfg):
    config = {
        'type': 'OptimWrapper',
        'optimizer': {'type': 'AdamW', 'lr': 1.0, 'weight_decay': 0.05},
        'constructor': 'mmdefusion.LayerDecayOptimWrapperConstructor',
        'paramwise_cfg': paramwise_cfg,
    }
    return build_optim_wrapper(model, config).optimizer


def settings(model: nn.Module, groups: list[dict]) -> dict[str, tuple[float, float]]:
    """Learning rate and weight decay of each parameter by name."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {names[id(p)]: (group['lr'], group['weight_decay']) for group in groups for p in group['params']}


def test_rates_fall_from_head_to_embedding():
    model = Detector()
    found = settings(model, optimizer(model, layer_decay_rate=0.5).param_groups)
    assert len(found) == len(list(model.parameters()))
    expected = {
        'head.weight': (1.0, 0.05),
        'neck.1.levels.0.1.weight': (1.0, 0.05),
        'neck.0.deep.common.linear1.weight': (0.5, 0.05),
        'neck.0.mixer.1.attn.qkv.bias': (0.5, 0.0),
        'backbone.skip_norm1.weight': (0.5, 0.0),
        'backbone.blocks.3.attn.qkv.weight': (0.25, 0.05),
        'backbone.blocks.0.attn.qkv.weight': (0.5**5, 0.05),
        'backbone.patch_embed.proj.weight': (0.5**6, 0.05),
        'backbone.cls_token': (0.5**6, 0.0),
    }
    assert {name: found[name] for name in expected} == expected


def test_frozen_parameters_are_left_out():
    model = Detector(frozen_stages=4)
    found = settings(model, optimizer(model, layer_decay_rate=0.5).param_groups)
    assert [name for name in found if 'backbone' in name and 'skip_norm' not in name] == []


def test_the_encoder_of_a_frozen_teacher_does_not_count():
    """Semi-supervised detectors have one; what is trained has the rates that it has alone."""
    model = nn.ModuleDict(dict(teacher=Detector().requires_grad_(False), student=Detector()))
    found = settings(model, optimizer(model, layer_decay_rate=0.5).param_groups)
    alone = settings(model['student'], optimizer(model['student'], layer_decay_rate=0.5).param_groups)
    assert found == {f'student.{name}': value for name, value in alone.items()}
    model['teacher'].requires_grad_(True)
    with pytest.raises(ValueError, match='found 2 DeFusionEncoders in ModuleDict, 2 of them trained, and needs one'):
        optimizer(model, layer_decay_rate=0.5)
    model.requires_grad_(False)
    with pytest.raises(ValueError, match='found 2 DeFusionEncoders in ModuleDict, 0 of them trained'):
        optimizer(model, layer_decay_rate=0.5)


def test_low_rank_updates_have_the_rate_of_their_block():
    model = Detector(lora_rank=2)
    found = settings(model, optimizer(model, layer_decay_rate=0.5).param_groups)
    ours = {name: value for name, value in found.items() if name.startswith('backbone.blocks.')}
    assert len(ours) == 8 and all('.attn.qkv.low_rank_' in name for name in ours)
    assert ours['backbone.blocks.0.attn.qkv.low_rank_down'] == (0.5**5, 0.05)
    assert ours['backbone.blocks.3.attn.qkv.low_rank_up'] == (0.25, 0.05)


def test_works_on_defusion_pp():
    model = nn.Module()
    model.backbone = MODELS.build({'type': 'mmdefusion.DeFusionPP', 'arch': SMALL})
    found = settings(model, optimizer(model, layer_decay_rate=0.5).param_groups)
    assert found['backbone.encoder.patch_embed.proj.weight'][0] == 0.5**6
    assert found['backbone.decomposition.mixer.0.norm1.weight'][0] == 0.5
    assert found['backbone.pyramid.levels.3.1.weight'][0] == 1.0


def test_a_spatial_prior_learns_at_the_full_rate():
    pytest.importorskip('mmcv')
    model = nn.Module()
    prior = {'type': 'mmdefusion.SpatialPrior', 'widths': (4, 8, 16, 16)}
    model.backbone = MODELS.build({'type': 'mmdefusion.DeFusionPP', 'arch': SMALL, 'spatial_prior': prior})
    found = settings(model, optimizer(model, layer_decay_rate=0.5).param_groups)
    ours = {name: value for name, value in found.items() if '.spatial_prior.' in name}
    assert len(ours) == len(list(model.backbone.spatial_prior.parameters())) > 20
    assert {rate for rate, _ in ours.values()} == {1.0}
    assert ours['backbone.spatial_prior.stems.0.downs.0.conv.weight'] == (1.0, 0.05)
    assert ours['backbone.spatial_prior.stems.0.downs.0.bn.weight'] == (1.0, 0.0)


def test_tokens_of_registers_and_gates_do_not_decay():
    model = nn.Module()
    model.backbone = MODELS.build(
        {
            'type': 'mmdefusion.DeFusionPP',
            'arch': {**SMALL, 'num_registers': 2},
            'spatial_prior': {'type': 'mmdefusion.SpatialPrior', 'widths': (4, 8, 16, 16)},
            'junction': {'type': 'mmdefusion.GatedSum'},
        }
    )
    found = settings(model, optimizer(model, layer_decay_rate=0.5).param_groups)
    undecayed = [name for name in found if 'register_tokens' in name or '.gates.' in name]
    assert len(undecayed) == 5 and {found[name][1] for name in undecayed} == {0.0}


def test_errors_name_the_mend():
    with pytest.raises(ValueError, match='0 DeFusionEncoders in Linear.*drop `constructor`'):
        optimizer(nn.Linear(2, 2), layer_decay_rate=0.5)
    for paramwise_cfg in ({}, {'norm_decay_mult': 0.0}, {'layer_decay_rate': 0.5, 'custom_keys': {}}):
        with pytest.raises(ValueError, match='layer_decay_rate'):
            optimizer(Detector(), **paramwise_cfg)
