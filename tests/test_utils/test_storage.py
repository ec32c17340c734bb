import os

import pytest

from mmdefusion.utils.storage import is_local, local_copy, read_content, stamp


def test_a_change_is_known_by_the_file_or_by_its_archive(tmp_path):
    (tmp_path / 'a.png').write_bytes(b'1')
    (tmp_path / 'b.tar').write_bytes(b'12')
    first = [stamp(tmp_path / name) for name in ('a.png', 'b.tar/vi/1.png', 'absent.png')]
    assert [size for _, size, _ in first] == [1, 2, 0]
    for name in ('a.png', 'b.tar'):
        os.utime(tmp_path / name, (5, 5))
    assert [stamp(tmp_path / name)[2] for name in ('a.png', 'b.tar/vi/1.png')] == [5 * 10**9] * 2
    assert stamp(f'{tmp_path}/./a.png')[0] == str(tmp_path / 'a.png')


def test_a_database_that_is_packed_anew_is_another(tmp_path):
    (tmp_path / 'pairs.lmdb').mkdir()
    file = tmp_path / 'pairs.lmdb/data.mdb'
    file.write_bytes(b'123')
    os.utime(file, (5, 5))
    assert stamp(tmp_path / 'pairs.lmdb/vi/1.png')[1:] == (3, 5 * 10**9)
    file.write_bytes(b'1234')
    assert stamp(tmp_path / 'pairs.lmdb/vi/1.png')[1] == 4
    assert stamp(tmp_path / 'absent/vi/1.png')[1:] == (0, 0)


@pytest.mark.parametrize(
    ('path', 'backend_args', 'why'),
    [
        ('file:///tmp/a.png', None, "there is no file backend 'file': download the file"),
        ('ftp://host/a.png', None, "there is no file backend 'ftp'"),
        ('a.png', dict(backend='tape'), "there is no file backend 'tape'"),
        ('s3://bucket/a.png', None, 'petrel_client'),
    ],
)
def test_a_scheme_without_a_backend_is_an_error_of_the_file(path, backend_args, why):
    """So that it ends no list: errors of files are OSErrors."""

    def open_copy():
        with local_copy(path, backend_args):
            pass

    for work in (lambda: is_local(path, backend_args), lambda: read_content(path, backend_args), open_copy):
        with pytest.raises(OSError, match=f'^{path}: .*{why}'):
            work()
