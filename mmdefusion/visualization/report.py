"""Reports as a single HTML file with text, tables and embedded images (NumPy and OpenCV only)."""

import base64
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from mmdefusion.utils.files import write_text
from mmdefusion.utils.names import shown

STYLE = """
:root { color-scheme: light dark; --ink: #1d2127; --soft: #5b6470; --paper: #fff; --line: #d9dee5; --best: #dff3e4 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7eb; --soft: #9aa4b0; --paper: #15181c; --line: #343a42; --best: #1e4029 }
}
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 76rem;
  margin: 2rem auto; padding: 0 1.2rem }
h1 { font-size: 1.8rem; line-height: 1.2 } h2 { font-size: 1.25rem; margin-top: 2.2rem }
p, li { max-width: 46rem }
figure { margin: 1.4rem 0; overflow-x: auto }
figcaption { color: var(--soft); font-size: .9rem; max-width: 46rem; margin-bottom: .5rem }
table { border-collapse: collapse }
table.data th, table.data td { padding: .3rem .8rem; border-bottom: 1px solid var(--line); text-align: right }
table.data th:first-child, table.data td:first-child { text-align: left }
table.data td.best { background: var(--best); font-weight: 650 }
table.data { font-variant-numeric: tabular-nums }
table.sheet th { font-weight: 500; font-size: .85rem; color: var(--soft); padding: .15rem .3rem; text-align: center }
table.sheet td { padding: 2px; vertical-align: top; font-size: .8rem; color: var(--soft) }
table.sheet img { display: block; border-radius: 3px }
span.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .35em }
span.name { margin-right: 1em }
"""


def as_markdown(text: str) -> str:
    """A text of one line without tags, images and cells of a table: names of files and classes come from strangers."""
    line = shown(' '.join(text.split()))
    return line.replace('&', '&amp;').replace('<', '&lt;').replace('![', r'!\[').replace('|', r'\|')


