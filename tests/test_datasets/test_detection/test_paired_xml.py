from pathlib import Path

import pytest
from helpers import layouts

pytest.importorskip('mmdet')

from mmdefusion.datasets.detection import PairedXMLDataset
from mmdefusion.datasets.detection.paired_xml import add_extensions

CLASSES = dict(classes=('Car', 'Lamp'))
PREFIX = dict(img='Vis', img_ir='Ir', ann='Annotation')


def build(root: Path, **options) -> PairedXMLDataset:
    return PairedXMLDataset(**{**dict(data_root=str(root), data_prefix=PREFIX, metainfo=CLASSES), **options})


def test_folder_is_the_list_without_ann_file(tmp_path: Path, det_pipeline: list, assert_moved_together) -> None:
    layouts.m3fd(tmp_path)
    (tmp_path / 'Vis/Thumbs.db').touch()
    dataset = build(tmp_path, pipeline=det_pipeline)
    assert [dataset.get_data_info(i)['img_id'] for i in range(len(dataset))] == ['00000', '00001', '00002', '00003']
    packed = dataset[2]
    assert_moved_together(packed)
    samples = packed['data_samples']
    assert samples.ori_shape == (48, 64)
    assert samples.gt_instances.labels.tolist() == [0, 1]
    # VOC counts from 1: (10, 10, 30, 30) ×1.5, flipped in a width of 96
    assert samples.gt_instances.bboxes.tensor[0].tolist() == [51, 15, 81, 45]


@pytest.mark.parametrize('lines', [['00002', '00000'], ['00002.png', '', '00000.png  ']])
def test_list_with_and_without_suffix_keeps_its_order(tmp_path: Path, lines: list) -> None:
    layouts.m3fd(tmp_path)
    layouts.write_lines(tmp_path / 'list.txt', lines)
    dataset = build(tmp_path, ann_file='list.txt')
    assert [Path(dataset.get_data_info(i)['img_path']).name for i in range(2)] == ['00002.png', '00000.png']


def test_real_extension_is_looked_up(tmp_path: Path) -> None:
    for name in ('a.JPG', 'sub/b.tif'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    stems = [str(tmp_path / stem) for stem in ('a', 'sub/b', 'c', 'nowhere/d')]
    found = ('a.JPG', 'sub/b.tif', 'c.png', 'nowhere/d.png')
    assert add_extensions(stems) == [str(tmp_path / name) for name in found]


def test_listed_image_without_annotation_is_an_error(tmp_path: Path) -> None:
    layouts.m3fd(tmp_path)
    (tmp_path / 'Annotation/00001.xml').unlink()
    message = r"annotation .*Annotation/00001\.xml of image .*Vis/00001\.png is not there; add it, or take '00001'"
    with pytest.raises(FileNotFoundError, match=message):
        build(tmp_path)


def test_annotation_of_an_image_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    layouts.m3fd(tmp_path)
    (tmp_path / 'Vis/00001.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'1 of 3 visible images are not there, first .*Vis/00001\.png'):
        build(tmp_path, ann_file='meta/train.txt')


def test_annotation_that_is_no_xml_is_an_error(tmp_path: Path) -> None:
    layouts.m3fd(tmp_path)
    (tmp_path / 'Annotation/00001.xml').write_text('<annotation>')
    with pytest.raises(ValueError, match=r'00001\.xml of image .*00001\.png is not XML'):
        build(tmp_path)


def test_empty_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / 'Vis').mkdir()
    with pytest.raises(ValueError, match=r'is empty: no image found by folder .*Vis'):
        build(tmp_path)


def test_absent_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'Vis is not there; correct data_root'):
        build(tmp_path)


def test_no_classes_are_an_error(tmp_path: Path) -> None:
    layouts.m3fd(tmp_path)
    with pytest.raises(ValueError, match='PairedXMLDataset has no classes; set metainfo'):
        build(tmp_path, metainfo=None)


