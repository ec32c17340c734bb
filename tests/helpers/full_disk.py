"""A disk that is full, for a process of its own."""

import subprocess
import sys
import textwrap

LIMIT = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
"""


def run_on_full_disk(limit: int, code: str) -> subprocess.CompletedProcess:
    """Runs ``code`` where every file ends, and every write fails, at ``limit`` bytes."""
    code = LIMIT.format(limit=limit) + textwrap.dedent(code)
    return subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
