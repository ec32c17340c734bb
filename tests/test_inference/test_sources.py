import numpy as np
import pytest
from helpers.layouts import grey, write

from mmdefusion.inference.sources import Item, list_items


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
