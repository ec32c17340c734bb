"""Disturbances and test-time augmentation, on every config that tests detectors or segmenters."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope

from mmdefusion.datasets.pipelines import find_step, has_step
from mmdefusion.experiments import Disturbance, use_tta
from mmdefusion.scenes import write_scenes

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted(
    path for name in ('detection', 'segmentation', 'baselines') for path in (ROOT / f'configs/{name}').glob('*.py')
)
ALL = [Disturbance.missing('infrared'), Disturbance.corruption('fog:3'), Disturbance.shift(4)]

# what a config inherits that starts from a toolbox's own
STOCK = {
    'mmdet': """
_base_ = 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'
partner = dict(type='mmdefusion.AppendPartner', rule=('/vi/', '/ir/'))
test_dataloader = dict(dataset=dict(pipeline=[
    _base_.test_pipeline[0], partner, dict(type='Resize', scale=(96, 64)), *_base_.test_pipeline[2:]]))
""",
    'mmseg': """
_base_ = 'mmseg::fcn/fcn_r50-d8_4xb2-40k_cityscapes-512x1024.py'
partner = dict(type='mmdefusion.AppendPartner', rule=('/vi/', '/ir/'))
test_dataloader = dict(dataset=dict(pipeline=[
    _base_.test_pipeline[0], partner, dict(type='LoadAnnotations'), dict(type='PackSegInputs')]))
""",
}


@pytest.fixture(scope='module')
def scenes(tmp_path_factory) -> Path:
    return write_scenes(tmp_path_factory.mktemp('data') / 'scenes', train=1, test=1, size=(96, 64))


def stock_config(toolbox: str, folder: Path) -> Config:
    (folder / 'stock.py').write_text(STOCK[toolbox])
    return Config.fromfile(folder / 'stock.py')


def run_pipeline(config: Config, scenes: Path) -> list[np.ndarray]:
    """The images that the config's test pipeline makes of one pair, C×H×W; several with augmentation."""
    init_default_scope(config.default_scope)
    visible = next((scenes / 'test/vi').iterdir())
    labels = scenes / 'test/labels' / visible.name
    pair = dict(img_path=str(visible), img_id=0, seg_map_path=str(labels), seg_fields=[], instances=[])
    pair |= dict(reduce_zero_label=False, label_map=None, sample_idx=0)
    inputs = Compose(config.test_dataloader.dataset.pipeline)(pair)['inputs']
    return [image.numpy() for image in (inputs if isinstance(inputs, list) else [inputs])]


@pytest.mark.parametrize('toolbox', STOCK)
def test_a_stock_tta_pipeline_is_no_obstacle(toolbox, scenes, tmp_path):
    clean, disturbed = stock_config(toolbox, tmp_path), stock_config(toolbox, tmp_path)
    for disturbance in ALL:
        disturbance.apply(disturbed)
    (before,), (after,) = run_pipeline(clean, scenes), run_pipeline(disturbed, scenes)
    assert before.shape == after.shape and len(after) == 4
    assert before[3].std() > 5 and not after[3].any() and (before[:3] != after[:3]).any()


@pytest.mark.parametrize('toolbox', STOCK)
def test_a_stock_tta_pipeline_gets_the_partner(toolbox, scenes, tmp_path):
    config = stock_config(toolbox, tmp_path)
    use_tta(config)
    images = run_pipeline(config, scenes)
    assert len(images) > 1 and all(len(image) == 4 and image[3].std() > 5 for image in images)
    assert config.model.module.backbone.type.startswith('ResNet')
    Disturbance.missing('infrared').apply(config)
    assert not any(image[3].any() for image in run_pipeline(config, scenes))


@pytest.mark.parametrize('augmented', [False, True], ids=['plain', 'tta'])
@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem.split('_1xb')[0])
def test_every_config_can_be_disturbed(path, augmented):
    config = Config.fromfile(path)
    if config.get('fused_images'):
        with pytest.raises(ValueError, match='reads fused images'):
            Disturbance.shift(2).apply(config)
        return
    if augmented and config.model.type == 'MaskRCNN':
        with pytest.raises(ValueError, match='finds masks of instances, which mmdet does not augment: drop --tta'):
            use_tta(config)
        return
    if augmented:
        use_tta(config)
    for disturbance in ALL:
        disturbance.apply(config)
    pipeline = config.test_dataloader.dataset.pipeline
    place = find_step(pipeline, 'AppendPartner')
    names = [step.type.split('.')[-1] for step in pipeline[place + 1 : place + 4]]
    assert names == ['ShiftPartner', 'CorruptPair', 'DropModality']
    assert has_step(pipeline, 'TestTimeAug') == augmented


def test_a_partner_inside_the_augmentation():
    resize = [dict(type='Resize', scale=(8, 8)), dict(type='Resize', scale=(16, 16))]
    inside = dict(type='TestTimeAug', transforms=[[dict(type='mmdefusion.AppendPartner')], resize])
    dataset = dict(pipeline=[dict(type='LoadImageFromFile'), inside])
    config = Config(dict(test_dataloader=dict(dataset=dataset)))
    Disturbance.shift(2).apply(config)
    groups = config.test_dataloader.dataset.pipeline[1].transforms
    assert [[step.type for step in group] for group in groups[:2]] == [
        ['mmdefusion.AppendPartner'],
        ['mmdefusion.ShiftPartner'],
    ]


def test_what_cannot_be_disturbed():
    config = Config(dict(test_dataloader=dict(dataset=dict(type='ConcatDataset', datasets=[]))))
    with pytest.raises(ValueError, match='is a ConcatDataset: give a data set with a pipeline'):
        Disturbance.shift(2).apply(config)
    with pytest.raises(ValueError, match='no tta_model and no tta_pipeline'):
        use_tta(config)
