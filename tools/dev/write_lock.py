"""Writes the exact versions of an environment and the hashes of their files, for `make env LOCK=FILE`.

    python tools/dev/write_lock.py [--out FILE]

Takes what is installed beside the Python that runs it, and asks pip where each of them would come from today and what
the file's hash is; nothing is installed. Such a list holds for one Python and one platform, so they are in its name.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from mmdefusion.utils.files import write_text
from mmdefusion.utils.options import interrupted_in_a_line

ROOT = Path(__file__).resolve().parents[2]
OURS = 'mmdefusion'
HEADER = (
    '# Exact versions and the hashes of their files: make env LOCK={name}\n'
    '# Written by tools/dev/write_lock.py from an environment that passed `make test`.\n'
)


@interrupted_in_a_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, help='default: requirements/locks/PYTHON-PLATFORM-TORCH.txt')
    args = parser.parse_args()
    pinned = [line for line in pip('freeze', '--all', '--exclude-editable').splitlines() if not line.startswith(OURS)]
    out = args.out or ROOT / 'requirements/locks' / f'{platform_name(pinned)}.txt'
    lines = sorted(f'{name}=={version} --hash=sha256:{digest}' for name, version, digest in origins(pinned))
    write_text(
        out, HEADER.format(name=out.relative_to(ROOT) if out.is_relative_to(ROOT) else out) + '\n'.join(lines) + '\n'
    )
    print(f'{out}: {len(lines)} packages')


def pip(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, '-m', 'pip', *arguments], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def platform_name(pinned: list[str]) -> str:
    """As 'cp311-linux-x86_64-cpu': the last word is torch's build."""
    (torch,) = (line for line in pinned if line.startswith('torch=='))
    build = torch.partition('+')[2] or 'default'
    return f'cp{sys.version_info.major}{sys.version_info.minor}-{sys.platform}-{platform.machine()}-{build}'


def origins(pinned: list[str]) -> list[tuple[str, str, str]]:
    """Name, version and SHA-256 of the file that pip would install of each pinned package."""
    with tempfile.TemporaryDirectory() as folder:
        asked, report = Path(folder, 'asked.txt'), Path(folder, 'report.json')
        write_text(asked, '\n'.join(pinned))
        # mmcv's source looks for torch, which an isolated build would not find
        dry = ('install', '--dry-run', '--ignore-installed', '--no-deps', '--no-build-isolation', '--quiet')
        pip(*dry, '--report', str(report), '-r', str(asked))
        found = json.loads(report.read_text())['install']
    return [
        (
            item['metadata']['name'].lower(),
            item['metadata']['version'],
            item['download_info']['archive_info']['hashes']['sha256'],
        )
        for item in found
    ]


if __name__ == '__main__':
    main()
