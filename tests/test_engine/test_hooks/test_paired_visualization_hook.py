from types import SimpleNamespace

import cv2
import pytest
from layouts import grey
from mmengine.structures import BaseDataElement

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
        'vi_visible': ((40, 60, 3), 7),
        'vi_infrared': ((40, 60, 3), 7),
    }
    del paths['img_ir_path']
    with pytest.raises(KeyError, match='no img_ir_path: add it to meta_keys'):
        hook.after_test_iter(runner, 1, outputs=[BaseDataElement(metainfo=paths)])
