import re
from pathlib import Path

from helpers.warm_process import run_tool

TOOL = Path(__file__).resolve().parents[2] / 'tools/analysis_tools/benchmark_search.py'


def test_every_step_is_measured(tmp_path):
    result = run_tool(TOOL, '--pairs', 30, '--keep', tmp_path)
    assert result.returncode == 0, result.stderr
    found = re.findall(r'^ +30 pairs, (.+?) {2,}(\d+\.\d+) s +(\d+\.\d+) MiB', result.stdout, re.M)
    names = ['fuse --resume', 'eval --resume', 'PairedCocoDataset', 'PairedSegDataset', 'PairFolders']
    assert [name for name, *_ in found] == [*names, 'PairFolders, tar']
    assert (tmp_path / '30/vi/000029.png').samefile(tmp_path / '30/ir/../vi/000000.png')
    rows = (tmp_path / '30/again.csv').read_text().splitlines()
    assert len(rows) == 32 and rows[8].startswith('000007,1.000000,')  # all rows were kept
