"""How inferencers of pairs are opened, and what they call and colour classes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.layouts import grey
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData, PixelData

from mmdefusion.registry import MODELS

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
from helpers.paired_models import CONFIGS, INFERENCERS
from mmdet.structures import DetDataSample
from mmseg.structures import SegDataSample

from mmdefusion.apis import open_paired


@pytest.fixture(scope='module')
def states() -> dict[str, dict]:
    found = {}
    for scope, path in CONFIGS.items():
        init_default_scope(scope)
        found[scope] = MODELS.build(Config.fromfile(path).model).state_dict()
    return found


def build(scope: str, states: dict, folder: Path, meta: dict | None = None, config=None, **options):
    torch.save(dict(state_dict=states[scope], meta=meta or {}), folder / 'x.pth')
    config = CONFIGS[scope] if config is None else config
    return INFERENCERS[scope](config, folder / 'x.pth', device='cpu', show_progress=False, **options)


@pytest.mark.parametrize('meta', [{}, dict(dataset_meta={}), dict(dataset_meta=dict(classes=()))], ids=str)
@pytest.mark.parametrize('scope', CONFIGS)
def test_names_that_a_checkpoint_lacks_are_those_of_the_data(scope, meta, states, tmp_path):
    """They were COCO's and Cityscapes', in files and drawings."""
    config = Config.fromfile(CONFIGS[scope])
    found = build(scope, states, tmp_path, meta).model.dataset_meta
    assert tuple(found['classes']) == tuple(config.classes)
    assert [tuple(colour) for colour in found['palette']] == [tuple(colour) for colour in config.palette]


@pytest.mark.parametrize('scope', CONFIGS)
def test_names_of_a_checkpoint_are_believed(scope, states, tmp_path):
    names = tuple(f'thing{k}' for k in range(len(Config.fromfile(CONFIGS[scope]).classes)))
    for key in ('classes', 'CLASSES'):
        assert build(scope, states, tmp_path, dict(dataset_meta={key: names})).model.dataset_meta['classes'] == names
    assert build(scope, states, tmp_path, dict(CLASSES=names)).model.dataset_meta['classes'] == names


@pytest.mark.parametrize('palette', [None, [], 'cityscapes', [(9, 9, 9)]])
def test_masks_without_a_palette_get_colours(palette, states, tmp_path):
    names = tuple(f'thing{k}' for k in range(len(Config.fromfile(CONFIGS['mmseg']).classes)))
    inferencer = build('mmseg', states, tmp_path, dict(dataset_meta=dict(classes=names, palette=palette)))
    meta = inferencer.visualizer.dataset_meta
    assert len(set(meta['palette'])) == len(meta['palette']) == len(names)
    (drawing,) = inferencer(grey(0, 48, 64), grey(1, 48, 64), return_vis=True)['visualization']
    assert drawing.any()


def test_classes_and_colours_of_the_caller_are_taken(states, tmp_path):
    config = Config.fromfile(CONFIGS['mmseg'])
    meta, count = dict(dataset_meta=dict(classes=config.classes, palette=config.palette)), len(config.classes)
    red, names = [(255, 0, 0)] * count, tuple(f'thing{k}' for k in range(count))
    inferencer = build('mmseg', states, tmp_path, meta, classes=names, palette=red)
    assert inferencer.model.dataset_meta == inferencer.visualizer.dataset_meta == dict(classes=names, palette=red)
    inferencer.visualizer.alpha = 1.0
    sample = SegDataSample(pred_sem_seg=PixelData(data=torch.ones(1, 8, 9).long()))
    drawing = inferencer.draw_on(np.zeros((8, 9, 3), np.uint8), sample)
    assert (drawing == (0, 0, 255)).all()
    assert build('mmseg', states, tmp_path, meta, palette=red).model.dataset_meta == dict(
        classes=tuple(config.classes), palette=red
    )
    array = build('mmseg', states, tmp_path, meta, palette=np.array(red, np.uint8)).model.dataset_meta['palette']
    assert array == red
    assert build('mmseg', states, tmp_path, meta, palette=[]).model.dataset_meta['palette'] != [*config.palette]
    known = build('mmseg', states, tmp_path, meta, palette='cityscapes').model.dataset_meta
    assert known['classes'] == tuple(config.classes) and known['palette'][0] == (128, 64, 128)
    with pytest.raises(ValueError, match="palette='rainbow': mmseg knows no colours of that name: give a list"):
        build('mmseg', states, tmp_path, meta, palette='rainbow')
    named = build('mmseg', states, tmp_path, meta, dataset_name='cityscapes').model.dataset_meta
    assert named['classes'][0] == 'road' and tuple(named['palette'][0]) == (128, 64, 128)


@pytest.mark.parametrize('scope', CONFIGS)
def test_devices_and_paths_are_given_as_to_the_toolboxes(scope, states, tmp_path):
    torch.save(dict(state_dict=states[scope]), tmp_path / 'x.pth')
    before = () if scope == 'mmdet' else (None, None, None)
    inferencer = INFERENCERS[scope](CONFIGS[scope], tmp_path / 'x.pth', *before, 'cpu')
    assert inferencer.fuser is None and inferencer.device == 'cpu'
    assert type(open_paired(CONFIGS[scope], tmp_path / 'x.pth', device='cpu')) is INFERENCERS[scope]
    with pytest.raises(ValueError, match="device='cuda:77' cannot be used here"):
        INFERENCERS[scope](CONFIGS[scope], tmp_path / 'x.pth', device='cuda:77')


@pytest.mark.parametrize('scope', CONFIGS)
def test_data_sets_inside_others_are_found(scope, states, tmp_path):
    config = Config.fromfile(CONFIGS[scope])
    inner = config.test_dataloader.dataset
    repeated = dict(type='RepeatDataset', times=2, dataset=inner)
    config.test_dataloader.dataset = dict(type='ConcatDataset', datasets=[repeated])
    inferencer = build(scope, states, tmp_path, config=config)
    assert tuple(inferencer.model.dataset_meta['classes']) == tuple(config.classes)
    assert len(inferencer(grey(0, 48, 64), grey(1, 48, 64))['predictions']) == 1
    for wrong in (dict(type='ConcatDataset', datasets=[]), dict(type='X', pipeline=[], dataset=inner), None):
        config.test_dataloader.dataset = wrong
        with pytest.raises(
            ValueError, match=r'tests on no data set with a pipeline \(test_dataloader.dataset has (type|nothing)'
        ):
            build(scope, states, tmp_path, config=config)
    config.pop('test_dataloader')
    with pytest.raises(ValueError, match='The config has no test_dataloader'):
        build(scope, states, tmp_path, config=config)
    for wrong, words in ((7, 'an int'), ([7], 'a list')):
        with pytest.raises(TypeError, match=f'The config is {words}: give a path'):
            build(scope, states, tmp_path, config=wrong)


def test_masks_have_the_same_colours_in_all_drawings(states, tmp_path):
    inferencer = build('mmdet', states, tmp_path)
    masks = torch.zeros(2, 33, 47, dtype=torch.bool)
    masks[0, 3:9, 4:20] = masks[1, 12:30, 4:40] = True
    boxes = torch.tensor([[4.0, 3, 20, 9], [4, 12, 40, 30]])
    found = InstanceData(bboxes=boxes, labels=torch.tensor([0, 1]), scores=torch.ones(2), masks=masks)
    sample = DetDataSample(pred_instances=found, metainfo=dict(img_path='x', ori_shape=(33, 47)))
    np.random.seed(5)
    wanted = np.random.rand(3)
    np.random.seed(5)
    one, other = (inferencer.draw_on(np.zeros((33, 47, 3), np.uint8), sample) for _ in range(2))
    assert (one == other).all() and one.any()
    assert (np.random.rand(3) == wanted).all()  # the caller's chance is not touched


@pytest.mark.parametrize('size', [(1, 1), (1, 2), (2, 1)])
def test_labels_are_drawn_on_any_size(size, states, tmp_path):
    inferencer = build('mmseg', states, tmp_path, opacity=1.0)
    for label, colour in enumerate(inferencer.model.dataset_meta['palette']):
        sample = SegDataSample(pred_sem_seg=PixelData(data=torch.full((1, *size), label)))
        assert (inferencer.draw_on(np.zeros((*size, 3), np.uint8), sample) == colour[::-1]).all()
