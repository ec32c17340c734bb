import pytest

from mmdefusion.utils.kept import read_kept


def test_what_was_kept(tmp_path):
    path = tmp_path / 'kept.json'
    assert read_kept(path) is None
    path.write_text('{"key": "a", "seconds": 1.5}')
    assert read_kept(path, key=str, seconds=(int, float)) == dict(key='a', seconds=1.5)
    assert read_kept(path) == dict(key='a', seconds=1.5)


@pytest.mark.parametrize('content', [b'', b'{"key": "a', b'[1]', b'{"seconds": "a"}', b'\xff\xfe', b'[' * 10**5])
def test_what_is_computed_again(content, tmp_path):
    path = tmp_path / 'kept.json'
    path.write_bytes(content)
    assert read_kept(path, key=str) is None
    assert read_kept(tmp_path, key=str) is None


def test_what_cannot_be_read_now_is_not_made_anew(tmp_path, monkeypatch):
    path = tmp_path / 'kept.json'
    path.write_text('{}')

    def stale(*_, **__):
        raise OSError(116, 'Stale file handle', str(path))

    monkeypatch.setattr(type(path), 'read_text', stale)
    with pytest.raises(OSError, match='Stale file handle'):
        read_kept(path)
