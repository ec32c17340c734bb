import re
from pathlib import Path

import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.model import BaseModel
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from mmdefusion.experiments.complexity import build_model, measure_complexity, pair_of_noise

ROOT = Path(__file__).resolve().parents[2]


class Known(BaseModel):
    """A convolution over a pair, and attention of 64 tokens of 8 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(4, 8, 3, padding=1, bias=False)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        tokens = self.convolution(torch.stack(inputs).float()).flatten(2).transpose(1, 2)[:, None]
        return scaled_dot_product_attention(tokens, tokens, tokens)


def test_operations_of_convolutions_and_attention():
    config = Config(dict(default_scope='mmdefusion'))
    found = measure_complexity(Known().eval(), pair_of_noise(config, 8, 8), repeats=1)
    assert found.parameters == 4 * 8 * 9
    assert found.operations == 8 * 8 * 4 * 8 * 9 + 2 * 64 * 64 * 8
    assert found.seconds > 0 and found.peak_bytes > 0


@pytest.mark.parametrize(
    'folder', ['detection', 'segmentation', 'baselines', 'pretrain', 'fusion', 'demo', 'comparison']
)
def test_metafiles_list_every_config(folder):
    pytest.importorskip('mmdet')
    pytest.importorskip('mmseg')
    models = yaml.safe_load((ROOT / 'configs' / folder / 'metafile.yml').read_text())['Models']
    listed = {model['Config']: model for model in models}
    assert set(listed) == {path.relative_to(ROOT).as_posix() for path in (ROOT / 'configs' / folder).glob('*.py')}
    assert f'configs/{folder}/metafile.yml' in yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']
    path = min(listed, key=lambda path: listed[path]['Metadata']['Parameters'])
    model = build_model(Config.fromfile(ROOT / path))
    assert sum(parameter.numel() for parameter in model.parameters()) == listed[path]['Metadata']['Parameters']


def test_results_of_the_demo_are_those_of_its_page():
    page = (ROOT / 'docs/demo.md').read_text()
    told = {sees: float(score) for sees, score in re.findall(r'^\| (\w+)(?: only)? \| \**([\d.]+)', page, re.MULTILINE)}
    told['boxes'] = float(re.search(r'detector reaches AP50 ([\d.]+)', page)[1])
    names = {'visible-only': 'visible', 'infrared-only': 'infrared', '160x128': 'fused'}
    written = {}
    for model in yaml.safe_load((ROOT / 'configs/demo/metafile.yml').read_text())['Models']:
        for result in model.get('Results', []):
            (score,) = result['Metrics'].values()
            detects = result['Task'] == 'Object Detection'
            written['boxes' if detects else names[model['Name'].rsplit('_', 1)[-1].rsplit('scenes-')[-1]]] = score
    assert written == told
