import re
from pathlib import Path

import pytest
from helpers.warm_process import run_tool

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
TOOL = Path(__file__).resolve().parents[2] / 'tools/analysis_tools/benchmark_loading.py'


def test_a_line_for_each_toolbox():
    result = run_tool(TOOL, '--size', '96x64', '--pairs', '2', '--repeats', '1')
    assert result.returncode == 0, result.stderr
    lines = [line for line in result.stdout.splitlines() if 'pairs/s' in line]
    assert [line.split(',')[0] for line in lines] == ['detection', 'segmentation']
    for line, toolbox in zip(lines, ('mmdet', 'mmseg'), strict=True):
        rates = r'96x64: \d+ pairs/s and core, \d+ single images/s as ' + toolbox
        assert re.search(rates + r' loads them: [\d.]+ times the time', line)
