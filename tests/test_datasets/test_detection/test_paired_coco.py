import json
import os
from pathlib import Path

import pytest
from helpers import layouts

pytest.importorskip('mmdet')

from mmdefusion.datasets.annotation_files import UnusableAnnotation
from mmdefusion.datasets.detection import PairedCocoDataset

PREFIX = dict(img='vi/', img_ir='ir/')
CLASSES = dict(classes=('person', 'bicycle', 'car'))


def build(root: Path, **options) -> PairedCocoDataset:
    defaults = dict(data_root=str(root), ann_file='train.json', data_prefix=PREFIX, metainfo=CLASSES)
    return PairedCocoDataset(**{**defaults, **options})


@pytest.mark.parametrize('serialize_data', [True, False])
def test_pairs_through_the_pipeline(
    tmp_path: Path, det_pipeline: list, assert_moved_together, serialize_data: bool
) -> None:
    layouts.coco(tmp_path)
    dataset = build(tmp_path, pipeline=det_pipeline, serialize_data=serialize_data)
    assert len(dataset) == 3
    assert dataset.get_data_info(1)['img_ir_path'] == str(tmp_path / 'ir/001.png')
    assert dataset.get_cat_ids(0) == [2]
    packed = dataset[0]
    assert_moved_together(packed)
    assert packed['inputs'].shape == (4, 72, 96)
    assert packed['data_samples'].gt_instances.bboxes.tensor.tolist() == [[51, 15, 81, 45]]  # ×1.5, then flipped


def test_other_infrared_suffix(tmp_path: Path) -> None:
    layouts.coco(tmp_path, count=1)
    (tmp_path / 'ir/000.png').rename(tmp_path / 'ir/000_T.tif')
    assert build(tmp_path, ir_suffix='_T.tif').get_data_info(0)['img_ir_path'] == str(tmp_path / 'ir/000_T.tif')


def test_visible_images_of_another_suffix(tmp_path: Path) -> None:
    """As VEDAI names them."""
    layouts.coco(tmp_path, count=1)
    (tmp_path / 'vi/000.png').rename(tmp_path / 'vi/000_co.png')
    (tmp_path / 'ir/000.png').rename(tmp_path / 'vi/000_ir.png')
    content = (tmp_path / 'train.json').read_text()
    (tmp_path / 'train.json').write_text(content.replace('000.png', '000_co.png'))
    both = dict(img='vi/', img_ir='vi/')
    info = build(tmp_path, data_prefix=both, img_suffix='_co.png', ir_suffix='_ir.png').get_data_info(0)
    assert info['img_ir_path'] == str(tmp_path / 'vi/000_ir.png')


def test_a_rule_says_where_partners_are(tmp_path: Path) -> None:
    """As KAIST has them: in a folder of the sensor below that of the video."""
    layouts.coco(tmp_path, count=1)
    for name, sensor in (('vi', 'visible'), ('ir', 'lwir')):
        (tmp_path / f'images/V000/{sensor}').mkdir(parents=True)
        (tmp_path / f'{name}/000.png').rename(tmp_path / f'images/V000/{sensor}/000.png')
    content = (tmp_path / 'train.json').read_text()
    (tmp_path / 'train.json').write_text(content.replace('000.png', 'V000/visible/000.png'))
    append = dict(type='mmdefusion.AppendPartner', rule=('/visible/', '/lwir/'))
    prefix = dict(img='images/', img_ir='images/')
    dataset = build(tmp_path, data_prefix=prefix, pipeline=[dict(type='LoadImageFromFile'), append])
    assert dataset.get_data_info(0)['img_ir_path'] == str(tmp_path / 'images/V000/lwir/000.png')
    assert dataset[0]['img'].shape[2] == 4
    append.pop('rule')
    with pytest.raises(ValueError, match=r'000\.png is its own partner and has 3 channels: no infrared image is in it'):
        build(tmp_path, data_prefix=prefix, pipeline=[dict(type='LoadImageFromFile'), append])


def test_a_rule_does_not_replace_what_the_data_set_says(tmp_path: Path) -> None:
    """Predictions of single images need one, whose pattern need not fit the data set."""
    layouts.coco(tmp_path)
    append = dict(type='mmdefusion.AppendPartner', rule=('/visible/', '/infrared/'))
    dataset = build(tmp_path, pipeline=[dict(type='LoadImageFromFile'), append])
    assert dataset.get_data_info(1)['img_ir_path'] == str(tmp_path / 'ir/001.png')


