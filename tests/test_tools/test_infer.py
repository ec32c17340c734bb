"""What infer.py prints, without a model."""

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / 'tools/infer.py'
CODE = r"""
import runpy, sys, warnings
import mmdefusion.apis

def predict(*sources, **options):
    assert not options['keep']  # a long series would not fit into memory
    assert (options['resume'], options['shard']) == (True, '1/4')
    warnings.warn('evil\x1b[2J has no partner')
    return dict(count=2)

mmdefusion.apis.open_paired = lambda *_, **__: predict
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
"""


def test_names_of_files_write_no_escapes_to_a_terminal():
    command = [sys.executable, '-c', CODE, TOOL, 'config.py', 'x.pth', 'vi', 'ir', '--out-dir', 'found']
    command += ['--resume', '--shard', '1/4']
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stderr == 'evil\\x1b[2J has no partner\n'
    assert result.stdout == '2 pairs: found/vis, found/preds\n'
