import importlib.util
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import layouts
from mmengine.config import Config, ConfigDict

from mmdefusion.datasets.checks import check_config, check_dataset
from mmdefusion.datasets.checks import dataset as checks_dataset
from mmdefusion.datasets.checks.boxes import check_boxes
from mmdefusion.datasets.checks.report import SplitReport

LOAD = [dict(type='LoadImageFromFile'), dict(type='mmdefusion.AppendPartner')]
TOOL = Path(__file__).resolve().parents[2] / 'tools/dataset_converters/check_dataset.py'


def coco(root: Path, **options) -> ConfigDict:
    pytest.importorskip('mmdet')
    prefix = dict(img='vi/', img_ir='ir/')
    known = dict(type='mmdefusion.FLIRAlignedDataset', data_root=str(root), ann_file='train.json', data_prefix=prefix)
    return ConfigDict({**known, 'pipeline': LOAD, **options})


def m3fd(root: Path) -> ConfigDict:
    pytest.importorskip('mmdet')
    return ConfigDict(type='mmdefusion.M3FDDataset', data_root=str(root), pipeline=LOAD)


def msrs(root: Path, **options) -> ConfigDict:
    pytest.importorskip('mmseg')
    prefix = dict(img_path='vi', img_ir_path='ir', seg_map_path='labels')
    known = dict(type='mmdefusion.MSRSDataset', data_root=str(root), data_prefix=prefix, pipeline=LOAD)
    return ConfigDict({**known, **options})


def append(**options) -> dict:
    return dict(pipeline=[LOAD[0], dict(LOAD[1], **options)])


def test_whole_data_set_has_no_trouble(tmp_path: Path) -> None:
    layouts.coco(tmp_path)
    report = check_dataset(coco(tmp_path, filter_cfg=dict(min_size=1000)), 'train', pixels=True)
    assert (report.images, report.partners, report.boxes, report.ignored_boxes) == (3, 3, 3, 0)
    assert report.classes == dict(person=0, bicycle=0, car=3)
    assert report.sizes == {(64, 48): 3}
    assert report.deep_partners == 0
    assert not report.troubles


def test_all_that_is_missing_is_listed(tmp_path: Path) -> None:
    layouts.m3fd(tmp_path)
    for name in ('Vis/00000.png', 'Ir/00001.png', 'Annotation/00002.xml'):
        (tmp_path / name).unlink()
    layouts.write_lines(tmp_path / 'all.txt', ['00000', '00001', '00002', '00003'])
    cfg = m3fd(tmp_path)
    cfg.ann_file = 'all.txt'
    report = check_dataset(cfg)
    assert sorted(Path(path).name for path in report.missing) == ['00000.png', '00001.png', '00002.xml']
    assert (report.images, report.partners, report.boxes) == (4, 3, 6)
    assert list(report.troubles) == ['missing']


def test_ignored_boxes_are_counted_apart(tmp_path: Path) -> None:
    pytest.importorskip('mmdet')
    layouts.kaist(tmp_path)
    cfg = ConfigDict(type='mmdefusion.KAISTDataset', data_root=str(tmp_path), ann_file='imageSets/train.txt')
    report = check_dataset(cfg)
    assert (report.partners, report.boxes, report.ignored_boxes, report.classes) == (2, 6, 4, dict(person=2))


def test_absent_partners_are_no_trouble_where_both_sides_allow_them(tmp_path: Path) -> None:
    layouts.coco(tmp_path)
    (tmp_path / 'ir/001.png').unlink()
    allowed = check_dataset(coco(tmp_path, allow_missing_partner=True, **append(missing='zeros')))
    assert len(allowed.made_up) == 1 and not allowed.troubles and allowed.partners == 2
    for options in (append(missing='zeros'), dict(allow_missing_partner=True)):
        assert check_dataset(coco(tmp_path, **options)).troubles['missing'] == [str(tmp_path / 'ir/001.png')]


def test_other_sizes_and_depths(tmp_path: Path) -> None:
    layouts.coco(tmp_path)
    small = (layouts.grey(0, 24, 32).astype(np.uint16)) * 100
    layouts.write(tmp_path / 'ir/000.png', small)
    report = check_dataset(coco(tmp_path))
    assert report.deep_partners == 1
    assert report.mismatched == [f'{tmp_path}/ir/000.png is 32x24, {tmp_path}/vi/000.png is 64x48']
    report = check_dataset(coco(tmp_path, **append(size_mismatch='resize')))
    assert len(report.resized) == 1 and not report.troubles


