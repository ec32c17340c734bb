import cv2
import numpy as np
import pytest
from helpers.layouts import grey

from mmdefusion.evaluation.functional import PROTOCOLS
from mmdefusion.evaluation.metrics import FusionMetric


def sample(name: str, channels: int) -> dict:
    images = [np.stack([grey(3 * k + c, 50, 60) for c in range(channels)], axis=-1) for k in range(3)]
    visible, infrared, fused = (image[..., 0] if channels == 1 else image for image in images)
    return dict(name=name, visible=visible, infrared=infrared, fused=fused)


@pytest.mark.parametrize('channels', [1, 3])
def test_means_rows_and_pictures(channels, tmp_path):
    metric = FusionMetric('gray', out_dir=str(tmp_path))
    samples = [sample('a/0', channels), sample('1', channels)]
    samples[1]['fused'] = samples[1]['visible']
    metric.process({}, samples)
    means = metric.evaluate(size=2)
    rows = [PROTOCOLS['gray'].scores(one['visible'], one['infrared'], one['fused']) for one in samples]
    for name, value in means.items():
        assert value == pytest.approx(
            (rows[0][name.removeprefix('fusion/')] + rows[1][name.removeprefix('fusion/')]) / 2
        )
    lines = (tmp_path / 'scores.csv').read_text().splitlines()
    assert [line.split(',')[0] for line in lines] == ['image', 'a/0', '1', 'mean']
    written = cv2.imread(str(tmp_path / 'fused/a/0.png'), cv2.IMREAD_UNCHANGED)
    assert (written == (samples[0]['fused'] if channels == 1 else samples[0]['fused'][..., ::-1])).all()


def test_what_cannot_be_scored_is_named(tmp_path):
    small = {key: value if key == 'name' else value[:20] for key, value in sample('small', 1).items()}
    with pytest.raises(ValueError, match=r'small: The images are \(20, 60\)'):
        FusionMetric('vifb').process({}, [small])
    with pytest.raises(ValueError, match="protocol='psnr' is none of"):
        FusionMetric('psnr')
