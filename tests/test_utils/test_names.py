"""Names of files may hold anything: they neither write to the terminal nor end a run, and one does not end a folder."""

import csv
import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmdefusion.evaluation.score_log import ScoreLog, unfinished_scores
from mmdefusion.inference.fusing import Fusing
from mmdefusion.inference.outputs import NotAllDone
from mmdefusion.utils.image_headers import UnusableImage
from mmdefusion.utils.names import shown

EVIL = 'x\x1b]0;owned\x07\x1b[2K\rall done\u202egnp.exe'
NO_UTF8 = os.fsdecode(b'caf\xe9')


class Mean(Fusing):
    """All that fusing does, but for the network."""

    reading, polarity, show_progress = dict(thermal=True, thermal_range=None), 'white-hot', False

    def _decode(self, name, sources: Sequence[np.ndarray], parts, share=False, memory=None) -> dict[str, np.ndarray]:
        mean = cv2.addWeighted(sources[0], 0.5, sources[-1], 0.5, 0)
        return dict.fromkeys(('fused', 'common', 'unique_a', 'unique_b'), mean)


def fill(folder: Path, *names: str) -> tuple[str, str]:
    content = bytes(cv2.imencode('.png', np.full((32, 32, 3), 50, np.uint8))[1])
    for place in ('vi', 'ir'):
        (folder / place).mkdir()
        for name in names:
            (folder / place / f'{name}.png').write_bytes(content)
    return str(folder / 'vi'), str(folder / 'ir')


@pytest.mark.parametrize(
    'name, wanted',
    [
        (EVIL, r'x\x1b]0;owned\x07\x1b[2K\rall done\u202egnp.exe'),
        (NO_UTF8, r'caf\udce9'),
        ('größer 大 a.png', 'größer 大 a.png'),
        (Path('a\nb'), r'a\nb'),
    ],
)
def test_what_is_shown_can_be_printed(name, wanted):
    assert shown(name) == wanted and shown(shown(name)) == wanted
    assert str(UnusableImage(f'{name} is broken.')) == f'{wanted} is broken.'
    (head, line) = str(NotAllDone({str(name): ValueError(f'{name}: is\nbroken.')}, [])).split('\n')
    assert line == rf'  {wanted}: is\nbroken.' and head.isprintable()


def test_a_folder_with_such_names_is_fused(tmp_path):
    sources = fill(tmp_path, 'a', NO_UTF8, EVIL)
    (tmp_path / 'vi' / f'{EVIL}.png').write_bytes(b'no image')
    with pytest.raises(NotAllDone) as error:
        Mean()(*sources, out_dir=tmp_path / 'out')
    assert sorted(path.stem for path in error.value.results) == sorted(['a', NO_UTF8])
    assert all(line.isprintable() for line in str(error.value).split('\n')) and 'is not an image' in str(error.value)


@pytest.mark.parametrize('workers', [1, 2])
def test_a_long_name_does_not_end_a_folder(tmp_path, workers):
    long = '5' + 'x' * 246
    sources = fill(tmp_path, *'12', long, *'678')
    with pytest.raises(NotAllDone) as error:
        Mean()(*sources, out_dir=tmp_path / 'out', outputs=('fused', 'unique_a'), workers=workers)
    assert list(error.value.failures) == [long] and 'rename the source' in str(error.value)
    assert {path.name for path in error.value.results} == {
        f'{n}{end}.png' for n in '12678' for end in ('', '_unique_a')
    }
    with pytest.raises(NotAllDone) as error:  # what is done already is not done again
        Mean()(*sources, out_dir=tmp_path / 'out', outputs=('fused', 'unique_a'), resume=True)
    assert list(error.value.failures) == [long] and not error.value.results


def test_other_errors_of_writing_end_a_folder(tmp_path, monkeypatch):
    def full(*_) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('mmdefusion.inference.outputs.write_image', full)
    with pytest.raises(OSError, match='No space left'):
        Mean()(*fill(tmp_path, *'123'), out_dir=tmp_path / 'out')


NAMES = sorted(['a', 'mean', 'x\ny', 'x\rz', 'x\r\nw', 'q"r', 'c,d', NO_UTF8, EVIL, 'zz'])


@pytest.mark.parametrize('last', NAMES)
def test_scores_of_such_names_are_found_again(tmp_path, last):
    """Whichever row comes last in a finished file, and in that of a run that was stopped."""
    names = [*(name for name in NAMES if name < last), last]
    first, second = tmp_path / 'first.csv', tmp_path / 'second.csv'
    with closing(ScoreLog(names, ['m'], first)) as log:
        for number, name in enumerate(names):
            log.add(name, dict(m=float(number)))
        rows = unfinished_scores(first).read_bytes()
        assert log.finish() == dict(m=pytest.approx((len(names) - 1) / 2))
    with closing(ScoreLog(names, ['m'], second, [first])) as log:
        assert all(name in log for name in names)
        log.finish()
    assert second.read_bytes() == first.read_bytes()
    with first.open(encoding='utf-8', errors='surrogateescape', newline='\n') as file:
        assert [row[0] for row in csv.reader(file)] == ['image', *names, 'mean']
    first.write_bytes(rows)
    with closing(ScoreLog(names, ['m'], tmp_path / 'third.csv', [first])) as log:
        assert [name for name in names if name not in log] == [name for name in names[-1:] if name == 'mean']
