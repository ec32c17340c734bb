"""Writes the pages of the documentation's site that are made of something else: docs/generated, before Sphinx reads it.

    python tools/dev/docs_pages.py        # docs/conf.py does the same

`commands.md` has the help of every tool, as its parser gives it; `api/ROOM.md` names the modules of a room, whose
docstrings Sphinx reads; pages outside docs/, such as the READMEs of configs/, are copied, with links that fit.
"""

import argparse
import os
import re
import runpy
import shutil
import sys
from pathlib import Path
from unittest.mock import patch

from mmdefusion import _HOMES as HOMES
from mmdefusion.utils.files import write_text
from mmdefusion.utils.options import interrupted_in_a_line

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / 'docs'
OUT = DOCS / 'generated'
LINK = re.compile(r'(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<path>[^)#\s]*)(?P<anchor>#[^)\s]*)?\)')
FENCE = re.compile(r'^```.*?^```', re.MULTILINE | re.DOTALL)
OUTSIDE = ('CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'mmdefusion/weights/README.md')
WIDTH = 100  # characters of a line of help


class FoundParser(BaseException):
    """Carries a parser out of a tool, before it parses; a tool that catches Exception does not catch it."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser


def tools() -> list[Path]:
    """Every tool of the user, in the order of their paths."""
    found = sorted((ROOT / 'tools').rglob('*.py'), key=lambda path: (len(path.parts), path))
    return [path for path in found if 'dev' not in path.parts]


def read_parser(script: Path) -> argparse.ArgumentParser:
    """The parser of a tool, which is run until it would parse its arguments.

    Raises:
        ValueError: if the tool ends without a parser.
    """

    def found(parser: argparse.ArgumentParser, *_: object) -> None:
        raise FoundParser(parser)

    search = [str(script.parent), *sys.path]
    with (
        patch.object(argparse.ArgumentParser, 'parse_args', found),
        patch.object(sys, 'argv', [str(script.relative_to(ROOT))]),
        patch.object(sys, 'path', search),
    ):
        try:
            runpy.run_path(str(script), run_name='__main__')
        except FoundParser as carried:
            return carried.parser
    raise ValueError(f'{script} parses no arguments.')


def write_commands() -> None:
    """Writes the help of all tools."""
    parts = ['# Commands\n\nWhat `--help` of each tool says.\n']
    with patch.dict(os.environ, {'COLUMNS': str(WIDTH)}):
        for script in tools():
            text = (
                read_parser(script).format_help().replace(f'{script.name} ', f'python {script.relative_to(ROOT)} ', 1)
            )
            parts.append(f'## {script.relative_to(ROOT)}\n\n```text\n{text.strip()}\n```\n')
    write_text(OUT / 'commands.md', '\n'.join(parts))


def rooms() -> dict[str, list[str]]:
    """The modules of each room; those of ``models``, ``datasets`` and ``evaluation`` have rooms inside."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / 'mmdefusion').rglob('*.py')):
        parts = path.relative_to(ROOT).with_suffix('').parts
        if parts[-1] in ('__init__', '__main__') or len(parts) < 3:
            continue
        inner = parts[1] in ('models', 'datasets', 'evaluation', 'engine') and len(parts) > 3
        found.setdefault('.'.join(parts[: 3 if inner else 2]), []).append('.'.join(parts))
    return found


def write_api() -> None:
    """Writes a page for each room, and their index."""
    for room, modules in rooms().items():
        parts = [f'# {room}\n']
        for name in modules:
            directive = f'.. automodule:: {name}\n   :members:\n   :show-inheritance:'
            parts.append(f'## {name.removeprefix(f"{room}.")}\n\n```{{eval-rst}}\n{directive}\n```\n')
        write_text(OUT / f'api/{room}.md', '\n'.join(parts))
    names = '\n'.join(rooms())
    offered = '\n'.join(f'| `{name}` | `mmdefusion.{home}` |' for name, home in HOMES.items())
    table = f'What `import mmdefusion` offers:\n\n| name | from |\n|---|---|\n{offered}\n'
    words = 'One page for each [room](../../house.md).'
    write_text(OUT / 'api/index.md', f'# Python\n\n{table}\n{words}\n\n```{{toctree}}\n{names}\n```\n')


def outside_pages() -> dict[Path, Path]:
    """The copy of each page outside docs/."""
    found = [*(ROOT / name for name in OUTSIDE), *sorted((ROOT / 'configs').glob('*/README.md'))]
    return {
        path: OUT / 'outside' / ('-'.join(path.relative_to(ROOT).with_suffix('').parts) + '.md')
        for path in found
        if path.is_file()
    }


def fit_links(text: str, page: Path, place: Path) -> str:
    """The text of a page with links that lead to what the site has; links to other files become plain text.

    Args:
        text: in Markdown.
        page: path of the page in the repository, which its links are relative to.
        place: path of the page in the site.
    """
    copies = outside_pages()

    def fit(match: re.Match) -> str:
        path, anchor = match['path'], match['anchor'] or ''
        if not path or '://' in path or path.startswith('mailto:'):
            return match[0]
        target = (page.parent / path).resolve()
        target = target / 'README.md' if target / 'README.md' in copies else target
        target = copies.get(target, target)
        if target.is_relative_to(DOCS):
            return f'{match["image"]}[{match["text"]}]({os.path.relpath(target, place.parent)}{anchor})'
        return f'{match["text"]} (`{target.relative_to(ROOT)}`)' if target.exists() else match[0]

    # fenced code is left as it is
    pieces, last = [], 0
    for code in FENCE.finditer(text):
        pieces += [LINK.sub(fit, text[last : code.start()]), code[0]]
        last = code.end()
    return ''.join([*pieces, LINK.sub(fit, text[last:])])


def write_pages() -> None:
    """Writes all generated pages anew."""
    shutil.rmtree(OUT, ignore_errors=True)
    write_commands()
    write_api()
    for page, copy in outside_pages().items():
        write_text(copy, fit_links(page.read_text(encoding='utf-8'), page, copy))


@interrupted_in_a_line()
def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    write_pages()
    print(OUT.relative_to(ROOT))


if __name__ == '__main__':
    main()
