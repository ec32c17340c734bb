"""The arithmetic against the parity data, where it is at hand."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name('check_parity.py')


def run(*args) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(SCRIPT), *map(str, args)], capture_output=True, text=True)


def test_every_key_within_1e_4(shared):
    result = run(shared / 'parity/parity_224.npz')
    assert result.returncode == 0, result.stdout + result.stderr
    assert 'keys=24' in result.stdout.splitlines()[-1]


def test_a_small_tolerance_fails(shared):
    result = run(shared / 'parity/parity_224.npz', '--tolerance', '1e-9')
    assert result.returncode == 1 and 'ABOVE THE TOLERANCE' in result.stdout


def test_our_layout_is_the_published_one(shared):
    from mmdefusion.utils.reference_checkpoint import PRETRAINING_ONLY, build_fuser, to_reference

    layout = json.loads((shared / 'parity/reference_layout.json').read_text())
    ours = {name: list(value.shape) for name, value in to_reference(build_fuser('tiny').state_dict()).items()}
    expected = {
        name: shape for name, shape in layout.items() if not name.startswith((*PRETRAINING_ONLY, 'decoder_pos'))
    }
    assert ours == expected
