from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import layouts

pytest.importorskip('mmseg')

from mmdefusion.datasets.segmentation import PairedSegDataset

PREFIX = dict(img_path='vi', img_ir_path='ir', seg_map_path='labels')
META = dict(classes=('a', 'b', 'c'))


def build(root: Path, **options) -> PairedSegDataset:
    return PairedSegDataset(**{**dict(data_root=str(root), data_prefix=PREFIX, metainfo=META), **options})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    layouts.segmentation(tmp_path, 'vi', 'ir', 'labels', classes=3)
    return tmp_path


def test_labels_and_partner_move_with_the_image(root: Path, seg_pipeline: list, assert_moved_together) -> None:
    packed = build(root, pipeline=seg_pipeline)[0]
    assert packed['inputs'].shape == (4, 40, 40)
    assert_moved_together(packed)
    labels = packed['data_samples'].gt_sem_seg.data[0].numpy()
    assert (labels == packed['inputs'][0].numpy().astype(int) * 3 // 256).all()
    assert len(np.unique(labels)) == 3


def test_list_names_the_images(root: Path) -> None:
    layouts.write_lines(root / 'val.txt', ['00002D'])
    dataset = build(root, ann_file='val.txt', test_mode=True)
    assert len(dataset) == 1
    assert dataset.get_data_info(0)['img_ir_path'] == str(root / 'ir/00002D.png')


def test_a_list_that_an_editor_marked_as_utf_8_keeps_its_first_name(root: Path) -> None:
    (root / 'val.txt').write_text('00002D\n00000D.png\n', encoding='utf-8-sig')
    dataset = build(root, ann_file='val.txt')
    infos = [dataset.get_data_info(index) for index in range(2)]
    assert [Path(info['img_path']).name for info in infos] == ['00002D.png', '00000D.png']
    assert Path(infos[0]['seg_map_path']).name == '00002D.png'


def test_other_infrared_suffix(root: Path) -> None:
    for path in (root / 'ir').iterdir():
        path.rename(path.with_name(path.name.replace('D.png', 'D_ir.tif')))
    assert build(root, ir_suffix='_ir.tif').get_data_info(0)['img_ir_path'] == str(root / 'ir/00000D_ir.tif')


@pytest.mark.parametrize('line', ['1', '1_rgb.png', '1.jpg'])
def test_lists_with_suffixes_that_are_more_than_an_extension(line: str, tmp_path: Path) -> None:
    for name in ('vi/1_rgb.png', 'ir/1_ir.png', 'labels/1_label.png'):
        (tmp_path / name).parent.mkdir()
        cv2.imwrite(str(tmp_path / name), np.zeros((16, 16), np.uint8))
    layouts.write_lines(tmp_path / 'list.txt', [line])
    suffixes = dict(img_suffix='_rgb.png', ir_suffix='_ir.png', seg_map_suffix='_label.png')
    info = build(tmp_path, ann_file='list.txt', **suffixes).get_data_info(0)
    assert Path(info['img_path']).name == '1_rgb.png' and Path(info['seg_map_path']).name == '1_label.png'


@pytest.mark.parametrize('folder, what', [('vi', 'visible images'), ('labels', 'label maps'), ('ir', 'partners')])
def test_absent_file_is_an_error(root: Path, folder: str, what: str) -> None:
    layouts.write_lines(root / 'train.txt', ['00000D', '00001D', '00002D'])
    (root / folder / '00001D.png').unlink()
    with pytest.raises(FileNotFoundError, match=rf'1 of 3 {what} are not there, first .*{folder}/00001D\.png'):
        build(root, ann_file='train.txt')


def test_labels_are_not_asked_for_without_their_folder(root: Path) -> None:
    dataset = build(root, data_prefix=dict(img_path='vi', img_ir_path='ir'), test_mode=True)
    assert 'seg_map_path' not in dataset.get_data_info(0)


def test_empty_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / 'vi').mkdir()
    with pytest.raises(ValueError, match=r'is empty: no image.* found by folder .*vi'):
        build(tmp_path)


@pytest.mark.parametrize('options, absent', [({}, 'vi'), (dict(ann_file='train.txt'), r'train\.txt')])
def test_absent_source_is_an_error(tmp_path: Path, options: dict, absent: str) -> None:
    with pytest.raises(FileNotFoundError, match=rf'{absent} is not there; correct data_root'):
        build(tmp_path, **options)


@pytest.mark.parametrize('lacking', ['img_path', 'img_ir_path'])
def test_prefix_without_a_folder_is_an_error(root: Path, lacking: str) -> None:
    with pytest.raises(ValueError, match=f"lacks '{lacking}'"):
        build(root, data_prefix={key: folder for key, folder in PREFIX.items() if key != lacking})


def test_list_may_carry_suffixes(root: Path) -> None:
    layouts.write_lines(root / 'list.txt', ['00001D.png'])
    dataset = build(root, ann_file='list.txt')
    assert dataset.get_data_info(0)['img_path'] == str(root / 'vi/00001D.png')


@pytest.mark.parametrize('height, width', [(20, 30), (20, 64), (48, 30)])
def test_unequal_pair_is_found_before_training(root: Path, height: int, width: int) -> None:
    layouts.write(root / 'ir/00001D.png', layouts.grey(0, height, width))
    with pytest.raises(ValueError, match=rf'ir/00001D.png is {width}x{height}, visible image .* is 64x48; align'):
        build(root)
    assert len(build(root, pipeline=[dict(type='mmdefusion.AppendPartner', size_mismatch='resize')])) == 3
    assert len(build(root, check_headers=False)) == 3


def test_broken_image_is_found_before_training(root: Path) -> None:
    (root / 'vi/00002D.png').write_bytes(b'nothing')
    with pytest.raises(ValueError, match='vi/00002D.png is not an image that can be read'):
        build(root)


@pytest.mark.parametrize('folder', ['vi', 'ir', 'labels'])
def test_an_image_too_large_to_decode_is_found_before_training(
    root: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('MMDEFUSION_MAX_PIXELS', str(64 * 48))
    assert len(build(root)) == 3
    layouts.write(root / folder / '00002D.png', np.zeros((49, 64), np.uint8))
    with pytest.raises(ValueError, match=f'{folder}/00002D.png is 64x49 and takes 0.0 million pixels to decode'):
        build(root)


def test_empty_because_of_the_suffix_says_so(root: Path) -> None:
    with pytest.raises(ValueError, match=r"no image that ends with '.jpg' found by folder .*vi"):
        build(root, img_suffix='.jpg')
