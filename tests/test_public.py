"""What ``import mmdefusion`` offers, and what it does not import."""

import subprocess
import sys

import pytest

import mmdefusion

NAMES = {
    '__version__',
    'DeFusionEncoder',
    'DeFusionPP',
    'FusionInferencer',
    'NotAllDone',
    'PairedDetInferencer',
    'PairedSegInferencer',
    'load_fuser',
    'open_paired',
    'run_benchmark',
}

# toolboxes that are not there: a finder that refuses them
WITHOUT_TOOLBOXES = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('mmcv', 'mmdet', 'mmseg'):
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)
sys.meta_path.insert(0, Absent())
"""


def run(code: str) -> str:
    return subprocess.run([sys.executable, '-c', code], check=True, capture_output=True, text=True).stdout


def test_the_public_names_are_these():
    assert set(mmdefusion.__all__) == NAMES
    assert set(dir(mmdefusion)) == NAMES - {'__version__'}


@pytest.mark.parametrize('name', sorted(NAMES))
def test_public_names_can_be_imported(name):
    if name.startswith('Paired') or name == 'run_benchmark':
        pytest.importorskip('mmdet' if 'Det' in name else 'mmseg')
    assert getattr(mmdefusion, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'mmdefusion' has no attribute 'FusionInferer'"):
        _ = mmdefusion.FusionInferer


def test_importing_the_package_imports_next_to_nothing():
    loaded = run('import mmdefusion, sys; print(*sys.modules)').split()
    assert not {'torch', 'numpy', 'cv2', 'mmengine', 'mmcv', 'mmdet', 'mmseg'} & set(loaded)


def test_two_images_are_fused_where_no_toolbox_is_installed():
    code = """
import numpy as np
from mmdefusion import FusionInferencer
images = [np.full((48, 64, 3), value, np.uint8) for value in (60, 200)]
(result,) = FusionInferencer(device='cpu', show_progress=False)([images[0]], [images[1]])
print(result.images['fused'].shape)
"""
    assert run(WITHOUT_TOOLBOXES + code).strip().splitlines()[-1] == '(48, 64, 3)'
