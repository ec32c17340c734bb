"""The tools that ship inside mmdet's and mmseg's wheels, and ours, train and test every config as it stands."""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import cv2
import pytest
from helpers import layouts
from helpers.tools_in_process import fail, printed_score, run, stock
from helpers.warm_process import run_tool
from helpers.watched_training import watched_training
from mmengine.config import Config

from mmdefusion.models.layers import PATCH_SIZE
from mmdefusion.scenes import write_scenes

ROOT = Path(__file__).resolve().parents[2]
SIDE = 192  # of images, about: what the configs train at takes minutes on a CPU
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


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


def scenes(root: Path) -> None:
    write_scenes(root, 4, 2, size=(96, 64))


def flir_sample_masks(root: Path) -> None:
    """Under the paths that the config names, seen from the folder that the tools run in."""
    pairs, labels = root / 'pairs', root / 'labels'
    layouts.segmentation(root, 'pairs/vi', 'pairs/ir', 'labels', 4)
    for path in (*pairs.rglob('*.png'),):
        layouts.write(path.with_suffix('.jpg'), cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
    for name in ('train', 'test'):
        layouts.write_lines(labels / f'{name}.txt', [path.stem for path in sorted(labels.glob('*.png'))])


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
        if 'flir-sample-masks' in self.config:
            for loader, name in zip(LOADERS, ('train', 'test', 'test'), strict=True):
                prefix = {'img_path': 'pairs/vi', 'img_ir_path': 'pairs/ir', 'seg_map_path': 'labels'}
                options += [f'{loader}.dataset.data_prefix.{key}={value}' for key, value in prefix.items()]
                options.append(f'{loader}.dataset.ann_file=labels/{name}.txt')
        elif 'flir-sample' in self.config or 'scenes' in self.config:
            options += [f'{evaluator}.ann_file={root}/test.json' for evaluator in ('val_evaluator', 'test_evaluator')]
        options += [f'{loader}.{key}' for loader in LOADERS for key in ('num_workers=0', 'persistent_workers=False')]
        interval = ['train_cfg.val_interval=1000'] if self.unit == 'iters' else []
        if 'faster-rcnn' in self.config:  # on a CPU the box head is most of the time: few proposals
            options += ['model.train_cfg.rcnn.sampler.num=16', 'model.train_cfg.rpn_proposal.max_per_img=16']
            options += ['model.test_cfg.rpn.max_per_img=16']
        elif self.toolbox == 'mmdet':  # after two iterations no box is sure enough, and mmdet scores no empty result
            options += ['model.test_cfg.score_thr=0.0', 'model.test_cfg.nms_pre=50']
        options += self.small_images()
        if 'windows' in self.config:  # smaller than the small images, as they are in the config
            options.append('model.backbone.window=4')
        return [
            *options,
            *interval,
            f'train_dataloader.batch_size={1 if self.toolbox == "mmdet" else 2}',  # batch norm wants two
            'default_hooks.checkpoint.interval=1',
            'default_hooks.logger.interval=1',
            f'default_hooks.checkpoint.save_optimizer={self in RESUMED}',
        ]

    def small_images(self) -> list[str]:
        """All sizes of the config divided by one number, so that nothing else changes."""
        config = Config.fromfile(ROOT / 'configs' / self.config)
        steps = [step for loader in LOADERS for step in config[loader].dataset.pipeline]
        sides = [max(step.get('crop_size', step.get('scale', (0,)))) for step in steps]
        part = max(1, round(max(sides) / SIDE))
        found = {
            f'{loader}.dataset.pipeline.{place}.{key}': step[key]
            for loader in LOADERS
            for place, step in enumerate(config[loader].dataset.pipeline)
            for key in ('scale', 'crop_size')
            if key in step
        }
        if self.toolbox == 'mmseg':
            found['model.data_preprocessor.size'] = config.model.data_preprocessor.size
            keys = ('crop_size', 'stride') if config.model.test_cfg.mode == 'slide' else ()
            found |= {f'model.test_cfg.{key}': config.model.test_cfg[key] for key in keys}
        options = [f'{key}=({size[0] // part},{size[1] // part})' for key, size in found.items()]
        divisor = config.model.data_preprocessor.get('pad_size_divisor') or 0
        if divisor > PATCH_SIZE:  # to whole patches
            options.append(f'model.data_preprocessor.pad_size_divisor={ceil(divisor / part / PATCH_SIZE) * PATCH_SIZE}')
        return options

    @property
    def score(self) -> str:
        """What the toolbox's metric prints."""
        return 'bbox_mAP_50' if self.toolbox == 'mmdet' else 'mIoU'

    @property
    def unit(self) -> str:
        """What the schedule counts; the example on mmdet's own config counts epochs."""
        return 'epochs' if 'retinanet' in self.config else 'iters'


CASES = [
    Case('detection/defusionpp_vit-tiny_faster-rcnn_1xb4-84k_m3fd-1024x1024.py', m3fd),
    Case('detection/defusionpp_vit-tiny_faster-rcnn_1xb4-24k_llvip-640x512.py', layouts.llvip),
    Case('detection/defusionpp_vit-tiny_faster-rcnn_1xb4-24k_kaist-640x512.py', kaist),
    Case('detection/defusionpp_vit-tiny_faster-rcnn_1xb4-24k_flir-aligned-640x512.py', flir_published),
    Case('detection/defusionpp-windows_vit-tiny_faster-rcnn_1xb4-24k_llvip-640x512.py', layouts.llvip),
    Case('detection/defusionpp-windows_vit-tiny_faster-rcnn_1xb4-84k_m3fd-1024x1024.py', m3fd),
    Case('detection/defusionpp_vit-nano_atss_1xb4-600i_flir-sample-320x256.py', flir_sample),
    Case('detection/defusionpp_vit-tiny_retinanet_1xb2-12e_scenes-1333x800.py', scenes),
    Case('segmentation/defusionpp_vit-nano_upernet_1xb2-400i_flir-sample-masks-320x256.py', flir_sample_masks),
    Case('segmentation/defusionpp_vit-tiny_upernet_1xb4-80k_mfnet-480x480.py', mfnet),
    Case(
        'segmentation/defusionpp_vit-tiny_upernet_1xb4-80k_msrs-480x480.py',
        segmentation('vi', 'ir', 'Segmentation_labels', 9),
    ),
    Case(
        'segmentation/defusionpp-windows_vit-tiny_upernet_1xb4-80k_msrs-480x480.py',
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


def run_apart(script: Path, *arguments: object, cwd: Path) -> str:
    """As ``run``, in a process of its own."""
    result = run_tool(script, *arguments, cwd=cwd)
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
    return result.stdout + result.stderr


NANO = [case for case in CASES if 'vit-nano' in case.config]
# how a run goes on is in the runtime, which the other configs have from the same file
RESUMED = [*NANO, *(case for case in CASES if case.unit == 'epochs')]


def train_and_test(case: Case, train: Path, test: Path, work_dir: Path, run: Callable = run) -> str:
    """A few iterations (or an epoch), of some cases resumed for one more, and tested; returns the last checkpoint."""
    root = work_dir / 'data'
    case.write(root)
    config, options = str(ROOT / 'configs' / case.config), case.options(root)
    common = ['--work-dir', str(work_dir / 'run')]
    last = 2 if case in NANO else 1
    budget = f'train_cfg.max_{case.unit}'

    with watched_training() as watched:
        trained = run(train, config, *common, '--cfg-options', *options, f'{budget}={last}', cwd=work_dir)
    if case not in NANO:  # whose stock tools run apart
        watched.assert_learnt()
    losses = [float(loss) for loss in re.findall(r'\(train\).* loss: ([\d.]+)', trained)]
    assert losses and all(0 < loss < 100 for loss in losses)
    if case in RESUMED:
        last += 1
        resumed = run(train, config, *common, '--resume', '--cfg-options', *options, f'{budget}={last}', cwd=work_dir)
        epochs = case.unit == 'epochs'
        start = '1, iter: [0-9]+' if epochs else f'[0-9]+, iter: {last - 1}'
        assert re.search(f'resumed epoch: {start}', resumed)
        assert len(re.findall(r'\(train\).* loss: ([\d.]+)', resumed)) == (len(losses) if epochs else 1)
    checkpoint = str(work_dir / f'run/{case.unit.removesuffix("s")}_{last}.pth')
    tested = run(test, config, checkpoint, *common, '--cfg-options', *options, cwd=work_dir)
    assert 0 <= printed_score(tested, case.score) <= 100
    return checkpoint


def test_every_config_has_a_case():
    """Those of the zoo have theirs in test_zoo.py."""
    folders = (ROOT / 'configs/detection', ROOT / 'configs/segmentation')
    configs = {f'{folder.name}/{path.name}' for folder in folders for path in folder.glob('*.py')}
    assert {case.config for case in CASES} == {config for config in configs if '_scenes-160x128' not in config}


@pytest.mark.slow
@pytest.mark.parametrize('case', CASES, ids=lambda case: case.config)
def test_stock_tools_train_and_test(case, tmp_path):
    train, test = (stock(case.toolbox, f'{name}.py') for name in ('train', 'test'))
    train_and_test(case, train, test, tmp_path, run_apart if case in NANO else run)  # apart once a toolbox


@pytest.mark.slow
@pytest.mark.parametrize('case', NANO, ids=lambda case: case.config)
def test_our_tools_and_test_time_augmentation(case, tmp_path):
    checkpoint = train_and_test(case, ROOT / 'tools/train.py', ROOT / 'tools/test.py', tmp_path)
    options = [str(ROOT / 'configs' / case.config), checkpoint, '--work-dir', str(tmp_path / 'tested'), '--tta']
    options += ['--show-dir', 'pictures', '--out', str(tmp_path / 'predictions.pkl')]
    tested = run(ROOT / 'tools/test.py', *options, '--cfg-options', *case.options(tmp_path / 'data'), cwd=tmp_path)
    assert case.score in tested
    assert (tmp_path / 'predictions.pkl').stat().st_size > 100
    assert list((tmp_path / 'tested/pictures').rglob('*.png'))
    options = [str(ROOT / 'configs' / case.config), checkpoint, '--work-dir', str(tmp_path / 'stock'), '--tta']
    stock_test = stock(case.toolbox, 'test.py')
    assert case.score in run(stock_test, *options, '--cfg-options', *case.options(tmp_path / 'data'), cwd=tmp_path)


@pytest.mark.parametrize('tool', ['train.py', 'test.py', 'dataset_converters/check_dataset.py'])
def test_help(tool, tmp_path):
    assert 'config' in run(ROOT / 'tools' / tool, '--help', cwd=tmp_path)


@pytest.mark.parametrize(
    'tool, arguments',
    [
        ('train.py', ['absent.py']),
        ('test.py', ['absent.py', 'x.pth']),
        ('dataset_converters/check_dataset.py', ['absent.py']),
        ('analysis_tools/browse_dataset.py', ['absent.py']),
        ('analysis_tools/get_flops.py', ['absent.py']),
        ('analysis_tools/benchmark_pretraining.py', ['absent.py']),
        ('analysis_tools/plot_pretraining.py', ['.', '--random', 'absent.py']),
        ('analysis_tools/probe_features.py', ['--data', 'absent.py', '--model', 'absent.py']),
    ],
)
def test_a_mistyped_config_is_one_line(tool, arguments, tmp_path):
    last = fail(ROOT / 'tools' / tool, *arguments, cwd=tmp_path)
    assert last.startswith(f'{Path(tool).name}: error: argument ') and last.endswith(': absent.py is not there.')
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    'tool', ['train.py', 'test.py', 'analysis_tools/browse_dataset.py', 'analysis_tools/get_flops.py']
)
def test_an_absent_base_is_one_line(tool, tmp_path):
    (tmp_path / 'x.py').write_text("_base_ = './absent.py'")
    last = fail(ROOT / 'tools' / tool, 'x.py', *(['x.pth'] if tool == 'test.py' else []), cwd=tmp_path)
    assert 'absent.py' in last and 'Traceback' not in last and [*tmp_path.iterdir()] == [tmp_path / 'x.py']


def test_absent_data_are_one_line(tmp_path):
    config = ROOT / 'configs/baselines/spatial-prior_atss_1xb4-500i_scenes-160x128.py'
    last = fail(ROOT / 'tools/train.py', str(config), cwd=tmp_path)
    assert last == "PairedCocoDataset: data/scenes/train.json is not there; correct data_root='data/scenes'"


def test_predictions_go_to_a_pickle(tmp_path):
    (tmp_path / 'x.py').touch()
    last = fail(ROOT / 'tools/test.py', 'x.py', 'x.pth', '--out', 'found.json', cwd=tmp_path)
    assert last == 'test.py: error: argument --out: found.json must end in .pkl, which is what MMEngine writes.'


@pytest.mark.parametrize('tool', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh'])
def test_shell_tools_say_how_they_are_called(tool):
    result = subprocess.run(['bash', str(ROOT / 'tools' / tool)], capture_output=True, text=True)
    assert result.returncode == 2 and f'bash tools/{tool}' in result.stderr
