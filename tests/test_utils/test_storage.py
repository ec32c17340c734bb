import os

from mmdefusion.utils.storage import stamp


def test_a_change_is_known_by_the_file_or_by_its_archive(tmp_path):
    (tmp_path / 'a.png').write_bytes(b'1')
    (tmp_path / 'b.tar').write_bytes(b'12')
    first = [stamp(tmp_path / name) for name in ('a.png', 'b.tar/vi/1.png', 'absent.png')]
    assert [size for _, size, _ in first] == [1, 2, 0]
    for name in ('a.png', 'b.tar'):
        os.utime(tmp_path / name, (5, 5))
    assert [stamp(tmp_path / name)[2] for name in ('a.png', 'b.tar/vi/1.png')] == [5 * 10**9] * 2
    assert stamp(f'{tmp_path}/./a.png')[0] == str(tmp_path / 'a.png')
