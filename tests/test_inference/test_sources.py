import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pytest
from helpers.layouts import grey, write

from mmdefusion.inference import sources
from mmdefusion.inference.sources import Item, list_items
from mmdefusion.utils.names import composed


def test_a_folder_of_both_folders_is_not_one_source(tmp_path):
    for kind in ('vi', 'ir'):
        write(tmp_path / kind / 'a.png', grey(0))
    with pytest.raises(ValueError, match=r'has the folders vi and ir: name both of them'):
        list_items([tmp_path])
    assert [item.name for item in list_items([tmp_path / 'vi'])] == ['a']


def test_a_pair_in_one_file_is_asked_for(tmp_path):
    """MFNet keeps the infrared image in a fourth channel; elsewhere that is transparency."""
    path = write(tmp_path / 'both.png', np.dstack([np.full((8, 9, 3), 200, np.uint8), np.full((8, 9), 50, np.uint8)]))
    pair = Item('both', (path, path))
    assert [image.shape for image in pair.read()] == 2 * [(8, 9, 3)]
    assert [image.mean() for image in pair.read()] == [200, 200]
    assert [image.mean() for image in pair.read(fourth_channel=True)] == [200, 50]
    single = Item('both', (path,)).read(fourth_channel=True)
    assert len(single) == 1
    array = np.zeros((8, 9), np.uint8)
    assert len(Item('mixed', (path, array)).read(fourth_channel=True)) == 2


def files(folder: Path, *names: str) -> str:
    """Writes files with these names; returns their glob."""
    for name in names:
        write(folder / f'{name}.png', grey(0))
    return f'{folder}/*.png'


def pairs(*patterns: str, **options: bool) -> list[tuple[str, ...]]:
    """The names of the files of each item."""
    return [tuple(Path(image).stem for image in item.images) for item in list_items(patterns, **options)]


def test_globs_are_paired_by_numbers_where_the_order_of_letters_is_another(tmp_path):
    bare, padded = files(tmp_path / 'vi', '1', '2', '10', '11'), files(tmp_path / 'ir', '001', '002', '010', '011')
    assert pairs(bare, padded) == [('1', '001'), ('2', '002'), ('10', '010'), ('11', '011')]
    assert pairs(padded, bare)[3] == ('011', '11')
    dated = files(tmp_path / 'dated', *(f'2024-ir-{number:03}' for number in (1, 2, 10, 11)))
    assert pairs(bare, dated)[1] == ('2', '2024-ir-002')  # a number of all names tells nothing
    same = files(tmp_path / 'same', *(f'ir{number}' for number in (1, 2, 10, 11)))
    assert pairs(bare, same)[1] == ('10', 'ir10')  # the order of letters, as it is the same


def test_globs_whose_order_is_not_clear_are_refused(tmp_path):
    bare, other = files(tmp_path / 'vi', '1', '2', '10', '11'), files(tmp_path / 'ir', '000', '001', '009', '010')
    with pytest.raises(ValueError, match=r'not clear whether .*vi/1\.png belongs to .*ir/000\.png: write numbers'):
        pairs(bare, other)
    unlike = files(tmp_path / 'unlike', 'a', 'b', 'c', 'd')
    with pytest.raises(ValueError, match='not clear whether'):
        pairs(bare, unlike)
    assert pairs(files(tmp_path / 'three', '001', '002', '009', '010'), unlike)[3] == ('010', 'd')


def test_globs_that_lack_different_files_are_refused(tmp_path):
    """As many files in both, so that their places would pair 002 with 003."""
    files(tmp_path, '001_vi', '002_vi', '003_vi', '001_ir', '003_ir', '004_ir')
    suffixed = f'{tmp_path}/*_vi.png', f'{tmp_path}/*_ir.png'
    with pytest.raises(ValueError, match=r'002_vi\.png and .*003_ir\.png have other numbers.*--suffixes.*--skip-unm'):
        pairs(*suffixed)
    prefixed = files(tmp_path / 'vi', 'v1', 'v2', 'v3'), files(tmp_path / 'ir', 'i2', 'i3', 'i4')
    with pytest.raises(ValueError, match='have other numbers'):
        pairs(*prefixed)
    later = files(tmp_path / 'later', 't104', 't105', 't106')  # a count of its own, which starts elsewhere
    assert pairs(prefixed[0], later) == [('v1', 't104'), ('v2', 't105'), ('v3', 't106')]
    named = files(tmp_path / 'named', 'a1', 'b1', 'c1')
    assert pairs(prefixed[0], named)[0] == ('v1', 'a1')  # a number that all have tells nothing


