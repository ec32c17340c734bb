"""Hands hostile checkpoints to everything that reads one, and says what happened.

    python tests/reliability/hostile_checkpoints.py [--readers NAME ...] [--only TEXT] [--every N] [--root DIR]

Every file of the corpus (hostile_files.py) is written and given to every reader of the package and to every tool, in
this process. Good is an error of one line. Whatever a file asks for is noticed by a canary. Fails where anything was
run, where an error was not one of ours, and where a file took more than --seconds of CPU or --megabytes of memory.
--root hands them to the package and the tools of another checkout, such as an older version.
"""

import argparse
import contextlib
import io
import resource
import runpy
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

TESTS = Path(__file__).resolve().parents[1]
ALLOWANCE = 4 * 2**30  # bytes of address space, so that a bomb ends this process and not the machine
PATIENCE = 120  # seconds, for what never ends
# whose harm is in what they name beside the model: the runner's config on resuming, the base of a config
HARMLESS_TO_FUSERS = ('source: config that MMEngine runs on resuming', 'source: base')

Reader = Callable[[Path], object]


@dataclass
class Tally:
    """What one reader did with all files."""

    outcomes: Counter = field(default_factory=Counter)
    seconds: float = 0.0
    megabytes: float = 0.0
    wrong: list[str] = field(default_factory=list)


def library_readers(folder: Path) -> dict[str, Reader]:
    """Those of the package that there are in the version at hand."""
    from helpers.pretraining import TEACHER

    from mmdefusion.apis.fuser_loading import load_fuser
    from mmdefusion.models.teachers import MAETeacher

    readers: dict[str, Reader] = {
        'load_fuser': lambda path: load_fuser(str(path)),
        'teacher': lambda path: MAETeacher(str(path), arch=TEACHER).init_weights(),
    }
    with contextlib.suppress(ImportError):
        from mmdefusion.models.checkpoints.reading import read_checkpoint
        from mmdefusion.models.checkpoints.weights_fit import read_weights

        readers |= {'read_checkpoint': read_checkpoint, 'read_weights': read_weights}
    return readers


def tool_readers(folder: Path, root: Path) -> dict[str, Reader]:
    """Tools that end before they train."""
    import cv2
    import numpy as np
    from helpers.checkpoint_tools import CONVERTING, FUSING, TESTING, call_of
    from helpers.tools_in_process import chdir, forget_instances

    for name in ('vi', 'ir'):
        (folder / name).mkdir()
        for path in (folder / f'{name}.png', folder / name / 'a.png'):
            cv2.imwrite(str(path), np.full((48, 64, 3), 90, np.uint8))

    def run(tool: str, path: Path) -> None:
        forget_instances()
        script, arguments = call_of(tool, path, root)
        with patch.object(sys, 'argv', [str(script), *arguments]), chdir(folder):
            runpy.run_path(str(script), run_name='__main__')

    return {tool: lambda path, tool=tool: run(tool, path) for tool in FUSING | CONVERTING | TESTING}


