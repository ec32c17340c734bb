import tarfile
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from helpers.layouts import grey
from mmengine.structures import BaseDataElement, InstanceData

from mmdefusion.engine.hooks import PairedVisualizationHook


class Visualizer:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.seen = {}

    def add_datasample(self, name, image, data_sample, step):
        self.seen[name] = image, step


def test_both_images_every_so_often(tmp_path):
    cv2.imwrite(str(tmp_path / 'vi.png'), grey(0, 40, 60))
    cv2.imwrite(str(tmp_path / 'ir.png'), grey(1, 20, 30))
    paths = dict(img_path=str(tmp_path / 'vi.png'), img_ir_path=str(tmp_path / 'ir.png'), ori_shape=(40, 60))
    runner, hook = SimpleNamespace(visualizer=Visualizer(), iter=7), PairedVisualizationHook(interval=2)
    sample = BaseDataElement(metainfo=paths)
    hook.after_val_iter(runner, 0, outputs=[sample])
    assert not runner.visualizer.seen
    hook.after_val_iter(runner, 1, outputs=[sample])
    assert {name: (image.shape, step) for name, (image, step) in runner.visualizer.seen.items()} == {
        'vi_visible': ((40, 60, 3), 8),
        'vi_infrared': ((40, 60, 3), 8),
    }
    hook.after_val_iter(runner, 3, outputs=[sample])  # one of the same name in another folder
    assert runner.visualizer.seen['vi_visible'][1] == 10
    del paths['img_ir_path']
    with pytest.raises(KeyError, match='no img_ir_path: add it to meta_keys'):
        hook.after_test_iter(runner, 1, outputs=[BaseDataElement(metainfo=paths)])


def test_a_pair_without_its_infrared_image(tmp_path):
    """As AppendPartner(missing='zeros') makes one up."""
    cv2.imwrite(str(tmp_path / 'vi.png'), grey(0, 40, 60))
    runner = SimpleNamespace(visualizer=Visualizer(), iter=7)
    paths = dict(img_path=str(tmp_path / 'vi.png'), img_ir_path=str(tmp_path / 'ir.png'), ori_shape=(40, 60))
    PairedVisualizationHook(interval=1).after_val_iter(runner, 0, outputs=[BaseDataElement(metainfo=paths)])
    assert list(runner.visualizer.seen) == ['vi_visible']


def test_both_images_of_an_archive(tmp_path):
    with tarfile.open(tmp_path / '0.tar', 'w') as archive:
        for name in ('vi', 'ir'):
            cv2.imwrite(str(tmp_path / f'{name}.png'), grey(1, 40, 60))
            archive.add(tmp_path / f'{name}.png', f'{name}/a.png')
    runner = SimpleNamespace(visualizer=Visualizer(), iter=7)
    paths = {key: str(tmp_path / f'0.tar/{name}/a.png') for key, name in (('img_path', 'vi'), ('img_ir_path', 'ir'))}
    sample = BaseDataElement(metainfo=dict(paths, ori_shape=(40, 60)))
    hook = PairedVisualizationHook(interval=1, backend_args=dict(backend='mmdefusion.tar'))
    hook.after_val_iter(runner, 0, outputs=[sample])
    assert list(runner.visualizer.seen) == ['a_visible', 'a_infrared']


def test_both_images_of_one_file(tmp_path):
    """As in MFNet, where the infrared image is the fourth channel."""
    path = str(tmp_path / 'both.png')
    cv2.imwrite(path, np.dstack([np.full((40, 60, 3), 200, np.uint8), grey(1, 40, 60)]))
    runner = SimpleNamespace(visualizer=Visualizer(), iter=7)
    sample = BaseDataElement(metainfo=dict(img_path=path, img_ir_path=path, ori_shape=(40, 60)))
    PairedVisualizationHook(interval=1).after_val_iter(runner, 0, outputs=[sample])
    assert (runner.visualizer.seen['both_visible'][0] == 200).all()
    assert (runner.visualizer.seen['both_infrared'][0] == grey(1, 40, 60)[..., None]).all()


def test_files_and_tensorboard(tmp_path):
    pytest.importorskip('tensorboard')
    pytest.importorskip('mmdet')
    from mmdet.structures import DetDataSample
    from mmdet.visualization import DetLocalVisualizer
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    cv2.imwrite(str(tmp_path / 'vi.png'), grey(0, 40, 60))
    cv2.imwrite(str(tmp_path / 'ir.png'), grey(1, 40, 60))
    paths = dict(img_path=str(tmp_path / 'vi.png'), img_ir_path=str(tmp_path / 'ir.png'), ori_shape=(40, 60))
    sample = DetDataSample(metainfo=paths)
    boxes, labels = torch.tensor([[5.0, 5.0, 30.0, 30.0]]), torch.tensor([0])
    sample.gt_instances = InstanceData(bboxes=boxes, labels=labels)
    sample.pred_instances = InstanceData(bboxes=boxes, labels=labels, scores=torch.tensor([0.9]))
    backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
    visualizer = DetLocalVisualizer('paired', vis_backends=backends, save_dir=str(tmp_path / 'out'))
    visualizer.dataset_meta = dict(classes=('person',), palette=[(230, 60, 80)])
    PairedVisualizationHook(interval=1).after_val_iter(
        SimpleNamespace(visualizer=visualizer, iter=7), 0, None, [sample]
    )
    visualizer.close()
    drawn = {path.name: cv2.imread(str(path)) for path in (tmp_path / 'out').rglob('*.png')}
    assert set(drawn) == {'vi_visible_7.png', 'vi_infrared_7.png'}
    for image in drawn.values():
        assert image.shape == (40, 120, 3)  # truth and prediction side by side
        assert (image.max(2) - image.min(2)).max() > 100  # the boxes have a colour, the pictures have none
    (event,) = (tmp_path / 'out').rglob('events.*')
    assert set(EventAccumulator(str(event)).Reload().Tags()['images']) == {'vi_visible', 'vi_infrared'}