def test_absent_visible_image_is_an_error(tmp_path: Path) -> None:
    layouts.coco(tmp_path)
    (tmp_path / 'vi/001.png').unlink()
    (tmp_path / 'vi/002.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'2 of 3 visible images are not there, first .*vi/001\.png; correct'):
        build(tmp_path)


def test_only_what_is_read_must_be_there(tmp_path: Path) -> None:
    layouts.coco(tmp_path)
    (tmp_path / 'vi/002.png').unlink()
    assert len(build(tmp_path, indices=2)) == 2
    assert len(build(tmp_path, indices=[0, 1])) == 2
    with pytest.raises(FileNotFoundError, match='1 of 1 visible'):
        build(tmp_path, indices=[2])


def test_absent_partner_is_an_error_unless_allowed(tmp_path: Path, det_pipeline: list) -> None:
    layouts.coco(tmp_path)
    (tmp_path / 'ir/000.png').unlink()
    with pytest.raises(FileNotFoundError, match='1 of 3 partners are not there.*allow_missing_partner=True'):
        build(tmp_path)
    pipeline = [det_pipeline[0], dict(type='mmdefusion.AppendPartner', missing='zeros'), *det_pipeline[2:]]
    dataset = build(tmp_path, allow_missing_partner=True, pipeline=pipeline)
    assert (dataset[0]['inputs'][3] == 0).all()
    assert (dataset[1]['inputs'][3] != 0).any()


def test_lazy_data_set_looks_at_files_when_it_is_filled(tmp_path: Path) -> None:
    layouts.coco(tmp_path)
    (tmp_path / 'vi/000.png').unlink()
    dataset = build(tmp_path, lazy_init=True)
    with pytest.raises(FileNotFoundError, match='visible images'):
        dataset.full_init()


def test_empty_annotations_are_an_error(tmp_path: Path) -> None:
    layouts.coco(tmp_path, count=0)
    with pytest.raises(ValueError, match=r'is empty: no image found by ann_file .*train\.json'):
        build(tmp_path)
    with pytest.raises(ValueError, match='is empty'):
        build(tmp_path, test_mode=True, lazy_init=True).full_init()


def test_filter_that_drops_all_is_an_error(tmp_path: Path) -> None:
    layouts.coco(tmp_path)
    with pytest.raises(ValueError, match=r"filter_cfg=\{'min_size': 500\} drops all 3 images"):
        build(tmp_path, filter_cfg=dict(min_size=500))


def test_absent_annotation_file_is_an_error(tmp_path: Path) -> None:
    layouts.coco(tmp_path)
    with pytest.raises(FileNotFoundError, match=r'other\.json is not there; correct data_root'):
        build(tmp_path, ann_file='other.json')


def test_prefix_without_infrared_folder_is_an_error(tmp_path: Path) -> None:
    layouts.coco(tmp_path)
    with pytest.raises(ValueError, match="lacks 'img_ir'"):
        build(tmp_path, data_prefix=dict(img='vi/'))


@pytest.mark.parametrize('classes', [('person', 'bicycle', 'dog'), ('car', 'person', 'bicycle')])
def test_classes_that_mmdet_would_name_wrongly_are_an_error(tmp_path: Path, classes: tuple) -> None:
    layouts.coco(tmp_path)
    with pytest.raises(ValueError, match=r"categories \['person', 'bicycle', 'car'\], the data set the classes"):
        build(tmp_path, metainfo=dict(classes=classes))


def test_some_of_the_classes_are_fine(tmp_path: Path) -> None:
    layouts.coco(tmp_path)
    assert build(tmp_path, metainfo=dict(classes=('person', 'car'))).get_cat_ids(0) == [1]


def test_image_outside_the_prefix_is_an_error(tmp_path: Path) -> None:
    layouts.coco(tmp_path)
    content = json.loads((tmp_path / 'train.json').read_text())
    content['images'][0]['file_name'] = str(tmp_path / 'other/000.png')
    (tmp_path / 'train.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r'other/000\.png is not under'):
        build(tmp_path)


def test_an_annotation_that_points_nowhere_is_named(tmp_path: Path) -> None:
    layouts.coco(tmp_path)
    content = json.loads((tmp_path / 'train.json').read_text())
    content['annotations'][1]['image_id'] = 99
    (tmp_path / 'train.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r'train.json has 1 annotations .* first annotation 2 of image 99'):
        build(tmp_path)


def test_a_file_that_is_not_json_is_named(tmp_path: Path) -> None:
    layouts.coco(tmp_path)
    (tmp_path / 'train.json').write_text('{')
    with pytest.raises(ValueError, match='train.json is not JSON'):
        build(tmp_path)


def test_a_pipe_as_annotation_file_is_not_waited_for(tmp_path: Path) -> None:
    layouts.coco(tmp_path)
    (tmp_path / 'train.json').unlink()
    os.mkfifo(tmp_path / 'train.json')
    with pytest.raises(UnusableAnnotation, match=r'train\.json is not a regular file'):
        build(tmp_path)
