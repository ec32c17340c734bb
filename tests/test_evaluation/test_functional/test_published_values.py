"""What the VIFB authors published, and what others measured with the common protocol, for four methods."""

import csv

import pytest

from mmdefusion.evaluation.functional import GRAY_METRICS, VIFB_METRICS
from mmdefusion.evaluation.parallel_scoring import score_files
from mmdefusion.inference.stems import list_images

METHODS = ('ADF', 'IFCNN', 'SeAFusion', 'U2Fusion')


def published(path) -> dict[tuple[str, str], dict[str, float]]:
    with path.open() as file:
        return {
            (row.pop('method'), row.pop('image')): {name: float(value) for name, value in row.items()}
            for row in csv.DictReader(file)
        }


@pytest.mark.slow
@pytest.mark.parametrize('step', [7, pytest.param(1, marks=pytest.mark.soak)], ids=['every 7th pair', 'all pairs'])
@pytest.mark.parametrize(
    ('protocol', 'file', 'metrics', 'bounds'),
    [
        ('vifb', 'vifb_per_image.csv', VIFB_METRICS, {}),
        ('gray', 'gray_protocol.csv', GRAY_METRICS, {'VIFF': 1e-3}),
    ],
)
def test_to_the_fourth_digit(shared, protocol, file, metrics, bounds, step):
    expected = published(shared / 'data/vifb' / file)
    folders = [list_images(shared / 'data/vifb' / kind) for kind in ('vi', 'ir')]
    fused = {method: list_images(shared / 'data/vifb/fused' / method) for method in METHODS}
    jobs = {
        key: (folders[0][key[1]], folders[1][key[1]], fused[key[0]][key[1]]) for key in expected if key[1] != 'mean'
    }
    assert len(jobs) == 4 * 21
    jobs = {key: jobs[key] for key in sorted(jobs)[::step]}
    found = score_files(list(jobs.values()), protocol)
    assert all(isinstance(row, dict) for row in found)
    for key, ours in zip(jobs, found, strict=True):
        for name in metrics:
            bound = bounds.get(name, 1e-4)
            assert abs(ours[name] - expected[key][name]) <= bound * abs(expected[key][name]), (key, name)
