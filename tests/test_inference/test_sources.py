import pytest
from helpers.layouts import grey, write

from mmdefusion.inference.sources import list_items


def test_a_folder_of_both_folders_is_not_one_source(tmp_path):
    for kind in ('vi', 'ir'):
        write(tmp_path / kind / 'a.png', grey(0))
    with pytest.raises(ValueError, match=r'has the folders vi and ir: name both of them'):
        list_items([tmp_path])
    assert [item.name for item in list_items([tmp_path / 'vi'])] == ['a']
