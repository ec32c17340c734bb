"""Lists of exact versions with hashes (requirements/locks): whole, and what requirements/*.txt allow."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOCKS = sorted((ROOT / 'requirements/locks').glob('*.txt'))
LINE = re.compile(r'(?P<name>[a-z0-9._-]+)==(?P<version>\S+) --hash=sha256:[0-9a-f]{64}')
# what `make env` installs: tools/dev/install_env.sh
INSTALLED = ('build', 'runtime', 'torch', 'toolboxes', 'export', 'web', 'hub', 'docs', 'tests', 'lint')


def normalised(name: str) -> str:
    return re.sub(r'[-_.]+', '-', name).lower()


def versions(lock: Path) -> dict[str, str]:
    lines = [line for line in lock.read_text().splitlines() if not line.startswith('#')]
    matches = [LINE.fullmatch(line) for line in lines]
    assert all(matches), [line for line, match in zip(lines, matches, strict=True) if not match]
    return {normalised(match['name']): match['version'] for match in matches}


def wanted() -> list[Requirement]:
    lines = (line.split('#')[0].strip() for name in INSTALLED for line in (ROOT / f'requirements/{name}.txt').open())
    return [Requirement(line) for line in lines if line]


@pytest.mark.parametrize('lock', LOCKS, ids=lambda lock: lock.stem)
def test_they_have_what_is_required(lock):
    pinned = versions(lock)
    wrong = [str(one) for one in wanted() if pinned.get(normalised(one.name), '0') not in one.specifier]
    assert LOCKS and not wrong, f'{lock.name} lacks {wrong}: renew it (tools/dev/write_lock.py)'


def test_the_set_up_takes_what_the_lists_cover():
    """Another extra in the set-up would be installed past the lists."""
    extras = re.search(r"-e '\.\[(.+)\]'", (ROOT / 'tools/dev/install_env.sh').read_text()).group(1).split(',')
    assert {*extras, 'build', 'runtime', 'torch'} == set(INSTALLED)


def test_another_file_of_that_version_is_refused(tmp_path):
    """By pip, with the options of the set-up: nothing is unpacked."""
    wheel = tmp_path / 'nothing-1.0-py3-none-any.whl'
    shutil.make_archive(str(tmp_path / 'empty'), 'zip', ROOT / 'requirements')
    (tmp_path / 'empty.zip').rename(wheel)
    (tmp_path / 'lock.txt').write_text(f'nothing==1.0 --hash=sha256:{"0" * 64}\n')
    options = (
        '--require-hashes',
        '--no-deps',
        '--no-index',
        '--find-links',
        str(tmp_path),
        '--target',
        str(tmp_path / 'site'),
    )
    command = [sys.executable, '-m', 'pip', 'install', *options, '-r', str(tmp_path / 'lock.txt')]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode and 'DO NOT MATCH THE HASHES' in done.stderr
    assert '--require-hashes --no-deps' in (ROOT / 'tools/dev/install_env.sh').read_text()
