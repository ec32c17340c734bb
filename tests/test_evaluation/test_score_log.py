"""Scores of many images keep no memory, whatever a run was stopped by."""

import math
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from mmdefusion.evaluation.score_log import ScoreLog, unfinished_scores
from mmdefusion.evaluation.score_table import Row, mean_row

METRICS = tuple(f'metric {number}' for number in range(12))


def generate(count: int) -> Iterator[tuple[str, Row]]:
    chance = np.random.default_rng(0)
    for number in range(count):
        yield f'{number:06d}', dict(zip(METRICS, chance.random(len(METRICS)).tolist(), strict=True))


def score(names: list[str], out: Path | None, earlier: tuple[Path, ...] = ()) -> Row:
    with closing(ScoreLog(names, METRICS, out, earlier)) as log:
        for name, row in generate(len(names)):
            if name not in log:
                log.add(name, row)
        return log.finish()


def held(count: int, out: Path) -> tuple[int, int]:
    """Bytes that a log holds before it is closed, and the most that it held, over what was there before it."""
    names = [f'{number:06d}' for number in range(count)]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        with closing(ScoreLog(names, METRICS, out)) as log:
            for name, row in generate(count):
                log.add(name, row)
            log.finish()
            now, peak = tracemalloc.get_traced_memory()
        return now - before, peak - before
    finally:
        tracemalloc.stop()


def test_memory_holds_eight_bytes_for_an_image(tmp_path):
    few, many = (held(count, tmp_path / f'{count}.csv') for count in (500, 4_500))
    for grown in (many[0] - few[0], many[1] - few[1]):
        assert grown < 4_000 * 10, f'{grown / 4_000:.1f} bytes for each image'
    assert len((tmp_path / '4500.csv').read_text().splitlines()) == 4_502


def test_the_mean_is_that_of_all_rows_with_and_without_a_file(tmp_path):
    rows = dict(generate(40))
    expected = mean_row(rows)
    for out in (None, tmp_path / 'scores.csv'):
        assert score(sorted(rows), out) == pytest.approx(expected, abs=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ['scores.csv']


def test_infinite_scores_are_named_and_left_out_with_and_without_a_file(tmp_path):
    rows = {f'{number}': dict.fromkeys(METRICS, 2.0 * number) for number in range(3)}
    rows['1'][METRICS[0]] = math.inf
    with pytest.warns(UserWarning) as told:
        for out in (None, tmp_path / 'scores.csv'):
            with closing(ScoreLog(sorted(rows), METRICS, out)) as log:
                for name, row in rows.items():
                    log.add(name, row)
                assert log.finish() == dict.fromkeys(METRICS, 2.0)
    line = f'{METRICS[0]} is infinite for 1 image(s) (1): its mean is of the other 2 (a black image, say, or '
    assert [str(one.message) for one in told] == [f'{line}one that equals its sources).'] * 2
    assert (tmp_path / 'scores.csv').read_text().splitlines()[-1].split(',')[1] == '2.000000'


def test_a_stopped_run_goes_on_to_the_same_file(tmp_path):
    names = sorted(dict(generate(9)))
    whole, out = tmp_path / 'whole.csv', tmp_path / 'scores.csv'
    score(names, whole)
    log = ScoreLog(names, METRICS, out)  # stopped while it wrote its fourth row, whose last number lacks digits
    for name, row in list(generate(9))[4::-1]:
        log.add(name, row)
    log.close()
    unfinished = unfinished_scores(out)
    unfinished.write_bytes(unfinished.read_bytes()[:-5])
    before = unfinished.read_bytes()
    with pytest.raises(ValueError, match='has other columns'):
        ScoreLog(names, METRICS[1:], out, [unfinished])
    assert unfinished.read_bytes() == before  # what cannot be read is not lost
    with closing(ScoreLog(names, METRICS, out, [unfinished])) as log:
        assert [name in log for name in names] == [False, *[True] * 4, *[False] * 4]
    score(names, out, (unfinished,))
    assert out.read_bytes() == whole.read_bytes() and not unfinished.exists()


def test_of_two_files_with_an_image_the_later_counts(tmp_path):
    names = sorted(dict(generate(3)))
    first, second = tmp_path / 'first.csv', tmp_path / 'second.csv'
    score(names, first)
    second.write_text(first.read_text().replace('000001,0', '000001,7').replace('000002,', 'elsewhere,'))
    score(names, tmp_path / 'both.csv', (first, second))
    lines = (tmp_path / 'both.csv').read_text().splitlines()
    assert [line.split(',')[0] for line in lines] == ['image', *names, 'mean']
    assert lines[1:4:2] == first.read_text().splitlines()[1:4:2] and lines[2].startswith('000001,7')
    second.write_text(first.read_text().replace('000001,0', '000001,x0'))
    with pytest.raises(ValueError, match="second.csv has a row 000001 with no number in it .*'x0"):
        score(names, tmp_path / 'new.csv', (second,))
    assert not (tmp_path / 'new.csv').exists() and not list(tmp_path.glob('.*'))
