"""Every tool that reads a checkpoint refuses every broken one in a line that names it, with an exit code."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.broken_checkpoints import MISFITS, UNREADABLE
from helpers.tools_in_process import fail

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = {
    'mmdet': ROOT / 'configs/demo/defusionpp_vit-nano_atss_1xb2-500_scenes-160x128.py',
    'mmseg': ROOT / 'configs/demo/defusionpp_vit-nano_fcn_1xb2-850_scenes-160x128.py',
    'fusion': ROOT / 'configs/fusion/defusionpp_vit-tiny_tno.py',
    'pretraining': ROOT / 'configs/pretrain/defusionpp-cud_vit-tiny_1xb16-1000i_sample-224x224.py',
}
DATA = ROOT / 'configs/_base_/datasets/scenes-detection.py'
PAIR = ['vi.png', 'ir.png']
# tool -> its arguments, X for the checkpoint
FUSING = {
    'fuse.py': [*PAIR, '--weights', 'X', '--device', 'cpu'],
    'analysis_tools/attention_maps.py': [*PAIR, 'X'],
    'analysis_tools/benchmark_fusion.py': ['fuse', '--weights', 'X', '--device', 'cpu'],
    'analysis_tools/compare_fusion.py': ['vi', 'ir', '--weights', 'X'],
    'model_converters/publish_model.py': ['X', 'out'],
}
CONVERTING = {
    'model_converters/publish_model.py': ['X', 'out', '--layout', 'mae'],
    'model_converters/reference_to_mmdefusion.py': ['X', 'out.pth'],
    'model_converters/reference_to_mmdefusion.py ': ['X', 'out.pth', '--reverse'],
}
TESTING = {
    **{f'test.py {name}': [path, 'X'] for name, path in CONFIGS.items()},
    **{f'infer.py {name}': [CONFIGS[name], 'X', *PAIR, '--device', 'cpu'] for name in ('mmdet', 'mmseg')},
    'analysis_tools/robustness.py': ['--model', CONFIGS['mmdet'], 'X'],
}
TRAINING = {
    **{f'train.py {name}': [path, '--cfg-options', 'load_from=X'] for name, path in CONFIGS.items()},
    'train.py --resume': [CONFIGS['mmdet'], '--resume', 'X'],
    'analysis_tools/compare_pretraining.py': [CONFIGS['mmdet'], '--weights', 'X'],
    'benchmark.py': ['--data', DATA, '--models', 'defusionpp_vit-tiny_atss', '--weights', 'X'],
}
TOOLBOXED = ('mmdet', 'mmseg')


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    """Holds a pair, as files and in two folders."""
    folder = tmp_path_factory.mktemp('tools')
    for name in ('vi', 'ir'):
        (folder / name).mkdir()
        for path in (folder / f'{name}.png', folder / name / 'a.png'):
            cv2.imwrite(str(path), np.full((48, 64, 3), 90, np.uint8))
    return folder


@pytest.fixture(scope='module')
def broken(tmp_path_factory) -> dict[str, Path]:
    """Each file once, under the name x.pth."""
    paths = {name: tmp_path_factory.mktemp('broken') / 'x.pth' for name in (*UNREADABLE, *MISFITS)}
    for name, write in (UNREADABLE | MISFITS).items():
        write(paths[name])
    return paths


def refuse(tool: str, arguments: list, path: Path, folder: Path) -> None:
    script = ROOT / 'tools' / tool.split()[0]
    text = fail(
        script, *(str(part).replace('X', str(path)) if 'X' in str(part) else part for part in arguments), cwd=folder
    )
    assert 'x.pth' in text, text
    assert not list(folder.glob('out*'))


@pytest.mark.parametrize('tool', FUSING | CONVERTING | TESTING | TRAINING)
def test_unreadable(tool, folder, broken):
    if any(name in tool for name in TOOLBOXED) or tool.startswith(('train.py', 'benchmark', 'analysis_tools/c')):
        pytest.importorskip('mmdet')
    for name in UNREADABLE:
        if name == 'meta' and tool in FUSING | CONVERTING:  # of no use to them
            continue
        if name == 'absent' and tool == 'benchmark.py':
            continue
        refuse(tool, (FUSING | CONVERTING | TESTING | TRAINING)[tool], broken[name], folder)


@pytest.mark.parametrize('tool', FUSING | TESTING | CONVERTING)
def test_misfits(tool, folder, broken):
    for name in MISFITS:
        if tool == 'model_converters/publish_model.py' and name == 'another network':  # any network may be published
            continue
        refuse(tool, (FUSING | TESTING | CONVERTING)[tool], broken[name], folder)
