"""Tells whether anything that a hostile file asks for was done."""

import sys
import time
from pathlib import Path

MARK = 'canary-3f9c'  # in the name of everything that a hostile file should touch
WATCHED = (
    *('os.system', 'os.exec', 'os.posix_spawn', 'os.spawn', 'subprocess.Popen', 'open', 'os.mkdir', 'os.remove'),
    *('os.rename', 'os.rmdir', 'shutil.rmtree', 'shutil.copyfile', 'socket.connect', 'socket.getaddrinfo'),
    *('urllib.Request', 'cpython.run_command', 'cpython.run_file'),
)
HARMLESS = {'torch', 'collections', 'numpy', '_codecs', 'copyreg', 'mmengine', 'mmdefusion', 'pathlib'}


class Canary:
    """A file that must not appear, a folder that must stay, and Python's own reports of what was called.

    Args:
        folder: where both are put.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / MARK
        self.victim = folder / f'{MARK}-victim'
        self.victim.mkdir(parents=True)
        self.events: list[str] = []
        self.watching = False
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple) -> None:
        if not self.watching:
            return
        if event in WATCHED and MARK in repr(arguments):
            self.events.append(event)
        if event == 'pickle.find_class' and str(arguments[0]).split('.')[0] not in HARMLESS:
            self.events.append(f'{event} {arguments[0]}.{arguments[1]}')

    def __enter__(self) -> 'Canary':
        self.events.clear()
        self.watching = True
        return self

    def __exit__(self, *_: object) -> None:
        self.watching = False

    def fired(self) -> str:
        """What was done since, '' for nothing; all is put back as it was."""
        done, watching = [*self.events], self.watching
        if 'subprocess.Popen' in done:
            time.sleep(1)  # what was started may act late
        self.watching = False  # for what puts it back
        if self.file.exists():
            done.append('the file was made')
            self.file.rmdir() if self.file.is_dir() else self.file.unlink()
        if not self.victim.is_dir():
            done.append('the folder was removed')
            self.victim.mkdir()
        self.events.clear()
        self.watching = watching
        return ', '.join(done)
