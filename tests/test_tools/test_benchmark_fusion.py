import sys
from pathlib import Path

import pytest
from helpers.pretraining import write_fuser
from helpers.warm_process import run_tool

TOOL = Path(__file__).resolve().parents[2] / 'tools/analysis_tools/benchmark_fusion.py'


def run(*arguments: str) -> list[str]:
    result = run_tool(TOOL, *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != 'linux', reason='peak memory is read from /proc')
def test_4k_stays_within_4_gib(tmp_path):
    """Of three channels, with a small network: most of the memory is for pictures, whose size decides."""
    options = ['--task', 'mef', '--weights', write_fuser(tmp_path / 'fuser.pth'), '--device', 'cpu']
    *_, line = run('fuse', '--sizes', '3840x2160', '--repeats', '1', *options)
    mebibytes = [float(part.split()[-1]) for part in line.split('MiB')[:-1]]
    assert line.split()[0] == '3840x2160' and len(mebibytes) == 2 and 500 < min(mebibytes) <= max(mebibytes) < 4096


@pytest.mark.slow
def test_a_line_for_each_protocol_and_the_plain_loop():
    pytest.importorskip('skimage', reason='scikit-image is needed for the comparison')
    pytest.importorskip('sklearn', reason='scikit-learn is needed for the comparison')
    lines = run('score', '--size', '96x80', '--pairs', '2')
    assert [line.split('  ')[0] for line in lines[2:]] == ['plain loop', 'vifb', 'gray', 'extra', 'targets', 'all']


@pytest.mark.slow
def test_video():
    *_, speed, noise = run('video', '--size', '64x48', '--frames', '3')
    assert 'frames/s' in speed and 0 <= float(noise.split()[1]) < 20
