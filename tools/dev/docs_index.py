"""Lists the versions of the documentation that were built side by side, newest first: DIR/index.html.

    python tools/dev/docs_index.py work_dirs/docs

`make docs` builds the site of the checked-out version into a folder of its name and then runs this; the sites of other
versions stay where they are.
"""

import argparse
from pathlib import Path

from mmengine.utils import digit_version

from mmdefusion.utils.files import write_text
from mmdefusion.utils.options import interrupted_in_a_line

PAGE = """\
<!doctype html>
<html lang="en"><meta charset="utf-8"><title>mmdefusion: versions of the documentation</title>
<body style="font-family: sans-serif; margin: 3em"><h1>mmdefusion</h1><ul>
{items}
</ul></body></html>
"""


def versions(folder: Path) -> list[str]:
    """Names of the folders with a site, newest version first."""
    return sorted((page.parent.name for page in folder.glob('[0-9]*/index.html')), key=digit_version, reverse=True)


@interrupted_in_a_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', type=Path, help='folder with one site for each version')
    folder = parser.parse_args().folder
    if not (found := versions(folder)):
        raise SystemExit(f'{folder} holds no site of a version: run `make docs`.')
    items = '\n'.join(f'<li><a href="{name}/index.html">version {name}</a></li>' for name in found)
    print(write_text(folder / 'index.html', PAGE.format(items=items)))


if __name__ == '__main__':
    main()
