import os
import unicodedata

import pytest
from helpers.layouts import grey, write

from mmdefusion.inference.stems import list_images, match_stems


def fill(folder, names):
    for seed, name in enumerate(names):
        write(folder / name, grey(seed))
    return folder


def test_matched_by_name_whatever_the_extension(tmp_path):
    one = fill(tmp_path / 'vi', ['b.png', 'night/a.jpg'])
    other = fill(tmp_path / 'ir', ['b.bmp', 'night/a.png'])
    (one / 'notes.txt').write_text('no image')
    (one / '.b.png').write_text('unfinished')
    write(one / '.Trash-1000/files/c.png', grey(0))
    (one / 'folder.png').mkdir()
    assert match_stems([one, other]) == {
        'b': (str(one / 'b.png'), str(other / 'b.bmp')),
        'night/a': (str(one / 'night/a.jpg'), str(other / 'night/a.png')),
    }


def test_suffixes_tell_files_of_one_folder_apart(tmp_path):
    folder = fill(tmp_path / 'mef', ['x_A.png', 'x_B.png'])
    assert match_stems([folder, folder], ['_A', '_B']) == {'x': (str(folder / 'x_A.png'), str(folder / 'x_B.png'))}


def test_what_does_not_match_is_listed(tmp_path):
    one = fill(tmp_path / 'vi', ['a.png', *(f'v{k:02d}.png' for k in range(12))])
    other = fill(tmp_path / 'ir', ['a.png', 'i.png'])
    with pytest.raises(ValueError, match=r'12 only in .*vi \(v00, .*, v09, \.\.\.\); 1 only in .*ir \(i\)\. Rename'):
        match_stems([one, other])
    with pytest.raises(FileNotFoundError, match='nowhere is not a folder'):
        match_stems([one, tmp_path / 'nowhere'])
    (tmp_path / 'empty').mkdir()
    with pytest.raises(ValueError, match='empty has no image'):
        match_stems([one, tmp_path / 'empty'])
    write(one / 'a.jpg', grey(0))
    with pytest.raises(ValueError, match=r'a.jpg and .*a.png have the same name'):
        list_images(one)


def test_links_and_folders_that_cannot_be_read(tmp_path, monkeypatch):
    real = fill(tmp_path / 'real', ['a.png'])
    folder = fill(tmp_path / 'vi', ['b/2.png', 'b.png', 'b/1.png', 'closed/c.png'])
    (folder / 'linked.png').symlink_to(real / 'a.png')
    (folder / 'folder').symlink_to(real)  # may lead back to where it is
    (folder / 'nothing.png').symlink_to(tmp_path / 'nothing')
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith('closed'):
            raise PermissionError(13, 'Permission denied', path)
        return scandir(path)

    monkeypatch.setattr(os, 'scandir', refuse)
    expected = {name: str(folder / f'{name}.png') for name in ('b/1', 'b/2', 'b', 'linked')}
    with pytest.warns(UserWarning, match=r'vi/closed may not be read, so what lies in it is left out'):
        found = list_images(folder)
    assert found == expected and list(found) == list(expected)
    monkeypatch.chdir(folder)
    with pytest.warns(UserWarning, match='closed may not be read'):
        assert list_images('.') == {name: f'{name}.png' for name in expected}


def test_a_name_that_is_the_suffix_alone(tmp_path):
    folder = fill(tmp_path / 'vi', ['night/_A.png'])
    with pytest.raises(ValueError, match='night/_A.png has no name before _A: rename it'):
        list_images(folder, '_A')


def test_names_match_in_both_forms_of_unicode(tmp_path):
    """Archives made on macOS have letters and their accents one after the other."""
    short, long = (unicodedata.normalize(form, 'nuit/été') for form in ('NFC', 'NFD'))
    one = fill(tmp_path / 'vi', [f'{short}.png', 'a.png', 'ü.png'])
    other = fill(tmp_path / 'ir', [f'{long}.bmp', 'a.png', 'ü.png'])
    for folders, name in (((one, other), short), ((other, one), long)):
        matched = match_stems(folders)
        assert list(matched) == ['a', name, 'ü'] and all(os.path.isfile(path) for path in matched[name])
    write(one / 'ö.png', grey(0))
    with pytest.warns(UserWarning, match=r'1 names lack a partner and are left out \(ö\)'):
        assert len(match_stems([one, other], skip_unmatched=True)) == 3
    write(one / f'{long}.png', grey(0))
    with pytest.raises(ValueError, match=r"have the same name, written in two forms of Unicode \('nuit/\S+ and 'nuit"):
        list_images(one)


@pytest.mark.parametrize('given', ['NFC', 'NFD'])
def test_endings_match_in_both_forms_of_unicode(given, tmp_path):
    forms = {form: [unicodedata.normalize(form, text) for text in ('été_é', 'a_é', 'b_é')] for form in ('NFC', 'NFD')}
    one, other = (fill(tmp_path / form, [f'{name}.png' for name in [*names, 'no']]) for form, names in forms.items())
    suffix = unicodedata.normalize(given, '_é')
    assert list(list_images(other, suffix).values()) == [str(other / f'{name}.png') for name in sorted(forms['NFD'])]
    matched = match_stems([one, other], [suffix, suffix])
    assert set(matched) == {'a', 'b', 'été'} and all(os.path.isfile(path) for pair in matched.values() for path in pair)
    write(one / f'{forms["NFD"][1]}.png', grey(0))
    with pytest.raises(ValueError, match=r"two forms of Unicode \('a_e\\u0301' and 'a_\\xe9'\): keep one"):
        list_images(one, suffix)


def test_ignored_endings_and_their_names_match_in_both_forms_of_unicode(tmp_path):
    short, long = (unicodedata.normalize(form, 'été') for form in ('NFC', 'NFD'))
    folder = fill(tmp_path / 'vi', [f'{short}.png', f'{long}_cut.png', f'a_{long}.png', 'a.png', 'b_cut.png'])
    assert set(match_stems([folder, folder], ignored=['_cut', f'_{short}'])) == {short, 'a', 'b_cut'}
