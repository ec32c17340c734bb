"""The files that a user fills in, filled in with generated scenes: sound, and read as they stand."""

from pathlib import Path

import cv2
import pytest
import torch
from helpers.my_pairs import BASES, CLASSES, fill_in
from helpers.pages import blocks
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS, DefaultScope

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

from mmdefusion.datasets.checks import check_config
from mmdefusion.datasets.pairing import refuse_short_palette

CASES = {
    'detection': ('mmdet', 'atss_defusionpp-nano', 'bbox_head'),
    'segmentation': ('mmseg', 'fcn_defusionpp-tiny', 'decode_head'),
}
PAGE = BASES.parents[1] / 'docs/tutorials/my_data.md'


def whole(task: str, folder: Path) -> Config:
    """A config around the data set's file."""
    scope, model, head = CASES[task]
    config = folder / 'config.py'
    config.write_text(f"_base_ = ['_base_/models/{model}.py', '_base_/datasets/mine.py']\ndefault_scope = '{scope}'\n")
    cfg = Config.fromfile(config)
    for one in (head, 'auxiliary_head'):
        if cfg.model.get(one):
            cfg.model[one].num_classes = len(CLASSES[task])
    return cfg


@pytest.mark.parametrize('task', CASES)
def test_my_pairs_filled_in(task: str, tmp_path: Path) -> None:
    scope, _, head = CASES[task]
    fill_in(task, tmp_path)
    cfg = whole(task, tmp_path)
    reports = check_config(cfg)
    assert [report.images for report in reports] == [4, 2] and not any(report.troubles for report in reports)
    with DefaultScope.overwrite_default_scope(scope):
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
        channels, _, width = dataset[0]['inputs'].shape
        assert channels == 4 and width <= 96  # the size that was filled in
        assert DATASETS.build(cfg.test_dataloader.dataset)[0]['inputs'].shape[2] == 96
        placed = DATASETS.build(dict(cfg.train_dataloader.dataset, pipeline=cfg.placed_pipeline))
        assert placed[0]['inputs'].shape[0] == 4 + 3
    cfg.model[head].num_classes = 77
    assert all('num_classes=77' in report.wrong_settings[0] for report in check_config(cfg))


@pytest.mark.parametrize('task', CASES)
def test_one_line_lets_partners_be_of_another_size_or_missing(task: str, tmp_path: Path) -> None:
    step = "pairing = [dict(type='mmdefusion.AppendPartner', size_mismatch='resize', missing='zeros')]"
    mine = fill_in(task, tmp_path, {'pairing =': step})
    mine.write_text(mine.read_text().replace('dataset = dict(', 'dataset = dict(allow_missing_partner=True, '))
    for split in ('train', 'test'):
        first, second, *_ = sorted((tmp_path / f'data/{split}/ir').iterdir())
        first.unlink()
        cv2.imwrite(str(second), cv2.imread(str(second))[::2, ::2])
    cfg = whole(task, tmp_path)
    steps = [cfg.train_dataloader.dataset.pipeline, cfg.test_dataloader.dataset.pipeline]
    steps += [cfg.tta_pipeline, cfg.placed_pipeline]
    for pipeline in steps:
        (found,) = [step for step in pipeline if step.type == 'mmdefusion.AppendPartner']
        assert (found.size_mismatch, found.missing) == ('resize', 'zeros')
    with DefaultScope.overwrite_default_scope(CASES[task][0]):
        tested = DATASETS.build(cfg.test_dataloader.dataset)
        assert [tested[index]['inputs'].shape[0] for index in range(2)] == [4, 4]


def test_a_schedule_of_ones_own_ends_where_its_line_says(tmp_path: Path) -> None:
    fill_in('detection', tmp_path)
    cfg = Config.fromfile(tmp_path / '_base_/schedules/mine.py')
    assert cfg.train_cfg.max_iters == cfg.param_scheduler[-1].end == 900 and cfg.train_cfg.val_interval == 9


def test_the_configs_of_the_page_build_guided_detectors(tmp_path: Path) -> None:
    fill_in('detection', tmp_path)
    codes = [block.code for block in blocks(PAGE) if block.language == 'python' and '_base_ = [' in block.code]
    assert len(codes) == 2
    for code in codes:
        assert len(code.splitlines()) <= 10
        (tmp_path / 'mine.py').write_text(code)
        config = Config.fromfile(tmp_path / 'mine.py')
        for part in (config.model.backbone, config.model.backbone.get('encoder', {}), config.model.backbone.pyramid):
            part.update(init_cfg=None, prior=None) if 'strides' in part else part.update(init_cfg=None)
        if prior := config.model.backbone.get('spatial_prior'):
            prior.backbone.backbone.init_cfg = None
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