def test_boxes_of_no_class_are_left_out_and_images_without_box_can_be_filtered(tmp_path: Path) -> None:
    layouts.m3fd(tmp_path)
    layouts.write_xml(tmp_path / 'Annotation/00000.xml', [('Lamp', (41, 5, 51, 25))])
    only_cars = dict(metainfo=dict(classes=('Car',)))
    assert len(build(tmp_path, **only_cars)) == 4
    assert len(build(tmp_path, **only_cars, filter_cfg=dict(filter_empty_gt=True))) == 3
    assert len(build(tmp_path, **only_cars, filter_cfg=dict(filter_empty_gt=True), test_mode=True)) == 4


def test_string_ids_pass_through_coco_metric(tmp_path: Path, det_pipeline: list) -> None:
    """Data sets without a COCO file are evaluated by CocoMetric on the boxes in the samples."""
    torch = pytest.importorskip('torch')
    from mmdet.evaluation import CocoMetric

    layouts.m3fd(tmp_path)
    pack = dict(type='mmdet.PackDetInputs', meta_keys=('img_id', 'ori_shape', 'instances'))
    dataset = build(tmp_path, pipeline=[*det_pipeline[:2], pack], test_mode=True)
    metric = CocoMetric(metric='bbox')
    metric.dataset_meta = dataset.metainfo
    for index in range(len(dataset)):
        sample = dataset[index]['data_samples'].to_dict()
        boxes = torch.tensor([instance['bbox'] for instance in sample['instances']], dtype=torch.float32)
        labels = torch.tensor([instance['bbox_label'] for instance in sample['instances']])
        sample['pred_instances'] = dict(bboxes=boxes, labels=labels, scores=torch.ones(len(labels)))
        metric.process({}, [sample])
    assert metric.evaluate(len(dataset))['coco/bbox_mAP'] == 1.0


def test_object_without_box_names_the_file(tmp_path: Path) -> None:
    layouts.m3fd(tmp_path)
    (tmp_path / 'Annotation/00002.xml').write_text(
        '<annotation><size><width>64</width><height>48</height></size><object><name>Car</name></object></annotation>'
    )
    with pytest.raises(ValueError, match='00002.xml of image .* is not in VOC format'):
        build(tmp_path)


def test_a_list_that_an_editor_marked_as_utf_8_keeps_its_first_id(tmp_path: Path) -> None:
    layouts.m3fd(tmp_path)
    (tmp_path / 'list.txt').write_text('00002\n00000\n', encoding='utf-8-sig')
    dataset = build(tmp_path, ann_file='list.txt')
    assert [dataset.get_data_info(i)['img_id'] for i in range(2)] == ['00002', '00000']


NO_SIZES = ('<size><width>0</width><height>0</height></size>', '<size><width>64</width></size>', '')


@pytest.mark.parametrize('size', NO_SIZES)
def test_an_image_whose_annotation_gives_no_size_is_trained_on(tmp_path: Path, size: str) -> None:
    layouts.m3fd(tmp_path)
    path = tmp_path / 'Annotation/00001.xml'
    text = path.read_text()
    path.write_text(size.join((text[: text.index('<size>')], text[text.index('</size>') + len('</size>') :])))
    dataset = build(tmp_path, filter_cfg=dict(filter_empty_gt=True, min_size=32))
    assert len(dataset) == 4
    info = dataset.get_data_info(1)
    assert (info['width'], info['height'], len(info['instances'])) == (64, 48, 2)


@pytest.mark.parametrize('content', [None, b'no image'])
def test_an_image_without_any_size_is_an_error_not_dropped(tmp_path: Path, content: bytes | None) -> None:
    layouts.m3fd(tmp_path)
    path = tmp_path / 'Annotation/00001.xml'
    path.write_text(path.read_text().replace('>64<', '>0<'))
    image = tmp_path / 'Vis/00001.png'
    image.unlink()
    if content:
        image.write_bytes(content)
    with pytest.raises(ValueError if content else FileNotFoundError, match=r'Vis/00001\.png'):
        build(tmp_path, ann_file='meta/train.txt', filter_cfg=dict(min_size=32))
