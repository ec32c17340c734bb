"""Every config is whole: it builds, names only what is registered, and leans on no toolbox's config."""

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, TRANSFORMS, DefaultScope, init_default_scope

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / 'configs').rglob('*.py') if '_base_' not in path.parts)
INHERITS_MMDET = 'detection/defusionpp_vit-tiny_retinanet_'  # the documented example of the one-key swap


@pytest.mark.parametrize('path', CONFIGS)
def test_builds(path):
    config = Config.fromfile(ROOT / path)
    scope = config.default_scope
    init_default_scope(scope)
    with DefaultScope.overwrite_default_scope(scope):
        model = MODELS.build(config.model)
        assert sum(parameter.numel() for parameter in model.parameters()) > 1e5
        for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
            for step in config[name].dataset.pipeline if config.get(name) else ():
                TRANSFORMS.build(step)
        build_optim_wrapper(model, config.optim_wrapper)
    for part in ('backbone', 'neck'):
        assert part in config.model


def test_all_but_the_example_are_self_contained():
    leaning = [
        str(path)
        for path in (ROOT / 'configs').rglob('*.py')
        if "'mmdet::" in path.read_text() or "'mmseg::" in path.read_text()
    ]
    assert [INHERITS_MMDET in path for path in leaning] == [True]


@pytest.mark.parametrize('path', CONFIGS)
def test_checkpoints_can_be_resumed(path):
    hooks = Config.fromfile(ROOT / path).custom_hooks
    assert {'type': 'mmdefusion.PlainCheckpointHook'} in [dict(hook) for hook in hooks]


@pytest.mark.parametrize('path', CONFIGS)
def test_photometric_transforms_come_before_the_partner(path):
    types = [step['type'] for step in Config.fromfile(ROOT / path).train_dataloader.dataset.pipeline]
    assert 'PhotoMetricDistortion' not in types[types.index('mmdefusion.AppendPartner') :]
