import numpy as np
import pytest

from mmdefusion.visualization import (
    brighten,
    class_colours,
    contact_sheet,
    draw_boxes,
    draw_heat,
    draw_mask,
    legible_factor,
)

PALETTE = ((0, 0, 0), (200, 100, 0))  # RGB


def test_mask_tints_its_class_only():
    image = np.full((4, 6, 3), 100, np.uint8)
    mask = np.zeros((4, 6), np.uint8)
    mask[1, 2], mask[0, 0] = 1, 255  # 255: ignored
    drawn = draw_mask(image, mask, PALETTE, opacity=0.5)
    assert drawn[1, 2].tolist() == [50, 100, 150]  # BGR
    assert (np.delete(drawn.reshape(-1, 3), 8, 0) == 100).all()
    assert (image == 100).all()


def test_small_images_are_enlarged_but_not_without_limit():
    assert [legible_factor((100, width), 480) for width in (160, 161, 240, 479, 480, 900)] == [3, 3, 2, 2, 1, 1]
    assert legible_factor((1, 1), 480) == 480
    for size in ((15000, 48), (20000, 3), (64_000_000, 1)):
        factor = legible_factor(size, 480)
        assert factor == 1 or size[0] * size[1] * factor**2 <= 2**21


@pytest.mark.parametrize('palette', [None, (), 'random', [[200.0, 100.0, 0.0]]], ids=str)
def test_every_class_has_a_colour(palette):
    colours = class_colours(palette, 300)
    assert len(colours) == 300 and len(set(colours)) >= 255 and all(map(any, colours))  # black would not be drawn
    assert colours[0] == (200, 100, 0) or not isinstance(palette, list)


def test_mask_of_another_size_is_refused():
    with pytest.raises(ValueError, match='mask of'):
        draw_mask(np.zeros((4, 6), np.uint8), np.zeros((6, 4), np.uint8), PALETTE)


def test_box_is_drawn_inside_its_half_open_extent():
    drawn = draw_boxes(np.zeros((8, 8), np.uint8), np.array([[1, 2, 5, 6]]), np.array([1]), PALETTE)
    rows, columns = np.nonzero(drawn.any(2))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 5, 1, 4)
    assert drawn[2, 1].tolist() == [0, 100, 200]


def test_names_are_written_above_their_boxes():
    image, boxes, labels = np.zeros((60, 80), np.uint8), np.array([[10, 30, 40, 50]]), np.array([1])
    plain, named = (draw_boxes(image, boxes, labels, PALETTE, names=names) for names in ((), ('background', 'cone')))
    added = np.nonzero((plain != named).any(2))
    assert added[0].size and added[0].max() < 30 and added[1].min() >= 8


def test_sheet_holds_every_picture_and_room_for_names():
    pictures = [[np.full((20, 30), 10 * i + j, np.uint8) for j in range(3)] for i in range(1, 3)]
    plain = contact_sheet(pictures)
    assert plain.shape == (2 * 20 + 4, 3 * 30 + 2 * 4, 3)
    assert plain[30, 45].tolist() == [21, 21, 21]
    named = contact_sheet(pictures, ['a', 'b', 'c'], ['day', 'night'], width=60)
    assert named.shape[0] > 2 * 40 + 4 and named.shape[1] > 3 * 60 + 8
    assert (named[:10] < 128).any()  # the names are written


def test_names_that_are_no_utf_8_are_written():
    """OpenCV 5 would end the process."""
    picture = np.full((20, 30), 200, np.uint8)
    assert (contact_sheet([[picture]], ['v\udcff'], ['\udcff'], width=120)[:10] < 128).any()
    assert draw_boxes(picture, np.array([[1, 2, 5, 6]]), np.array([0]), PALETTE, names=('\udcff',)).any()


def test_16_bit_pictures_are_shown_at_8_bits():
    assert contact_sheet([[np.full((4, 4), 257 * 77, np.uint16)]])[0, 0].tolist() == [77, 77, 77]


def test_pictures_of_other_proportions_keep_them():
    sheet = contact_sheet([[np.zeros((20, 40), np.uint8)], [np.zeros((40, 20), np.uint8)]])
    second = (sheet[24:] < 128).all(2)
    assert second.sum() == 20 * 10 and second[:, 15:25].all()


def test_heat_is_red_where_it_is_high():
    heat = np.zeros((2, 2))
    heat[1, 1] = 3
    drawn = draw_heat(np.full((32, 48, 3), 100, np.uint8), heat)
    assert drawn.shape == (32, 48, 3)
    blue, _, red = drawn[-2, -2].astype(int)
    assert red > blue
    blue, _, red = drawn[1, 1].astype(int)
    assert blue > red
    draw_heat(np.zeros((8, 8, 3), np.uint8), np.ones((2, 2)))  # a flat map is no division by zero


def test_dark_parts_are_brightened_and_say_how_much():
    dark = np.zeros((10, 20, 3), np.uint8)
    dark[:5] = 50
    caption, seen = brighten('unique', dark)
    assert caption == 'unique, 5.1 times as bright' and seen.max() >= 254 and not seen[5:].any()
    assert brighten('unique', dark // 50)[0].endswith('8.0 times as bright')  # no more, or it would show noise
    bright = dark + 130
    caption, seen = brighten('common', bright)
    assert caption == 'common' and seen is bright
