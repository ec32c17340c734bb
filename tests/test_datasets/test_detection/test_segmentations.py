"""Masks of a COCO file are data: what would end the process or take its memory is refused, what is real is read."""

import json
import time

import numpy as np
import pytest
import torch
from helpers.layouts import grey, write

pytest.importorskip('mmdet')

from pycocotools import mask as coco_masks

from mmdefusion.datasets.detection import PairedCocoDataset
from mmdefusion.datasets.detection.segmentations import check_segmentation, decompress
from mmdefusion.utils.measuring import PeakMemory

WIDTH, HEIGHT = 80, 64
PIXELS = WIDTH * HEIGHT
PIPELINE = [
    dict(type='mmdefusion.LoadAnyImage'),
    dict(type='mmdefusion.AppendPartner'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
]
ZIGZAG = [value for place in range(2 * 50_000) for value in (place % 2 * WIDTH, place % 2 * HEIGHT)]


@pytest.fixture
def read(tmp_path):
    """Reads a pair whose only object has a given segmentation; returns the mask, H×W."""
    for folder in ('vi', 'ir'):
        write(tmp_path / folder / 'a.png', grey(0, HEIGHT, WIDTH))

    def call(segmentation, **image):
        box = dict(id=7, image_id=1, category_id=1, iscrowd=0, area=81, bbox=[1, 1, 9, 9], segmentation=segmentation)
        images = [dict(id=1, file_name='a.png', width=WIDTH, height=HEIGHT) | image]
        content = dict(images=images, annotations=[box], categories=[dict(id=1, name='car')])
        (tmp_path / 'a.json').write_text(json.dumps(content))
        prefix, classes = dict(img='vi/', img_ir='ir/'), dict(classes=('car',))
        options = dict(data_root=str(tmp_path), data_prefix=prefix, metainfo=classes, pipeline=PIPELINE)
        return PairedCocoDataset(ann_file='a.json', **options)[0]['gt_masks'].masks[0]

    return call


def blob(seed: int = 0) -> np.ndarray:
    return np.asfortranarray(np.random.default_rng(seed).random((HEIGHT, WIDTH)) < 0.5 ** (seed + 1), np.uint8)


def counts_of(mask: np.ndarray) -> list[int]:
    """Run lengths down the columns, the first of zeros."""
    flat = mask.ravel(order='F')
    edges = np.flatnonzero(np.diff(flat)) + 1
    return [0] * bool(flat[0]) + np.diff([0, *edges, flat.size]).tolist()


def test_real_forms_of_masks_are_read(read):
    assert read([[1, 1, 9, 1, 9, 9]]).sum() > 20
    beyond = read([[-3.5, 10, WIDTH + 2.25, 10, WIDTH + 2.25, HEIGHT + 4, -3.5, HEIGHT + 4]])
    assert beyond[12:].all() and not beyond[:8].any()
    crowd = dict(counts=counts_of(blob()), size=[HEIGHT, WIDTH])
    np.testing.assert_array_equal(read(crowd), blob())
    compressed = coco_masks.encode(blob())['counts'].decode()
    np.testing.assert_array_equal(read(dict(counts=compressed, size=[HEIGHT, WIDTH])), blob())
    assert not read([[1, 1, 5, 5]]).any()  # fewer than three points: mmdet ignores the object


@pytest.mark.parametrize('seed', range(12))
def test_compressed_counts_are_those_of_pycocotools(seed):
    text = coco_masks.encode(blob(seed))['counts'].decode()
    assert decompress(text).tolist() == counts_of(blob(seed))
    check_segmentation(dict(counts=text, size=[HEIGHT, WIDTH]), WIDTH, HEIGHT)


REFUSED = {
    'far away': ([[0, 0, 3e9, 0, 3e9, 3e9]], r'x = 3000000000\.0, outside -80 to 160'),
    'far above': ([[0, 0, 9, -65, 9, 9]], 'y = -65, outside -64 to 128'),
    'endless': ([[1e308, 1, 2, 3, 4, 1e308]], r'x = 1e\+308'),
    'no number': ([[float('nan')] * 6], 'x = nan'),
    'text': ([['1', 1, 2, 3, 4, 5]], "x = '1'"),
    'odd': ([[1, 1, 9, 1, 9, 9, 4]], 'a polygon of 7 numbers'),
    'zigzag': ([ZIGZAG], r'outline of 8000000 pixels or more, and 1000000'),
    'many': ([ZIGZAG[:2000]] * 20, r'outline of \d{7} pixels or more'),
    'number': (5, 'is 5, neither a list of polygons'),
    'flat': ([1, 1, 9, 1, 9, 9], 'neither a list of polygons'),
    'own size': (dict(counts=[1_600_000_000], size=[40000, 40000]), r'size \[40000, 40000\] instead of \[64, 80\]'),
    'turned size': (dict(counts=[PIXELS], size=[WIDTH, HEIGHT]), r'size \[80, 64\] instead'),
    'size of text': (dict(counts='zzzz', size=['64', 80]), r"size \['64', 80\] instead"),
    'no size': (dict(counts=[PIXELS]), 'size None instead'),
    'too long': (dict(counts=[PIXELS, PIXELS], size=[HEIGHT, WIDTH]), 'counts of 10240 pixels in all instead of 80x64'),
    'negative': (dict(counts=[-5, PIXELS + 5], size=[HEIGHT, WIDTH]), 'a negative count, -5'),
    'fractions': (dict(counts=[0.5, PIXELS - 0.5], size=[HEIGHT, WIDTH]), r'counts \[0\.5, .*not whole'),
    'no counts': (dict(size=[HEIGHT, WIDTH]), 'counts None that are not whole'),
    'other characters': (dict(counts='\x7f' * 50, size=[HEIGHT, WIDTH]), 'no compressed run lengths'),
    'count without end': (dict(counts='0' * 30 + 'oo', size=[HEIGHT, WIDTH]), 'no compressed run lengths'),
    'long count': (dict(counts='o' * 20 + '0', size=[HEIGHT, WIDTH]), 'no compressed run lengths'),
    'long text': (dict(counts='0' * 20_000, size=[HEIGHT, WIDTH]), 'no compressed run lengths'),
    'compressed, too short': (dict(counts='01', size=[HEIGHT, WIDTH]), 'counts of 1 pixels in all'),
}


@pytest.mark.parametrize('name', REFUSED)
def test_masks_that_are_none_are_refused_in_one_line(name, read, tmp_path):
    segmentation, message = REFUSED[name]
    memory = PeakMemory(torch.device('cpu'))
    memory.reset()
    start, before = time.process_time(), memory.read()
    with pytest.raises(ValueError, match=message) as caught:
        read(segmentation)
    assert time.process_time() - start < 2
    assert memory.read() - before < 1e8
    line = str(caught.value)
    assert line.startswith(f'{tmp_path}/a.json: the segmentation of annotation 7 ') and '\n' not in line
    assert line.endswith('; correct or remove it.') and len(line) < 400


@pytest.mark.parametrize('side', [0, -1, 1.5, '80', None, 10**9])
def test_the_size_of_an_image_with_masks_is_a_size(side, read):
    with pytest.raises(ValueError, match='the segmentation of annotation 7 is of an image of'):
        read([[1, 1, 9, 1, 9, 9]], width=side)


def test_many_points_of_a_short_outline_are_read():
    """Only what the points add up to counts, not what as many could."""
    circle = [2000 + 100 * f(0.02 * k) for k in range(314) for f in (np.cos, np.sin)]
    check_segmentation([circle] * 20, 4000, 4000)
