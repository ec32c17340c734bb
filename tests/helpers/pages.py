"""The code blocks and headings of the documentation's pages."""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
NOT_RUN = re.compile(r'<!-- not run: (.+?) -->\s*$', re.DOTALL)
FENCE = re.compile(
    r'^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<code>.*?)^(?P=indent)```\s*$', re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    code: str
    reason: str | None  #: why it is not run, from the comment above it

    @property
    def name(self) -> str:
        return f'{self.page.relative_to(ROOT)}:{self.line}'


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page."""
    text, found = page.read_text(encoding='utf-8'), []
    for match in FENCE.finditer(text):
        reason = NOT_RUN.search(text[: match.start()].rstrip(' '))
        line = text[: match.start()].count('\n') + 1
        code = re.sub(rf'^{match["indent"]}', '', match['code'], flags=re.MULTILINE)
        found.append(Block(page, line, match['language'].strip(), code, reason and reason[1]))
    return found


@cache
def slugs(page: Path) -> set[str]:
    """The anchors of the headings of a page, as GitHub and MyST make them."""
    found: set[str] = set()
    text = re.sub(r'```.*?```', '', page.read_text(encoding='utf-8'), flags=re.DOTALL)
    for heading in re.findall(r'^#+ (.+)$', text, re.MULTILINE):
        plain = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', heading).replace('`', '').lower()
        slug = re.sub(r'[^\w\u4e00-\u9fff\- ]', '', plain).replace(' ', '-')
        number = sum(
            other == slug or (other.startswith(f'{slug}-') and other[len(slug) + 1 :].isdigit()) for other in found
        )
        found.add(f'{slug}-{number}' if slug in found else slug)
    return found
