"""Finds the error in the log of a failed process."""

import re
import signal
from pathlib import Path

TAIL = 2**16  # bytes at the end of a log that are searched
RANK = re.compile(r'^\[rank\d+\]:\s?')  # torch's prefix for the lines of each process
ERROR = re.compile(r'^(?:\w+\.)*\w*(?:Error|Exception|Interrupt|Exit|StopIteration)\b(?:: |$)')
LAUNCHERS = 'ChildFailedError'  # torchrun's own error, which follows that of the process


def find_error(log: Path, status: int) -> str:
    """Finds the error that ended a process.

    Args:
        log: output of the process.
        status: its exit status; negative if a signal ended it.

    Returns:
        The last line that names an exception, or else the last line; or the name of the signal.
    """
    if status < 0:
        return f'ended by {signal.Signals(-status).name}'
    with log.open('rb') as file:
        file.seek(max(0, log.stat().st_size - TAIL))
        text = file.read().decode(errors='replace')
    lines = [RANK.sub('', line).rstrip() for line in text.splitlines()]
    errors = [line for line in lines if ERROR.match(line) and LAUNCHERS not in line]
    return (errors or [line for line in lines if line.strip()] or [f'exit status {status}'])[-1]
