"""Scores of very many images: in a file as soon as they are there, and none of them in memory."""

import csv
import os
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mmdefusion.utils.files import give_name
from mmdefusion.utils.unfinished import unfinished_of

from .score_table import BYTES, MEAN, Row, RunningMean, as_line, as_row, iterate_rows

ABSENT = -1


class ScoreLog:
    """The rows of a CSV file that is to be written in the order of the images, in whatever order they come.

    Each row goes at once to ``NAME.unfinished`` beside that file, which a run that is stopped leaves behind. Memory
    holds eight bytes for each image: where its row begins.

    Args:
        names: names of all images, sorted.
        metrics: names of the scores.
        path: path of the CSV file; None writes none, and only the mean is of use.
        earlier: CSV files of earlier runs, finished or not, whose rows are kept; where two have an image, the later
            file counts. The unfinished file itself may be one of them: it is replaced once its rows are kept.

    Raises:
        OSError: if a file cannot be read or written.
        ValueError: if an earlier file holds something else.
    """

    def __init__(
        self, names: Sequence[str], metrics: Sequence[str], path: Path | None, earlier: Iterable[Path] = ()
    ) -> None:
        self.names = names
        self.metrics = metrics
        self.path = path
        self._places = array('q', [ABSENT]) * len(names)
        kept = unfinished_of(unfinished_scores(path)) if path else None
        self._file = kept.open('w+b') if kept else tempfile.TemporaryFile()  # noqa: SIM115
        try:
            self._write(as_line(['image', *metrics]))
            for file in earlier:
                for name, row in iterate_rows(file, metrics):
                    if self._number(name) is not None:
                        self.add(name, row)
            if kept:
                give_name(kept, unfinished_scores(path))
        except BaseException:
            self.close()
            if kept:
                kept.unlink(missing_ok=True)
            raise

    def __contains__(self, name: str) -> bool:
        number = self._number(name)
        return number is not None and self._places[number] != ABSENT

    def __len__(self) -> int:
        return len(self._places) - self._places.count(ABSENT)

    def add(self, name: str, row: Row) -> None:
        """Writes the row of one of the images."""
        self._places[self._number(name)] = self._file.seek(0, os.SEEK_END)
        self._write(as_line([name, *row.values()]))

    def finish(self) -> Row:
        """Writes the CSV file, with the mean as its last row, and removes the unfinished one.

        Returns:
            The mean of each score over the images that have a finite one; there is a warning of infinite ones.
        """
        running = RunningMean()
        if self.path is None or not len(self):
            for cells in self._rows():
                running.add(cells[0], as_row(cells, self.metrics))
        else:
            self._write_whole(running)
        if self.path:
            unfinished_scores(self.path).unlink()
        running.warn()
        return running.mean()

    def close(self) -> None:
        """Closes the file of rows; a run that is stopped can be resumed from it."""
        self._file.close()

    def _write_whole(self, running: RunningMean) -> None:
        whole = unfinished_of(self.path)
        try:
            with whole.open('w', encoding='utf-8', errors=BYTES, newline='') as file:
                file.write(as_line(['image', *self.metrics]))
                for cells in self._rows():
                    running.add(cells[0], as_row(cells, self.metrics))
                    file.write(as_line(cells))
                file.write(as_line([MEAN, *running.mean().values()]))
            give_name(whole, self.path)
        except BaseException:
            whole.unlink(missing_ok=True)
            raise

    def _rows(self) -> Iterator[list[str]]:
        """Name and scores of each image that has them, in order."""
        for place in self._places:
            if place != ABSENT:
                self._file.seek(place)
                yield next(csv.reader(iter(lambda: self._file.readline().decode(errors=BYTES), '')))

    def _number(self, name: str) -> int | None:
        number = bisect_left(self.names, name)
        return number if number < len(self.names) and self.names[number] == name else None

    def _write(self, line: str) -> None:
        self._file.write(line.encode(errors=BYTES))
        self._file.flush()


def unfinished_scores(path: Path) -> Path:
    """The file beside a CSV file that has its rows before all of them are there."""
    return path.with_name(f'{path.name}.unfinished')
