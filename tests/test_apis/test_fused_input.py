"""Models of fused images get them from inferencers too."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers.layouts import grey
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmdefusion.inference.sources import Item
from mmdefusion.registry import MODELS
from mmdefusion.scenes import write_scenes

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

from mmdefusion.apis import PairedSegInferencer
from mmdefusion.experiments.benchmark.data_set import DataSet
from mmdefusion.experiments.benchmark.fused_images import use_fused_images, write_fused_images

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs/baselines/resnet18-fused-images_fcn_1xb4-500i_scenes-160x128.py'


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory) -> str:
    config = Config.fromfile(CONFIG)
    init_default_scope('mmseg')
    path = tmp_path_factory.mktemp('fused') / 'untrained.pth'
    meta = dict(dataset_meta=dict(classes=config.classes, palette=config.palette))
    torch.save(dict(state_dict=MODELS.build(config.model).state_dict(), meta=meta), path)
    return str(path)


@pytest.fixture(scope='module')
def scenes(tmp_path_factory) -> Path:
    return write_scenes(tmp_path_factory.mktemp('data') / 'scenes', train=1, test=2, size=(96, 64))


@pytest.mark.parametrize('of', ['zoo', 'trial'])
def test_pairs_are_fused_as_for_the_training(of, checkpoint, scenes, tmp_path):
    config = Config.fromfile(CONFIG)
    options = {f'{split}_dataloader.dataset.data_root': str(scenes) for split in ('train', 'test')}
    data = DataSet.load(ROOT / 'configs/_base_/datasets/scenes-segmentation.py', options)
    write_fused_images(data, tmp_path / 'fused')
    if of == 'trial':  # its pipeline names a folder that holds no fused images of other pairs
        use_fused_images(config, data.root, tmp_path / 'elsewhere')
    with pytest.warns(UserWarning, match='reads fused images: each pair is fused for it'):
        inferencer = PairedSegInferencer(config, checkpoint, device='cpu', show_progress=False)
    for visible in sorted((scenes / 'test/vi').iterdir()):
        files = str(visible), str(scenes / 'test/ir' / visible.name)
        learnt = cv2.imread(str(tmp_path / 'fused/test/vi' / visible.name))
        arrays = tuple(cv2.imread(file, cv2.IMREAD_UNCHANGED) for file in files)
        assert not np.array_equal(learnt, arrays[0])
        for pair in (files, arrays):
            image = inferencer.load(Item('pair', pair))['img']
            assert np.array_equal(image[..., :3], learnt) and np.array_equal(image[..., 3], arrays[1])
        assert (inferencer(*files)['predictions'][0] == inferencer(*arrays)['predictions'][0]).all()


def test_images_of_other_methods_are_read_for_files_alone(checkpoint, scenes, tmp_path):
    config = Config.fromfile(CONFIG)
    config.fused_images = False
    (tmp_path / 'fused').mkdir()
    use_fused_images(config, str(scenes / 'test/vi'), tmp_path / 'fused')
    visible = next((scenes / 'test/vi').iterdir())
    files = str(visible), str(scenes / 'test/ir' / visible.name)
    cv2.imwrite(str(tmp_path / 'fused' / visible.name), 255 - cv2.imread(files[0]))
    inferencer = PairedSegInferencer(config, checkpoint, device='cpu', show_progress=False)
    assert (inferencer.load(Item('pair', files))['img'][..., :3] == 255 - cv2.imread(files[0])).all()
    with pytest.raises(ValueError, match='replaces visible images by those in .*fused, which arrays and videos'):
        inferencer(grey(0, 64, 96), grey(1, 64, 96))
