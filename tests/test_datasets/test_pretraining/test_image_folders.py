import json
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import cv2
import numpy as np
import pytest
from helpers.pretraining import write_images
from PIL import Image

from mmdefusion.datasets.pretraining import ImageFolders
from mmdefusion.datasets.samplers import Draw

PIPELINE = [
    dict(type='mmdefusion.LoadAnyImage'),
    dict(type='mmdefusion.RandomResizedCrop', size=24),
    dict(type='mmdefusion.PackImages'),
]


def build(root, **options) -> ImageFolders:
    return ImageFolders(data_root=str(root), pipeline=PIPELINE, **options)


def names(dataset) -> list[str]:
    return [dataset.get_data_info(index)['img_path'].rsplit('/', 1)[1] for index in range(len(dataset))]


def test_folders_are_searched_recursively(tmp_path):
    write_images(tmp_path / 'a/b', 2)
    write_images(tmp_path / 'c', 3)
    (tmp_path / 'c/notes.txt').write_text('no image')
    Image.open(tmp_path / 'c/002.png').save(tmp_path / 'c/002.webp')
    (tmp_path / 'c/002.png').unlink()
    dataset = build(tmp_path, folders=['a', 'c'])
    assert names(dataset) == ['000.png', '001.png', '000.png', '001.png', '002.webp']
    assert dataset[0]['inputs'].shape == dataset[4]['inputs'].shape == (3, 24, 24)
    assert len(build(tmp_path, folders='c', indices=2)) == 2


def test_parts_splits_and_lists(tmp_path):
    write_images(tmp_path / 'all', 6)
    (tmp_path / 'train.txt').write_text('001\n003.png\n')
    (tmp_path / 'coco.json').write_text(json.dumps({'images': [{'file_name': '004.png'}]}))
    (tmp_path / 'list.txt').write_text('all/005.png\n')
    assert names(build(tmp_path, folders=[dict(path='all', split='train.txt')])) == ['001.png', '003.png']
    assert names(build(tmp_path, folders=[dict(path='all', split='coco.json')])) == ['004.png']
    assert names(build(tmp_path, folders=[dict(path='all', part=(1, 3))], list_file='list.txt')) == [
        '001.png',
        '002.png',
        '005.png',
    ]


def test_lists_that_an_editor_marked_as_utf_8_keep_their_first_name(tmp_path):
    write_images(tmp_path / 'all', 6)
    (tmp_path / 'train.txt').write_text('001\n003.png\n', encoding='utf-8-sig')
    (tmp_path / 'list.txt').write_text('all/005.png\n', encoding='utf-8-sig')
    dataset = build(tmp_path, folders=[dict(path='all', split='train.txt')], list_file='list.txt')
    assert names(dataset) == ['001.png', '003.png', '005.png']
    assert dataset.get_data_info(2)['img_path'] == str(tmp_path / 'all/005.png')


def test_nothing_to_read(tmp_path):
    write_images(tmp_path / 'all', 2)
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'train.txt').write_text('007\n')
    with pytest.raises(ValueError, match='neither folders nor a list_file'):
        build(tmp_path)
    with pytest.raises(FileNotFoundError, match='nowhere is not a folder'):
        build(tmp_path, folders='nowhere')
    with pytest.raises(ValueError, match='empty has no image'):
        build(tmp_path, folders='empty')
    with pytest.raises(FileNotFoundError, match=r'1 of the 1 images that .*train.txt names are not in .*first 007'):
        build(tmp_path, folders=[dict(path='all', split='train.txt')])
    with pytest.raises(ValueError, match=r'part=\(0, 3\) is no part of the 2 images'):
        build(tmp_path, folders=[dict(path='all', part=(0, 3))])


