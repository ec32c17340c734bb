import sys
from pathlib import Path

import pytest
import torch
from benchmark_speed import FusedFeatures, OneAfterTheOther
from helpers.warm_process import run_tool

TOOL = Path(__file__).resolve().parents[2] / 'tools/analysis_tools/benchmark_speed.py'


def test_both_forms_compute_the_same():
    ours, plain = FusedFeatures('tiny').eval(), OneAfterTheOther('tiny').eval()
    plain.load_state_dict(ours.state_dict())
    pair = torch.randn(1, 6, 32, 48)
    torch.testing.assert_close(ours(pair), plain(pair))


@pytest.mark.skipif(sys.platform != 'linux', reason='peak memory is read from /proc')
def test_one_line_for_each_size_and_the_training_step():
    options = '--sizes', 32, 48, '--train-size', 32, '--repeats', 1, '--device', 'cpu'
    result = run_tool(TOOL, *options)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [line.split('  ')[0] for line in lines[2:]] == ['features 32x32', 'features 48x48', 'training step 32']
    assert all(line.count('MiB') == 2 and line.endswith('x') for line in lines[2:])
