"""Spoilt files through every reader: a result or the reader's own error, nothing else.

    python tests/reliability/fuzz_readers.py [--readers png coco ...] [--mutations 10000] [--keep]

Each reader runs in a process of its own, which may take 1 GiB of memory more than it had at the start and 10 seconds a
file. What goes wrong is printed with its seed; --keep puts the file into corpus/, whose files the tests read again.
"""

import argparse
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from mutations import mutate
from readers import NAMES, Reader, make_readers

CORPUS = Path(__file__).parent / 'corpus'
SECONDS = 10
MEMORY = 2**30
MAX_PIXELS = '1000000'  # a whole image of that size is decoded in milliseconds


def run_one(reader: Reader, content: bytes, folder: Path) -> tuple[str, str]:
    """'read', 'refused' or 'failed', and of the latter the trace."""
    path = folder / reader.name
    path.write_bytes(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            reader.read(path)
    except reader.allowed:
        return 'refused', ''
    except BaseException:
        return 'failed', traceback.format_exc()
    return 'read', ''


def _work(name: str, contents: Iterable[tuple[int, bytes | None]], pipe) -> None:
    """Reads files in a process of its own; says which one before each, since one may end the process."""
    os.environ['MMDEFUSION_MAX_PIXELS'] = MAX_PIXELS
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)  # decoders write to the terminal
    with tempfile.TemporaryDirectory() as folder:
        reader = make_readers(Path(folder), [name])[name]
        for base in reader.bases:
            assert run_one(reader, base, Path(folder))[0] == 'read', f'{name}: a whole file is not read'
        held = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
        start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for seed, content in contents:
            if content is None:
                draws = np.random.default_rng([seed, len(name)])
                content = mutate(reader.bases, draws, reader.text)
            pipe.send(('begin', seed, content))
            signal.setitimer(signal.ITIMER_PROF, SECONDS)  # of the processor: others may keep the machine busy
            signal.alarm(12 * SECONDS)  # for what waits and does nothing
            began = time.perf_counter()
            verdict, trace = run_one(reader, content, Path(folder))
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.alarm(0)
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start
            pipe.send((verdict, trace, time.perf_counter() - began, grown))
    pipe.send(('end', '', 0.0, 0))


def fuzz(
    name: str, seeds: range = range(0), files: Iterable[Path] = (), keep: bool = False
) -> tuple[Counter, list[str]]:
    """Counts of what happened ('slowest' in milliseconds, 'grown' in MB), and a line for each failure."""
    waiting = [(seed, None) for seed in seeds] + [(-1, path.read_bytes()) for path in files]
    counts, failures = Counter(), []
    while waiting:
        here, there = multiprocessing.Pipe()
        process = multiprocessing.get_context('fork').Process(target=_work, args=(name, waiting, there))
        process.start()
        there.close()
        done = 0
        while True:
            try:
                message = here.recv()
            except EOFError:
                break
            if message[0] == 'begin':
                _, seed, content = message
                continue
            verdict, trace, seconds, grown = message
            if verdict == 'end':
                break
            done += 1
            counts[verdict] += 1
            counts['slowest'] = max(counts['slowest'], round(seconds * 1000))
            counts['grown'] = max(counts['grown'], grown // 1024)
            if verdict == 'failed':
                failures.append(_note(name, seed, content, trace.strip().splitlines()[-1], trace, keep))
        process.join()
        waiting = waiting[done:]
        if waiting and process.exitcode not in (0, None):
            if done == 0 and 'seed' not in locals():
                raise RuntimeError(f'{name}: the process ended before the first file ({process.exitcode})')
            why = (
                f'hung for {SECONDS} s'
                if -process.exitcode in (signal.SIGALRM, signal.SIGPROF)
                else f'ended by {process.exitcode}'
            )
            counts['failed'] += 1
            failures.append(_note(name, seed, content, why, '', keep))
            waiting = waiting[1:]
    return counts, failures


def _note(name: str, seed: int, content: bytes, why: str, trace: str, keep: bool) -> str:
    if keep:
        (CORPUS / name).mkdir(parents=True, exist_ok=True)
        (CORPUS / name / f'{seed}.bin').write_bytes(content)
    return f'{name}, seed {seed}, {len(content)} bytes: {why}\n{trace}'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--readers', nargs='+', choices=NAMES, default=NAMES)
    parser.add_argument('--mutations', type=int, default=10_000, help='of each reader (default: 10000)')
    parser.add_argument('--seed', type=int, default=0, help='of the first one (default: 0)')
    parser.add_argument('--keep', action='store_true', help='put files that fail into corpus/')
    args = parser.parse_args()
    failed = 0
    for name in args.readers:
        start = time.perf_counter()
        counts, failures = fuzz(name, range(args.seed, args.seed + args.mutations), keep=args.keep)
        failed += len(failures)
        words = f'{counts["read"]} read, {counts["refused"]} refused, {counts["failed"]} failed'
        cost = f'slowest {counts["slowest"]} ms, memory +{counts["grown"]} MB'
        print(f'{name}: {words}; {cost}; {time.perf_counter() - start:.0f} s', flush=True)
        for line in failures[:5]:
            print(line, flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