@pytest.mark.parametrize(
    ('name', 'content', 'why'),
    [
        ('a.json', '{}', "is not in COCO format: it lacks 'images'"),
        ('a.json', '{"images": [{}]}', "is not in COCO format: it lacks 'file_name'"),
        ('a.json', 'no', 'is not in COCO format'),
        ('a.json', '{"images": []}', 'names no image'),
        ('a.txt', '\n', 'names no image'),
    ],
)
def test_a_split_that_names_nothing(name, content, why, tmp_path):
    write_images(tmp_path / 'all', 2)
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=f'{name} {why}'):
        build(tmp_path, folders=[dict(path='all', split=name)])


def test_any_kind_of_file(tmp_path):
    folder = tmp_path / 'all'
    folder.mkdir()
    random = np.random.default_rng(0)
    cv2.imwrite(str(folder / 'grey.png'), random.integers(0, 256, (10, 9), dtype=np.uint8))  # smaller than the crop
    cv2.imwrite(str(folder / 'deep.png'), random.integers(0, 60000, (40, 30), dtype=np.uint16))
    cv2.imwrite(str(folder / 'alpha.png'), random.integers(0, 256, (40, 30, 4), dtype=np.uint8))
    Image.fromarray(random.integers(0, 256, (40, 30, 4), dtype=np.uint8), 'CMYK').save(folder / 'cmyk.jpg')
    dataset = build(tmp_path, folders='all')
    for index in range(4):
        assert dataset[index]['inputs'].shape == (3, 24, 24)
    assert dataset.broken.paths() == []


def test_broken_files_are_skipped_counted_and_at_last_too_many(tmp_path):
    folder = write_images(tmp_path / 'all', 8)
    (folder / '002.png').write_bytes(b'no image')
    dataset = build(tmp_path, folders='all', max_broken_share=0.125)  # one of eight
    assert dataset[2]['data_samples'].img_path == str(folder / '003.png')
    assert dataset.broken.paths() == [str(folder / '002.png')]
    (folder / '005.png').write_bytes(b'')
    with pytest.raises(ValueError, match='2 of 8 files cannot be used, more than max_broken_share=0.125.*002.*, .*005'):
        dataset[5]


def test_a_wrong_setting_is_no_broken_file(tmp_path):
    write_images(tmp_path / 'all', 2)
    partner = [PIPELINE[0], dict(type='mmdefusion.AppendPartner'), *PIPELINE[1:]]
    dataset = ImageFolders(data_root=str(tmp_path), folders='all', pipeline=partner)
    with pytest.raises(ValueError, match='nothing says where the partner'):
        dataset[0]
    assert dataset.broken.paths() == []
    with pytest.raises(ValueError, match='max_broken_share=1 must be'):
        build(tmp_path, folders='all', max_broken_share=1)


@pytest.fixture
def server(tmp_path):
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}'
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def test_over_http(tmp_path, server):
    write_images(tmp_path / 'all', 2)
    (tmp_path / 'list.txt').write_text('all/000.png\nall/001.png\n')
    remote = dict(backend='http')
    load = [dict(PIPELINE[0], backend_args=remote), *PIPELINE[1:]]
    dataset = ImageFolders(data_root=server, list_file='list.txt', pipeline=load, backend_args=remote)
    assert dataset[1]['inputs'].shape == (3, 24, 24)
    with pytest.raises(ValueError, match='HTTPBackend cannot list http.*: name the images in list_file'):
        ImageFolders(data_root=server, folders='all', pipeline=load, backend_args=remote)


def test_a_draw_is_the_same_every_time_and_disturbs_nothing(tmp_path):
    write_images(tmp_path / 'all', 3)
    dataset = build(tmp_path, folders='all')
    first = dataset[Draw(1, seed=5)]['inputs']
    np.random.seed(0)
    expected = np.random.random(2)
    np.random.seed(0)
    drawn = [np.random.random()]
    again = dataset[Draw(1, seed=5)]['inputs']
    drawn.append(np.random.random())
    assert (first == again).all() and (expected == drawn).all()
    assert not (dataset[Draw(1, seed=6)]['inputs'] == first).all()