@pytest.mark.parametrize(
    ('visible', 'infrared'),
    [
        ('1000 1040 1080', '1000 1041 1080'),  # time stamps of two clocks
        ('1_100 2_101 3_102', '1_100 2_102 3_103'),  # one counter of frames, and another number
        ('1_100 2_101 3_102', '1_100 3_101 4_102'),
        ('1_1_100 1_2_101 2_1_102', '1_1_100 1_2_102 2_1_103'),  # a scene and its frames
        ('0_00 0_59 1_30', '0_00 1_00 1_31'),  # minutes, which several files share
    ],
)
def test_globs_some_of_whose_numbers_coincide_are_paired_by_place(visible, infrared, tmp_path):
    names = [f'vi_{one}' for one in visible.split()], [f'ir_{one}' for one in infrared.split()]
    globs = files(tmp_path / 'vi', *names[0]), files(tmp_path / 'ir', *names[1])
    assert pairs(*globs) == list(zip(*names, strict=True))
    assert pairs(*reversed(globs)) == list(zip(*reversed(names), strict=True))


@pytest.mark.parametrize(
    ('visible', 'infrared'),
    [
        ('1_1000 2_1040 3_1080', '1_1000 3_1081 4_1121'),  # a counter tells what time stamps do not
        ('1_001 1_002 2_001 2_002', '1_001 1_003 2_002 2_003'),  # a camera, which is the same in all pairs
        ('1 2_1 3_1', '1 3_1 4_1'),  # other numbers of numbers
    ],
)
def test_globs_whose_numbers_are_moved_are_refused(visible, infrared, tmp_path):
    globs = [
        files(tmp_path / kind, *(f'{kind}_{one}' for one in names.split()))
        for kind, names in (('vi', visible), ('ir', infrared))
    ]
    with pytest.raises(ValueError, match='have other numbers'):
        pairs(*globs)


def test_globs_of_the_same_names_are_paired_by_them_whatever_order_their_extensions_make(tmp_path):
    globs = []
    for folder, extension in (('vi', 'jpg'), ('ir', 'png')):  # scene.jpg comes before scene.night.jpg
        for name in ('scene', 'scene.night'):
            write(tmp_path / folder / f'{name}.{extension}', grey(0))
        globs.append(f'{tmp_path / folder}/*.{extension}')
    assert pairs(*globs) == [('scene', 'scene'), ('scene.night', 'scene.night')]


@pytest.mark.parametrize('kinds', [('vi', 'absent'), ('absent', 'ir'), ('vi/*.png', 'absent'), ('absent', 'absent')])
def test_a_source_that_is_absent_is_named(tmp_path, kinds):
    for kind in ('vi', 'ir'):
        files(tmp_path / kind, 'a', 'b')
    with pytest.raises(FileNotFoundError, match=r'absent is not there'):
        list_items([str(tmp_path / kind) for kind in kinds])


def test_brackets_in_the_name_of_a_folder_are_no_pattern(tmp_path):
    patterns = [files(tmp_path / 'n[1]' / kind, 'a', 'b') for kind in ('vi', 'ir')]
    assert pairs(*patterns) == [('a', 'a'), ('b', 'b')]
    files(tmp_path / 'm1' / 'vi', 'a')
    assert [item.name for item in list_items([f'{tmp_path}/m[12]/vi/*.png'])] == ['a']


def test_globs_know_a_name_in_both_forms_of_unicode(tmp_path):
    folders = [files(tmp_path / form, unicodedata.normalize(form, 'é'), 'f') for form in ('NFC', 'NFD')]
    assert [len(set(map(composed, pair))) for pair in pairs(*folders)] == [1, 1]
    assert len(pairs(*folders, skip_unmatched=True)) == 2
    with pytest.raises(ValueError, match='have the same name: keep one'):
        pairs(files(tmp_path / 'NFC', unicodedata.normalize('NFD', 'é')), folders[1])


def test_pictures_of_fewer_bits_than_their_files_are_warned_of_once(tmp_path):
    rng = np.random.default_rng(0)
    counts = [rng.integers(0, most, (9, 8), np.uint16) for most in (4081, 4000, 2**16)]
    paths = [write(tmp_path / f'{place}.png', one) for place, one in enumerate(counts)]
    sources.__dict__.pop('__warningregistry__', None)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter('default')
        for first in (paths[0], paths[1], counts[0], paths[2], grey(0), np.zeros((9, 8), np.uint16)):
            Item('a', (first, paths[0])).read()  # the second is thermal
    assert [str(one.message).startswith('16-bit images have values of at most 4095 of 65535') for one in told] == [True]
    with pytest.warns(UserWarning, match=r'if the camera has 12 bits, scale them first \(by 16\)'):
        Item('a', (grey(0), paths[0])).read(thermal=False)