def outcome_of(reader: Reader, path: Path) -> tuple[str, str]:
    """One of ``refused``, ``read`` and ``crashed``, and what was said."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), warnings.catch_warnings():
            warnings.simplefilter('ignore')
            reader(path)
    except SystemExit as stop:
        if not stop.code:
            return 'read', ''
        text = stop.code if isinstance(stop.code, str) else said.getvalue().strip().splitlines()[-1]
    except (OSError, ValueError) as error:
        text = str(error)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return 'crashed', f'{type(error).__name__}: {error}'
    else:
        return 'read', ''
    return ('refused' if text and '\n' not in text else 'crashed'), text


def peak(reset: bool = False) -> float:
    """Megabytes that this process has held at most since it was last asked to forget (Linux)."""
    if reset:
        Path('/proc/self/clear_refs').write_text('5')
    status = dict(line.split(':', 1) for line in Path('/proc/self/status').read_text().splitlines())
    return int(status['VmHWM'].split()[0]) / 1024


def held() -> float:
    return int(Path('/proc/self/statm').read_text().split()[1]) * resource.getpagesize() / 2**20


def judge(
    readers: dict[str, Reader], files: Iterable[tuple[str, Callable[[Path], object]]], canary, folder: Path, limits
) -> dict[str, Tally]:
    """Every file to every reader; ``limits`` has ``seconds`` and ``megabytes``."""
    tallies = {name: Tally() for name in readers}
    for number, (kind, write) in enumerate(files):
        path = folder / f'{number:04d}' / 'x.pth'
        path.parent.mkdir()
        write(path)
        assert not canary.fired(), f'{kind}: writing it ran it'
        size = path.stat().st_size / 2**20 if path.is_file() else 0.0
        for name, reader in readers.items():
            before, start = held(), time.process_time()
            peak(reset=True)
            signal.alarm(PATIENCE)
            with canary:
                outcome, text = outcome_of(reader, path)
            signal.alarm(0)
            seconds, megabytes = time.process_time() - start, peak() - before
            tally = tallies[name]
            ran = canary.fired()
            outcome = 'ran' if ran else outcome
            tally.outcomes[outcome] += 1
            tally.seconds, tally.megabytes = max(tally.seconds, seconds), max(tally.megabytes, megabytes)
            accepted = outcome == 'read' and name == 'load_fuser' and kind not in HARMLESS_TO_FUSERS
            if outcome in ('ran', 'crashed') or accepted:
                tally.wrong.append(f'{kind}: {outcome} {ran or text}'.replace('\n', ' ')[:240])
            if outcome == 'read' and kind in HARMLESS_TO_FUSERS:
                continue  # what the tool then does with a good network is its own time
            if seconds > limits.seconds or megabytes > limits.megabytes + 3 * size:
                tally.wrong.append(f'{kind}: {seconds:.1f} s, {megabytes:.0f} MB for {size:.1f} MB')
        if path.is_file() and not path.is_symlink():
            path.unlink()  # the corpus has some 500 MB
    return tallies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--readers', nargs='*', metavar='NAME', help='default: all; see --list')
    parser.add_argument('--list', action='store_true', help='name all readers and files, and stop')
    parser.add_argument('--only', default='', metavar='TEXT', help='files with this in their name')
    parser.add_argument('--every', type=int, default=1, metavar='N', help='each Nth of them (default: 1, all)')
    parser.add_argument('--root', type=Path, default=TESTS.parent, help='default: this checkout')
    parser.add_argument('--seconds', type=float, default=10.0, help='of CPU for a file (default: 10)')
    parser.add_argument(
        '--megabytes', type=float, default=512.0, help='for a file, beside 3 times its size (default: 512)'
    )
    args = parser.parse_args()
    sys.path[:0] = [str(args.root.resolve()), str(TESTS)]
    from reliability.canary import Canary
    from reliability.hostile_files import corpus

    def give_up(*_: object) -> None:
        raise TimeoutError(f'not ready after {PATIENCE} s')

    signal.signal(signal.SIGALRM, give_up)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        canary = Canary(folder / 'birds')
        readers = library_readers(folder) | tool_readers(folder, args.root.resolve())
        files = [(kind, write) for kind, write in corpus(canary) if args.only in kind][:: args.every]
        if args.list:
            print('\n'.join([*readers, '', *(kind for kind, _ in files)]))
            return
        if args.readers:
            readers = {name: readers[name] for name in args.readers}
        memory = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize() + ALLOWANCE
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        tallies = judge(readers, files, canary, folder, args)
    wrong = report(tallies, len(files))
    if wrong:
        raise SystemExit(f'{wrong} times something was wrong.')


def report(tallies: dict[str, Tally], count: int) -> int:
    """Prints a row for each reader; returns how much was wrong."""
    print(f'{count} files\n{"reader":52s}{"refused":>8s}{"read":>6s}{"crashed":>8s}{"ran":>5s}{"s":>7s}{"MB":>7s}')
    for name, tally in tallies.items():
        counts = [tally.outcomes[outcome] for outcome in ('refused', 'read', 'crashed', 'ran')]
        cells = ''.join(f'{value:{width}d}' for value, width in zip(counts, (8, 6, 8, 5), strict=True))
        print(f'{name:52s}{cells}{tally.seconds:7.1f}{tally.megabytes:7.0f}')
    for name, tally in tallies.items():
        for line in tally.wrong:
            print(f'{name}: {line}')
    return sum(len(tally.wrong) for tally in tallies.values())


if __name__ == '__main__':
    main()