def test_annotation_of_another_size(tmp_path: Path) -> None:
    layouts.m3fd(tmp_path, count=1)
    for folder in ('Vis', 'Ir'):
        layouts.write(tmp_path / folder / '00000.png', layouts.grey(0, 40, 50))
    assert check_dataset(m3fd(tmp_path)).mismatched == [f'{tmp_path}/Vis/00000.png is 50x40, its annotation says 64x48']


def test_annotation_that_says_the_image_has_no_pixel(tmp_path: Path) -> None:
    """mmdet's own data sets drop such an image in training; those of pairs take the image's size."""
    layouts.m3fd(tmp_path, count=1)
    path = tmp_path / 'Annotation/00000.xml'
    path.write_text(path.read_text().replace('>64<', '>0<').replace('>48<', '>0<'))
    assert not check_dataset(m3fd(tmp_path)).mismatched
    (tmp_path / 'Vis').rename(tmp_path / 'JPEGImages')
    cv2.imwrite(str(tmp_path / 'JPEGImages/00000.jpg'), cv2.imread(str(tmp_path / 'JPEGImages/00000.png')))
    layouts.write_lines(tmp_path / 'train.txt', ['00000'])
    stock = ConfigDict(
        type='mmdet.XMLDataset',
        ann_file=str(tmp_path / 'train.txt'),
        data_prefix=dict(sub_data_root=f'{tmp_path}/'),
        ann_subdir='Annotation',
        metainfo=dict(classes=('Car', 'Lamp')),
        pipeline=[LOAD[0], dict(LOAD[1], rule=(r'JPEGImages/(.*)\.jpg', r'Ir/\1.png'))],
    )
    (line,) = check_dataset(stock).mismatched
    assert line.endswith('JPEGImages/00000.jpg is 64x48, its annotation says 0x0')


def test_missing_files_are_not_searched_for_every_box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layouts.m3fd(tmp_path)
    (tmp_path / 'Annotation/00002.xml').unlink()

    class Unsearched(list):
        def __contains__(self, path: object) -> bool:
            pytest.fail('a search of the whole list for each image')

    def mark(report: SplitReport, dataset: object, infos: list[dict]) -> None:
        report.missing = Unsearched(report.missing)
        check_boxes(report, dataset, infos)

    monkeypatch.setattr(checks_dataset, 'check_boxes', mark)
    assert check_dataset(m3fd(tmp_path)).boxes == 6


