"""Every config is whole: it builds, names only what is registered, and leans on no toolbox's config."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, TRANSFORMS, DefaultScope, init_default_scope

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / 'configs').rglob('*.py') if '_base_' not in path.parts)
# of the models that are not a backbone and a neck
PARTS = {
    'mmdefusion.MAEPretrainer': ['backbone'],
    'mmdefusion.EncoderDistiller': ['backbone'],
    'mmdefusion.PriorDistiller': ['prior'],
}
INHERITS_MMDET = 'detection/defusionpp_vit-tiny_retinanet_'  # the documented example of a stock config


def pipelines(config: Config) -> dict[str, list[dict]]:
    """Of all dataloaders; joint pretraining has two to train on, fusion none."""
    loaders = {name: config.get(name) for name in ('train_dataloader', 'val_dataloader', 'test_dataloader')}
    loaders = {name: loader for name, loader in loaders.items() if loader}
    train = loaders.pop('train_dataloader', {})
    loaders |= {'train': train} if 'dataset' in train else train
    return {name: loader['dataset']['pipeline'] for name, loader in loaders.items()}


@pytest.mark.parametrize('path', CONFIGS)
def test_builds(path):
    config = Config.fromfile(ROOT / path)
    scope = config.default_scope
    init_default_scope(scope)
    with DefaultScope.overwrite_default_scope(scope):
        model = MODELS.build(config.model)
        assert sum(parameter.numel() for parameter in model.parameters()) > 1e5
        for pipeline in pipelines(config).values():
            for step in pipeline:
                TRANSFORMS.build(step)
        if 'fusion/' not in path:
            build_optim_wrapper(model, config.optim_wrapper)
    assert set(PARTS.get(config.model.type, ('backbone', 'neck'))) <= set(config.model)


def test_all_but_the_example_are_self_contained():
    leaning = [
        str(path)
        for path in (ROOT / 'configs').rglob('*.py')
        if "'mmdet::" in path.read_text() or "'mmseg::" in path.read_text()
    ]
    assert [INHERITS_MMDET in path for path in leaning] == [True]


@pytest.mark.parametrize('path', CONFIGS)
def test_runs_survive(path):
    hooks = {hook['type'] for hook in Config.fromfile(ROOT / path).default_hooks.values()}
    assert {'mmdefusion.SafeCheckpointHook', 'mmdefusion.FiniteLossHook'} <= hooks
    own = 'pretrain/' in path or 'fusion/' in path  # PretrainLoop repeats itself; nothing is trained
    assert own or 'mmdefusion.ExactResumeHook' in hooks


@pytest.mark.parametrize('path', [path for path in CONFIGS if 'pretrain' not in path])
def test_photometric_transforms_come_before_the_partner(path):
    for pipeline in pipelines(Config.fromfile(ROOT / path)).values():
        types = [step['type'] for step in pipeline]
        if 'mmdefusion.AppendPartner' in types:
            assert 'PhotoMetricDistortion' not in types[types.index('mmdefusion.AppendPartner') :]


@pytest.mark.parametrize('path', sorted((ROOT / 'configs').rglob('*.py')), ids=lambda path: path.stem)
def test_reads_data_from_where_its_reader_would_put_it(path):
    """Below data/, which docs/datasets.md describes, and not from a folder that only its author has."""
    assert '../shared' not in path.read_text()


def steps_inside(pipeline: list) -> Iterator[dict]:
    for step in pipeline:
        if isinstance(step, list):
            yield from steps_inside(step)
        else:
            yield step
            yield from steps_inside(step.get('transforms', []))


def test_sizes_of_augmentation_include_that_of_the_test():
    """``--tta`` of a model that is tested at one size would else test it at those of the files."""
    resized = 0
    for path in sorted((ROOT / 'configs').rglob('*.py')):
        config = Config.fromfile(path)
        if 'tta_pipeline' not in config or not (config.get('test_dataloader') or {}).get('dataset'):
            continue
        tested, augmented = (
            [(one.get('scale'), one.get('scale_factor')) for one in steps_inside(pipeline) if one['type'] == 'Resize']
            for pipeline in (config.test_dataloader.dataset.pipeline, config.tta_pipeline)
        )
        assert set(tested or [(None, 1.0)]) <= set(augmented or [(None, 1.0)]), path
        resized += bool(tested)
    assert resized > 20


def test_crops_of_detectors_are_as_wide_as_images():
    """mmdet's RandomCrop takes width and height, as RandomResize does, and not height and width, as mmseg's."""
    seen = 0
    for path in CONFIGS:
        config = Config.fromfile(ROOT / path)
        if config.default_scope == 'mmdet':
            steps = {step['type']: step for step in pipelines(config)['train']}
            if 'RandomCrop' in steps:
                assert steps['RandomCrop']['crop_size'] == steps['RandomResize']['scale'], path
                seen += 1
    assert seen > 5
