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
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(['image', *mean])
    for name, row in [*rows.items(), ('mean', mean)]:
        writer.writerow([name, *(f'{value:.6f}' for value in row.values())])
    write_text(path, table.getvalue())


def _mean(values: Sequence[float]) -> float:
    there = [value for value in values if not math.isnan(value)]
    return sum(there) / len(there) if there else math.nan
