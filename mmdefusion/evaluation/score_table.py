"""Rows of scores, their means, and the CSV file for them."""

import csv
import io
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mmdefusion.utils.files import write_text
from mmdefusion.utils.names import shown

Row = dict[str, float]
BYTES = 'surrogateescape'  # bytes of names that are no UTF-8 stay as they are
MEAN = 'mean'  # name of the last row
NAMED = 5  # images with an infinite score that a warning names


def mean_row(rows: Mapping[str, Row]) -> Row:
    """The mean of each metric over the images that have a finite value, with a warning of infinite ones; NaN if none.

    Args:
        rows: scores by image name.
    """
    running = RunningMean()
    for name, row in rows.items():
        running.add(name, row)
    running.warn()
    return running.mean()


def write_scores(rows: Mapping[str, Row], path: Path) -> Row:
    """Writes a CSV file with a column for each metric and a row for each image; the last row is ``mean``.

    Args:
        rows: scores by image name.
        path: path of the CSV file.

    Returns:
        The last row, see :func:`mean_row`.
    """
    mean = mean_row(rows)
    lines = [['image', *mean], *([name, *row.values()] for name, row in [*rows.items(), (MEAN, mean)])]
    write_text(path, ''.join(map(as_line, lines)))
    return mean


class RunningMean:
    """The mean of each metric over the rows added so far, without keeping them."""

    def __init__(self) -> None:
        self.sums: Row = {}
        self.counts: dict[str, int] = {}
        self.infinite: dict[str, int] = {}
        self.first: dict[str, list[str]] = {}

    def add(self, name: str, row: Row) -> None:
        """Adds the row of an image; a metric whose value is not finite is left out of its mean."""
        for metric, value in row.items():
            there = math.isfinite(value)
            self.sums[metric] = self.sums.get(metric, 0.0) + (value if there else 0.0)
            self.counts[metric] = self.counts.get(metric, 0) + there
            if math.isinf(value):
                self.infinite[metric] = self.infinite.get(metric, 0) + 1
                self.first.setdefault(metric, []).extend([name] if self.infinite[metric] <= NAMED else [])

    def mean(self) -> Row:
        """The means; NaN for a metric that no row has a finite value of."""
        return {name: self.sums[name] / count if count else math.nan for name, count in self.counts.items()}

    def warn(self) -> None:
        """Warns of each metric with infinite values; why they are so is not looked at."""
        for metric, count in self.infinite.items():
            names = ', '.join(self.first[metric]) + (', ...' if count > NAMED else '')
            others = self.counts[metric]
            rest = f'its mean is of the other {others}' if others else 'it has no mean'
            whose = f'{count} image(s) ({names})'
            told = f'{metric} is infinite for {whose}: {rest} (a black image, say, or one that equals its sources).'
            warnings.warn(shown(told), stacklevel=3)


def iterate_rows(path: Path, metrics: Sequence[str]) -> Iterator[tuple[str, Row]]:
    """Reads the rows of a CSV file of scores, finished or not, one after the other and without the means.

    Args:
        path: path of the file.
        metrics: names of the metrics that it must have.

    Yields:
        Name and scores of an image. What a stopped run left of its last row is left out.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it holds other metrics, or something that is no number in a whole row.
    """
    header = ['image', *metrics]
    # lines end as they are written: names may have other ends of lines in them
    with path.open(encoding='utf-8', errors=BYTES, newline='\n') as file:
        lines = csv.reader(line for line in file if line.endswith('\n'))
        try:
            found = next(lines, [])
            if found != header:
                raise ValueError(f'has other columns ({", ".join(found[:4])}, ...): name scores of the same protocol.')
            whole, last = (line for line in lines if len(line) == len(header)), None
            for line in whole:
                if last is not None:
                    yield last[0], as_row(last, metrics)
                last = line
            if last is not None and last[0] != MEAN:  # an image may be called so, too
                yield last[0], as_row(last, metrics)
        except (csv.Error, ValueError) as error:
            raise ValueError(shown(f'{path} {error}')) from None


def as_row(line: Sequence[str], metrics: Sequence[str]) -> Row:
    """The scores of a line of a CSV file.

    Raises:
        ValueError: if a cell is no number; the message names it.
    """
    try:
        return dict(zip(metrics, map(float, line[1:]), strict=True))
    except ValueError as error:
        raise ValueError(f'has a row {line[0]} with no number in it ({error}): remove the row.') from None


def as_line(cells: Sequence[str | float]) -> str:
    """A line of a CSV file, numbers with six digits after the point."""
    table = io.StringIO()
    csv.writer(table).writerow(cell if isinstance(cell, str) else f'{cell:.6f}' for cell in cells)
    return table.getvalue()