@dataclass(frozen=True)
class Table:
    """A table of numbers.

    Attributes:
        header: names of the columns.
        rows: one list per row; floats are written with ``digits`` digits, None as a dash, anything else as it is.
        caption: description of the table.
        best: maps columns to 'max' or 'min'; the best number of such a column is highlighted (ties too).
        digits: digits after the decimal point.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str | float | None]]
    caption: str = ''
    best: dict[int, str] = field(default_factory=dict)
    digits: int = 1

    def html(self) -> str:
        """The table in HTML.

        Raises:
            ValueError: if a row is not as long as the header.
        """
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(
                    f'row {list(row)} has {len(row)} cells under {len(self.header)} names: give one for each.'
                )
        best = {column: self._best(column, max if which == 'max' else min) for column, which in self.best.items()}
        head = ''.join(f'<th>{html.escape(name)}</th>' for name in self.header)
        body = ''.join(f'<tr>{self._cells(row, best)}</tr>\n' for row in self.rows)
        return _figure(self.caption, f'<table class="data"><tr>{head}</tr>\n{body}</table>')

    def text(self) -> str:
        """The table as text for a terminal."""
        rows = [[*map(shown, row)] for row in (self.header, *(map(self._text, row) for row in self.rows))]
        widths = [max(len(row[i]) for row in rows) for i in range(len(self.header))]
        first, *others = widths
        lines = ['  '.join([row[0].ljust(first), *map(str.rjust, row[1:], others)]) for row in rows]
        return '\n'.join([*([self.caption] if self.caption else []), lines[0], '-' * len(lines[0]), *lines[1:]])

    def markdown(self) -> str:
        """The table in Markdown."""
        head, *rows = ([*map(as_markdown, row)] for row in (self.header, *(map(self._text, row) for row in self.rows)))
        lines = ['| ' + ' | '.join(row) + ' |' for row in (head, ['---', *['---:'] * (len(head) - 1)], *rows)]
        return '\n'.join([*([self.caption, ''] if self.caption else []), *lines, ''])

    def _text(self, cell: str | float | None) -> str:
        if cell is None:
            return '–'
        return f'{cell:.{self.digits}f}' if isinstance(cell, float) else str(cell)

    def _best(self, column: int, choose: Callable) -> str | None:
        numbers = [row[column] for row in self.rows if isinstance(row[column], (int, float))]
        return self._text(choose(numbers)) if len(numbers) > 1 else None

    def _cells(self, row: Sequence, best: dict[int, str | None]) -> str:
        texts = [self._text(cell) for cell in row]
        marks = [' class="best"' if best.get(i) == text else '' for i, text in enumerate(texts)]
        return ''.join(f'<td{mark}>{html.escape(text)}</td>' for mark, text in zip(marks, texts, strict=True))


@dataclass(frozen=True)
class Picture:
    """An image, H×W or H×W×3 uint8 BGR, with a note below it."""

    image: np.ndarray
    note: str = ''

    def html(self, width: int) -> str:
        """The embedded image in HTML, ``width`` pixels wide on the page."""
        done, data = cv2.imencode('.jpg', self.image, [cv2.IMWRITE_JPEG_QUALITY, 92])
        if not done:
            raise ValueError(
                f'image of {self.image.shape} {self.image.dtype} cannot be encoded: give 8-bit grey or BGR.'
            )
        source = f'data:image/jpeg;base64,{base64.b64encode(data).decode()}'
        note = html.escape(self.note)
        return f'<img src="{source}" width="{width}" alt="{note or "picture"}">{note}'


@dataclass(frozen=True)
class Sheet:
    """Rows of images.

    Attributes:
        rows: images, or :class:`Picture` for an image with a note; None leaves a gap.
        columns: names over the columns.
        row_names: names beside the rows.
        caption: description of the sheet.
        legend: RGB colour by name, for masks and boxes.
        width: width of each image on the page in pixels.
    """

    rows: Sequence[Sequence[Picture | np.ndarray | None]]
    columns: Sequence[str] = ()
    row_names: Sequence[str] = ()
    caption: str = ''
    legend: dict[str, Sequence[int]] = field(default_factory=dict)
    width: int = 200

    def html(self) -> str:
        """The sheet in HTML, as a table of embedded images."""
        corner = ['<th></th>'] if self.row_names else []
        lines = [''.join(corner + [f'<th>{html.escape(name)}</th>' for name in self.columns])] if self.columns else []
        for i, row in enumerate(self.rows):
            cells = [f'<th>{html.escape(self.row_names[i])}</th>'] if self.row_names else []
            cells += [f'<td>{self._cell(picture)}</td>' for picture in row]
            lines.append(''.join(cells))
        keys = ''.join(
            '<span class="name"><span class="key" '
            f'style="background: rgb{tuple(int(c) for c in colour)}"></span>{html.escape(name)}</span> '
            for name, colour in self.legend.items()
        )
        body = ''.join(f'<tr>{line}</tr>\n' for line in lines)
        return _figure(self.caption, f'<table class="sheet">{body}</table>', f'<br>{keys}' if keys else '')

    def _cell(self, picture: Picture | np.ndarray | None) -> str:
        if picture is None:
            return ''
        return (picture if isinstance(picture, Picture) else Picture(picture)).html(self.width)


@dataclass
class Report:
    """A page: a title and, in order, paragraphs (str), headings (str that starts with '# '), tables and sheets."""

    title: str
    parts: list[str | Table | Sheet] = field(default_factory=list)

    def html(self) -> str:
        """The page in HTML."""
        title = html.escape(self.title)
        body = '\n'.join(_text(part) if isinstance(part, str) else part.html() for part in self.parts)
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<title>{title}</title><style>{STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n{body}\n</body></html>\n'
        )

    def save(self, path: str | Path) -> Path:
        """Writes the page; makes its folder."""
        return write_text(path, self.html())


def _text(text: str) -> str:
    return f'<h2>{html.escape(text[2:])}</h2>' if text.startswith('# ') else f'<p>{html.escape(text)}</p>'


def _figure(caption: str, body: str, legend: str = '') -> str:
    words = f'<figcaption>{html.escape(caption)}{legend}</figcaption>' if caption or legend else ''
    return f'<figure>{words}{body}</figure>'
