"""The files that a user fills in, filled in with generated scenes: sound, and read as they stand."""

from pathlib import Path

import pytest
import torch
from helpers.pages import blocks
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS, DefaultScope

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

from mmdefusion.datasets.checks import check_config
from mmdefusion.datasets.pairing import refuse_short_palette
from mmdefusion.scenes import write_scenes

BASES = Path(__file__).resolve().parents[2] / 'configs/_base_'
CASES = {
    'detection': ('mmdet', 'atss_defusionpp-nano', "('person', 'car', 'cone')", 'bbox_head'),
    'segmentation': ('mmseg', 'fcn_defusionpp-tiny', "('background', 'person', 'car', 'cone')", 'decode_head'),
}


@pytest.mark.parametrize('task', CASES)
def test_my_pairs_filled_in(task: str, tmp_path: Path) -> None:
    scope, model, classes, head = CASES[task]
    write_scenes(tmp_path / 'data/my-pairs', 3, 2, size=(96, 64))
    mine = tmp_path / 'my-pairs.py'
    text = (BASES / f'datasets/my-pairs-{task}.py').read_text()
    assert text.count('# <-') >= 4
    lines = [f'classes = {classes}' if line.startswith('classes =') else line for line in text.splitlines()]
    text = '\n'.join(lines).replace('data/my-pairs/', f'{tmp_path}/data/my-pairs/')
    colours = {'[0, 0, 142]]': '[0, 0, 142], [9, 9, 9]]', '60, 130, 240)]': '60, 130, 240), (9, 9, 9)]'}
    sizes = {'image_size = (640, 512)': 'image_size = (96, 64)', 'image_size = (640, 480)': 'image_size = (96, 64)'}
    for old, new in (colours | sizes | {'crop_size = (480, 480)': 'crop_size = (64, 64)'}).items():
        text = text.replace(old, new)
    mine.write_text(text.replace("'./", f"'{BASES}/datasets/"))
    config = tmp_path / 'config.py'
    config.write_text(f"_base_ = ['{BASES}/models/{model}.py', '{mine}']\ndefault_scope = '{scope}'\n")
    cfg = Config.fromfile(config)
    cfg.merge_from_dict({f'model.{head}.num_classes': classes.count(',') + 1})
    if cfg.model.get('auxiliary_head'):
        cfg.merge_from_dict({'model.auxiliary_head.num_classes': classes.count(',') + 1})
    reports = check_config(cfg)
    assert [report.images for report in reports] == [3, 2] and not any(report.troubles for report in reports)
    with DefaultScope.overwrite_default_scope(scope):
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
        channels, _, width = dataset[0]['inputs'].shape
        assert channels == 4 and width <= 96  # the size that was filled in
        assert DATASETS.build(cfg.test_dataloader.dataset)[0]['inputs'].shape[2] == 96
    cfg.merge_from_dict({f'model.{head}.num_classes': 77})
    assert all('num_classes=77' in report.wrong_settings[0] for report in check_config(cfg))


def test_the_config_of_the_page_builds_a_guided_detector(tmp_path: Path) -> None:
    page = BASES.parents[1] / 'docs/tutorials/my_data.md'
    (code,) = [block.code for block in blocks(page) if block.language == 'python' and '_base_ = [' in block.code]
    whole = code.replace("'_base_/datasets/mine.py'", "'_base_/datasets/my-pairs-detection.py'")
    (tmp_path / 'mine.py').write_text(whole.replace("'_base_/", f"'{BASES}/"))
    config = Config.fromfile(tmp_path / 'mine.py')
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(config.model)
    maps = model.extract_feat(torch.zeros(1, 6, 64, 128))
    assert [tuple(one.shape[2:]) for one in maps] == [(64 // stride, 128 // stride) for stride in config.strides]
    assert not any(one.requires_grad for one in model.backbone.encoder.parameters())


@pytest.mark.parametrize('task', CASES)
def test_too_few_colours_are_named(task: str) -> None:
    cfg = Config.fromfile(BASES / f'datasets/my-pairs-{task}.py').train_dataloader.dataset
    cfg.metainfo = dict(classes=('a', 'b', 'c', 'd'), palette=[[0, 0, 0]] * 3)
    with DefaultScope.overwrite_default_scope(CASES[task][0]), pytest.raises(ValueError, match='palette has 3 colours'):
        DATASETS.build(cfg)


def test_colours_that_may_be_meant() -> None:
    black = [(0, 0, 0)]
    for classes, palette in (('classes.txt', black), (('a',), black * 14), (('a', 'b'), []), (('a',), None)):
        refuse_short_palette(dict(classes=classes, palette=palette))
    refuse_short_palette(None)


def test_no_pipeline_is_cut_out_of_another() -> None:
    folder = BASES.parent
    slices = [path for path in folder.rglob('*.py') if '_pipeline[' in path.read_text()]
    assert not slices
