import subprocess
import sys
import time

import pytest
import torch

from mmdefusion.utils.measuring import measure


@pytest.mark.skipif(sys.platform != 'linux', reason='peak memory is read from /proc')
def test_peak_memory_sees_what_was_freed_again():
    """In a process of its own: what other tests freed would blur the numbers."""
    code = """
import torch
from mmdefusion.utils.measuring import PeakMemory
memory = PeakMemory(torch.device('cpu'))
memory.reset()
before = memory.read()
block = torch.ones(256 * 2**20, dtype=torch.uint8)
del block
held = memory.read() - before
memory.reset()
print(held // 2**20, (memory.read() - before) // 2**20)
"""
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    held, left = map(int, result.stdout.split())
    assert held > 200 and left < 100


@pytest.mark.skipif(sys.platform != 'linux', reason='peak memory is read from /proc')
def test_processor_time_is_no_waiting():
    runs = []
    waited = measure(lambda: runs.append(time.sleep(0.05)), 3, torch.device('cpu'))
    assert len(runs) == 4 and waited.seconds >= 0.05 > 2 * waited.cpu_seconds
    busy = measure(lambda: sum(range(10**6)), 3, torch.device('cpu'))
    assert busy.cpu_seconds > 0.001 and busy.peak_bytes > 10**7


def test_what_is_left_of_the_warm_up_does_not_count(monkeypatch):
    """A GPU runs behind the program: here a call is done once it was waited for."""
    events = []
    monkeypatch.setattr(torch.cuda, 'synchronize', lambda device: events.append('waited'))
    monkeypatch.setattr(torch.cuda, 'reset_peak_memory_stats', lambda device: events.append('reset'))
    monkeypatch.setattr(torch.cuda, 'max_memory_allocated', lambda device: 7)
    found = measure(lambda: events.append('run'), 2, torch.device('cuda'))
    assert found.peak_bytes == 7
    assert events == ['run', 'waited', 'reset', 'run', 'waited', 'run', 'waited']