def test_broken_files(tmp_path: Path) -> None:
    layouts.coco(tmp_path)
    whole = (tmp_path / 'vi/000.png').read_bytes()
    (tmp_path / 'vi/000.png').write_bytes(whole[: len(whole) // 2])
    (tmp_path / 'ir/001.png').write_bytes(b'no image')
    quick, thorough = (check_dataset(coco(tmp_path), pixels=pixels).unreadable for pixels in (False, True))
    for found in (quick, thorough):  # of a PNG file the header's reader sees that it is cut, of a JPEG --pixels does
        assert len(found) == 2 and any(line.startswith(f'{tmp_path}/ir/001.png') for line in found)
        assert any(line.startswith(f'{tmp_path}/vi/000.png') and 'is cut short' in line for line in found)


def test_label_maps(tmp_path: Path) -> None:
    layouts.segmentation(tmp_path, 'vi', 'ir', 'labels', classes=9)
    report = check_dataset(msrs(tmp_path))
    assert report.label_maps == 3
    assert sum(report.classes.values()) == 3 * 64 * 48 and min(report.classes.values()) > 0
    assert not report.troubles


def test_broken_label_maps(tmp_path: Path) -> None:
    layouts.segmentation(tmp_path, 'vi', 'ir', 'labels', classes=9, count=5)
    folder = tmp_path / 'labels'
    outside = layouts.labels(0, 9)
    outside[0, 0], outside[0, 1] = 9, 255  # 255 is ignored
    layouts.write(folder / '00000D.png', outside)
    layouts.write(folder / '00001D.png', np.zeros((48, 64, 3), np.uint8))
    layouts.write(folder / '00002D.png', layouts.labels(0, 9)[:40])
    (folder / '00003D.png').write_bytes(b'no image')
    (folder / '00004D.png').unlink()
    report = check_dataset(msrs(tmp_path), pixels=True)
    assert report.label_maps == 4
    assert report.missing == [f'{folder}/00004D.png']
    assert report.mismatched == [f'{folder}/00002D.png is 64x40, {tmp_path}/vi/00002D.png is 64x48']
    assert len(report.unreadable) == 1 and '00003D.png' in report.unreadable[0]
    assert [line.split(': ')[0] for line in report.wrong_labels] == [f'{folder}/00000D.png', f'{folder}/00001D.png']
    assert 'values 9 are outside the 9 classes' in report.wrong_labels[0]


def test_four_channel_images(tmp_path: Path) -> None:
    pytest.importorskip('mmseg')
    layouts.mfnet(tmp_path)
    cfg = ConfigDict(type='mmdefusion.MFNetDataset', data_root=str(tmp_path), ann_file='train.txt', pipeline=LOAD)
    for pixels in (False, True):
        report = check_dataset(cfg, pixels=pixels)
        assert report.partners == 3 and not report.troubles
    image = cv2.imread(str(tmp_path / 'images/00001D.png'))
    layouts.write(tmp_path / 'images/00001D.png', image)
    for pixels in (False, True):
        unreadable = check_dataset(cfg, pixels=pixels).unreadable
        assert unreadable == [f'{tmp_path}/images/00001D.png has 3 channel(s), so no infrared image in it']


def test_stock_data_set_with_a_rule(tmp_path: Path) -> None:
    layouts.coco(tmp_path)
    options = dict(type='mmdet.CocoDataset', metainfo=dict(classes=('car',)), data_prefix=dict(img='vi/'))
    report = check_dataset(coco(tmp_path, **options, **append(rule=('/vi/', '/ir/'))))
    assert report.partners == 3 and not report.troubles
    report = check_dataset(coco(tmp_path, **options, **append(rule=('/thermal/', '/ir/'))))
    assert 'leaves' in report.error and list(report.troubles) == ['cannot be loaded']


def test_wrappers_are_opened_and_equal_splits_checked_once(tmp_path: Path) -> None:
    layouts.coco(tmp_path)
    one, other = coco(tmp_path), coco(tmp_path, ann_file='absent.json')
    repeated = dict(type='RepeatDataset', times=2, dataset=dict(type='ConcatDataset', datasets=[one, other]))
    cfg = Config(
        dict(
            default_scope='mmdet',
            train_dataloader=dict(dataset=repeated),
            val_dataloader=dict(dataset=coco(tmp_path, test_mode=True)),
            test_dataloader=dict(dataset=coco(tmp_path, test_mode=True)),
        )
    )
    reports = check_config(cfg)
    assert [report.split for report in reports] == ['train', 'train', 'val+test']
    assert 'absent.json is not there' in reports[1].error
    with pytest.raises(ValueError, match='has no data set to check; give it one of test_dataloader'):
        check_config(Config(dict(train_dataloader=cfg.train_dataloader)), ['test'])


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch):
    """Runs the command line in this process; the exit status."""
    spec = importlib.util.spec_from_file_location('check_dataset', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def run(*arguments: object) -> int:
        monkeypatch.setattr(sys, 'argv', ['check_dataset.py', *map(str, arguments)])
        return module.main()

    return run


def test_pipelines_that_come_later_are_checked(tmp_path: Path) -> None:
    """RTMDet's hook replaces the pipeline for the last epochs."""
    layouts.coco(tmp_path)
    switch = dict(type='PipelineSwitchHook', switch_epoch=280, switch_pipeline=[dict(type='LoadImageFromFile')])
    config = Config(dict(train_dataloader=dict(dataset=coco(tmp_path)), custom_hooks=[dict(type='EMAHook'), switch]))
    fault = 'switch_pipeline of custom_hooks: it has no AppendPartner, as the pipeline before it has'
    assert check_config(config)[0].wrong_settings == [fault]
    switch['switch_pipeline'] = [LOAD[0], dict(type='Resize', scale=(8, 8)), LOAD[1]]
    (report,) = check_config(Config({**config.to_dict(), 'custom_hooks': [switch]}))
    assert 'switch_pipeline of custom_hooks: Resize stands before AppendPartner' in report.wrong_settings[0]
    switch['switch_pipeline'] = LOAD
    assert check_config(Config({**config.to_dict(), 'custom_hooks': [switch]}))[0].wrong_settings == []


def test_tool_prints_and_exits(tmp_path: Path, tool, capsys: pytest.CaptureFixture) -> None:
    layouts.coco(tmp_path, count=15)
    config = tmp_path / 'config.py'
    config.write_text(f"default_scope = 'mmdet'\ntrain_dataloader = dict(dataset={coco(tmp_path).to_dict()!r})\n")
    assert tool(config, '--split', 'train', '--pixels') == 0
    printed = capsys.readouterr().out
    assert '64x48 (15)' in printed and 'All files are there.' in printed
    assert tool(config, '--cfg-options', 'train_dataloader.dataset.data_prefix.img_ir=nowhere') == 1
    printed = capsys.readouterr().out
    assert 'train: 15 missing' in printed and 'nowhere/009.png' in printed and 'and 5 more' in printed
    with pytest.raises(SystemExit, match='has no data set to check'):
        tool(config, '--split', 'test')
