"""Tools run as their user runs them, each in a process of its own, in which the libraries are imported already.

A process that starts from nothing spends about eight seconds on importing torch and the toolboxes, more than most
tests need for what they test. The fork server of Python's multiprocessing imports them once for each worker of the
tests; what it forks has run nothing yet. This package is not among them: a tool that lacks one of its imports fails.
"""

import atexit
import json
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

LIBRARIES = ['torch', 'torch.distributed', 'cv2', 'matplotlib.pyplot', 'mmengine.runner', 'mmdet.apis', 'mmseg.apis']


@cache
def _fork_server() -> multiprocessing.context.BaseContext:
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(LIBRARIES)
    return context


@cache
def _users_path() -> list[str]:
    """Where a process that pytest did not start looks for modules, the folder of the script aside."""
    code = 'import json, sys; print(json.dumps(sys.path[1:]))'
    return json.loads(subprocess.check_output([sys.executable, '-c', code], text=True))


def _become(command: list[str], path: list[str], folder: str, environment: dict[str, str], printed: list[Path]) -> None:
    for number, file in enumerate(printed, 1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv, sys.path = command, path
    try:
        runpy.run_path(command[0], run_name='__main__')
    finally:
        atexit._run_exitfuncs()  # what multiprocessing leaves out at the end of its processes


def run_tool(
    script: Path, *arguments: object, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess:
    """Run a script to its end.

    Args:
        script (Path): The script.
        arguments: Its arguments, turned into text.
        cwd (Path, optional): The folder that it runs in, this process's own if none is given.
        env (dict, optional): Environment variables beside those of this process. Those that a library reads while it
            is imported come too late.

    Returns:
        CompletedProcess: Its exit status, and as text what it wrote to stdout and to stderr.
    """
    command = [str(script), *map(str, arguments)]
    environment = os.environ | (env or {})
    path = [str(script.parent), *environment.get('PYTHONPATH', '').split(os.pathsep), *_users_path()]
    with tempfile.TemporaryDirectory() as folder:
        printed = [Path(folder, name) for name in ('stdout', 'stderr')]
        state = command, [part for part in path if part], str(cwd or Path.cwd()), dict(environment), printed
        process = _fork_server().Process(target=_become, args=state)
        process.start()
        try:
            process.join()
        finally:
            process.kill()
        texts = [file.read_text() if file.is_file() else '' for file in printed]
    return subprocess.CompletedProcess(command, process.exitcode, *texts)
