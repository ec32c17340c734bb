"""The tools that ship inside mmdet's and mmseg's wheels, and ours, train, resume and test every config as it stands."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import layouts
import pytest

ROOT = Path(__file__).resolve().parents[2]
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def run(script: Path | str, *args: str, cwd: Path) -> str:
    """Output of a tool that must succeed."""
    environment = os.environ | {'OMP_NUM_THREADS': '2', 'MKL_NUM_THREADS': '2'}
    result = subprocess.run(
        [sys.executable, str(script), *map(str, args)], cwd=cwd, capture_output=True, text=True, env=environment
    )
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
    return result.stdout + result.stderr


def stock(toolbox: str, name: str) -> Path:
    pytest.importorskip(toolbox)
    return Path(find_spec(toolbox).origin).parent / '.mim/tools' / name


def m3fd(root: Path) -> None:
    layouts.m3fd(root, count=10)


def kaist(root: Path) -> None:
    layouts.kaist(root)
    shutil.copytree(root / 'annotations-xml-new-sanitized', root / 'annotations-xml')
    for name in ('train-all-02', 'test-all-20'):
        shutil.copy(root / 'imageSets/train.txt', root / f'imageSets/{name}.txt')


def flir_published(root: Path) -> None:
    layouts.flir_published(root)
    shutil.copy(root / 'align_train.txt', root / 'align_validation.txt')


def flir_sample(root: Path) -> None:
    layouts.coco(root)
    shutil.copy(root / 'train.json', root / 'test.json')


def segmentation(visible: str, infrared: str, label_maps: str, classes: int) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        for part in ('train', 'test'):
            layouts.segmentation(root / part, visible, infrared, label_maps, classes)

    return write


def mfnet(root: Path) -> None:
    layouts.mfnet(root)
    for name in ('val', 'test'):
        shutil.copy(root / 'train.txt', root / f'{name}.txt')


@dataclass(frozen=True)
class Case:
    """A config and who writes its data."""

    config: str
    write: Callable[[Path], None]

    @property
    def toolbox(self) -> str:
        return 'mmdet' if self.config.startswith('detection') else 'mmseg'

    def options(self, root: Path) -> list[str]:
        options = [f'{loader}.dataset.data_root={root}/' for loader in LOADERS]
        options += [f'{loader}.{key}' for loader in LOADERS for key in ('num_workers=0', 'persistent_workers=False')]
        if 'flir-sample' in self.config:
            options += [f'{evaluator}.ann_file={root}/test.json' for evaluator in ('val_evaluator', 'test_evaluator')]
        return [
            *options,
            'train_dataloader.batch_size=2',
            'train_cfg.val_interval=1000',
            'default_hooks.checkpoint.interval=1',
            'default_hooks.logger.interval=1',
        ]


CASES = [
    Case('detection/defusionpp_vit-tiny_faster-rcnn_1xb4-84k_m3fd-1024x1024.py', m3fd),
    Case('detection/defusionpp_vit-tiny_faster-rcnn_1xb4-24k_llvip-640x512.py', layouts.llvip),
    Case('detection/defusionpp_vit-tiny_faster-rcnn_1xb4-24k_kaist-640x512.py', kaist),
    Case('detection/defusionpp_vit-tiny_faster-rcnn_1xb4-24k_flir-aligned-640x512.py', flir_published),
    Case('detection/defusionpp_vit-nano_atss_1xb4-1200i_flir-sample-320x256.py', flir_sample),
    Case('segmentation/defusionpp_vit-tiny_upernet_1xb4-80k_mfnet-480x480.py', mfnet),
    Case(
        'segmentation/defusionpp_vit-tiny_upernet_1xb4-80k_msrs-480x480.py',
        segmentation('vi', 'ir', 'Segmentation_labels', 9),
    ),
    Case(
        'segmentation/defusionpp_vit-tiny_upernet_1xb4-80k_pst900-480x480.py',
        segmentation('rgb', 'thermal', 'labels', 5),
    ),
    Case(
        'segmentation/defusionpp_vit-tiny_upernet_1xb4-80k_fmb-480x480.py',
        segmentation('Visible', 'Infrared', 'Label', 15),
    ),
]


def train_resume_test(case: Case, train: Path, test: Path, resume: str, work_dir: Path) -> None:
    """One iteration, resumed for one more, tested."""
    root = work_dir / 'data'
    case.write(root)
    config, options = str(ROOT / 'configs' / case.config), case.options(root)
    common = ['--work-dir', str(work_dir / 'run')]

    first = run(train, config, *common, '--cfg-options', *options, 'train_cfg.max_iters=1', cwd=work_dir)
    assert float(re.search(r'Iter\(train\) *\[1/1\].* loss: ([\d.]+)', first).group(1)) > 0
    second = run(train, config, *common, resume, '--cfg-options', *options, 'train_cfg.max_iters=2', cwd=work_dir)
    assert re.search(r'resumed epoch: \d+, iter: 1', second)
    assert (work_dir / 'run/iter_2.pth').exists()
    score = r'bbox_mAP_50' if case.toolbox == 'mmdet' else 'mIoU: '
    tested = run(test, config, str(work_dir / 'run/iter_2.pth'), *common, '--cfg-options', *options, cwd=work_dir)
    assert re.search(score, tested)


@pytest.mark.slow
@pytest.mark.parametrize('case', CASES, ids=lambda case: case.config)
def test_stock_tools_train_resume_and_test(case, tmp_path):
    train, test = (stock(case.toolbox, f'{name}.py') for name in ('train', 'test'))
    train_resume_test(case, train, test, '--resume', tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize('case', [CASES[4], CASES[6]], ids=lambda case: case.config)
def test_our_tools_train_resume_and_test(case, tmp_path):
    train_resume_test(case, ROOT / 'tools/train.py', ROOT / 'tools/test.py', '--resume', tmp_path)


@pytest.mark.parametrize('tool', ['train.py', 'test.py', 'dataset_converters/check_dataset.py'])
def test_help(tool, tmp_path):
    assert 'config' in run(ROOT / 'tools' / tool, '--help', cwd=tmp_path)


@pytest.mark.parametrize('tool', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh'])
def test_shell_tools_say_how_they_are_called(tool):
    result = subprocess.run(['bash', str(ROOT / 'tools' / tool)], capture_output=True, text=True)
    assert result.returncode == 2 and f'bash tools/{tool}' in result.stderr
