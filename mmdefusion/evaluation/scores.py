"""Rows of scores, their means, and the CSV file for them."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmdefusion.utils.files import write_text

Row = dict[str, float]


def mean_row(rows: Sequence[Row]) -> Row:
    """The mean of each metric over the images that have a value; NaN if none has."""
    return {name: _mean([row[name] for row in rows]) for name in rows[0]}


def write_scores(rows: Mapping[str, Row], path: Path) -> None:
    """Writes a CSV file with a column for each metric and a row for each image; the last row is ``mean``.

    Args:
        rows: scores by image name.
        path: path of the CSV file.
    """
    mean = mean_row(list(rows.values()))
    lines = [_line(['image', *mean]), *(_line([name, *row.values()]) for name, row in [*rows.items(), ('mean', mean)])]
    write_text(path, ''.join(lines))


class UnfinishedScores:
    """A CSV file beside the one that is to be written, which gets each row as soon as it is there.

    A run that is stopped leaves it; one that ends removes it.

    Args:
        path: path of the CSV file to be written at the end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f'{path.name}.unfinished')

    def add(self, rows: Mapping[str, Row]) -> None:
        """Appends rows."""
        lines = [_line([name, *row.values()]) for name, row in rows.items()]
        if rows and not self.path.exists():
            lines.insert(0, _line(['image', *next(iter(rows.values()))]))
        with self.path.open('a', encoding='utf-8', newline='') as file:
            file.write(''.join(lines))

    def remove(self) -> None:
        """Removes the file, if there is one."""
        self.path.unlink(missing_ok=True)


def read_scores(path: Path, metrics: Sequence[str]) -> dict[str, Row]:
    """Reads the rows of a CSV file of scores, finished or not, without the means.

    Args:
        path: path of the file.
        metrics: names of the metrics that it must have.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it holds other metrics, or something that is no number in a whole row.
    """
    with path.open(encoding='utf-8', newline='') as file:
        header, *lines = list(csv.reader(file)) or [[]]
    if header != ['image', *metrics]:
        raise ValueError(f'{path} has other columns ({", ".join(header[:4])}, ...): name scores of the same protocol.')
    whole = [line for line in lines if len(line) == len(header)]  # a stopped run may leave a part of the last
    try:
        rows = {line[0]: dict(zip(metrics, map(float, line[1:]), strict=True)) for line in whole}
    except ValueError as error:
        raise ValueError(f'{path}: {error}: remove the row.') from None
    rows.pop('mean', None)
    return rows


def _line(cells: Sequence[str | float]) -> str:
    table = io.StringIO()
    csv.writer(table).writerow(cell if isinstance(cell, str) else f'{cell:.6f}' for cell in cells)
    return table.getvalue()


def _mean(values: Sequence[float]) -> float:
    there = [value for value in values if not math.isnan(value)]
    return sum(there) / len(there) if there else math.nan
