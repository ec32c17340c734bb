"""Runs works at several sizes, and puts what was found into a table, a file and a plot."""

import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from mmdefusion.utils.files import write_image, write_text
from mmdefusion.visualization.plots import plot_curves

from .rivals import RIVALS
from .timing import Clock, Timing, time_in_turn
from .works import WORKS, prepare


@dataclass(frozen=True)
class Result:
    """What the forms of one work took at one size.

    Attributes:
        work, size, batch: what was timed.
        timings: by the names of the forms.
        differences: largest difference of a form's result from ours, relative to the largest value; None in training,
            where forms sample differently.
    """

    work: str
    size: tuple[int, int]
    batch: int
    timings: dict[str, Timing]
    differences: dict[str, float] | None

    def speedup(self, form: str = 'ours', over: str = 'textbook') -> float:
        """How many times as fast a form is as another."""
        return self.timings[over].seconds / self.timings[form].seconds


def measure_works(
    works: Sequence[str],
    sizes: Sequence[tuple[int, int]],
    batch: int,
    forms: Sequence[str],
    repeats: int,
    device: torch.device,
    clock: Clock,
) -> Iterator[Result]:
    """Times each work at each size (height, width), in all forms in turn, and in those of rivals where it has some."""
    for name in works:
        work = WORKS[name]
        for size in sizes:
            pair = torch.randn(batch, 6, *size, generator=torch.Generator().manual_seed(0)).to(device)
            runs = {form: prepare(work, form, pair) for form in (*forms, *(RIVALS if work.rivals else ()))}
            first = {form: run() for form, run in runs.items()}  # to warm up
            differences = None if work.trains else differ({form: first[form] for form in forms})
            yield Result(name, size, batch, time_in_turn(runs, repeats, device, clock), differences)


def differ(results: dict[str, torch.Tensor]) -> dict[str, float]:
    """Largest difference from the first result, relative to its largest value."""
    first, *_ = results.values()
    scale = first.abs().max()
    return {form: float((found - first).abs().max() / scale) for form, found in results.items()}


def lines(result: Result) -> Iterator[str]:
    """A line for each form: time, spread, memory, and ratios to the textbook's where that was timed."""
    yield f'{WORKS[result.work].title}, {result.size[1]}x{result.size[0]}, batch {result.batch}'
    book = result.timings.get('textbook')
    for form, timing in result.timings.items():
        line = f'  {form:30s}{timing.seconds:9.3f} s ± {100 * timing.spread:3.0f} %{timing.peak_bytes / 2**20:8.0f} MiB'
        if book and timing is not book:
            line += f'{result.speedup(form):8.2f}x as fast{timing.peak_bytes / book.peak_bytes:7.2f}x the memory'
        if result.differences and form in result.differences:
            line += f'  differs by {result.differences[form]:.1e}'
        yield line


def as_json(results: Sequence[Result], device: torch.device, clock: Clock) -> str:
    """All results with the machine that they are from."""
    name = torch.cuda.get_device_name(device) if device.type == 'cuda' else platform.machine()
    about = dict(torch=torch.__version__, device=name, threads=torch.get_num_threads(), clock=clock)
    return json.dumps(dict(about=about, results=[asdict(result) for result in results]), indent=1)


def exponents(results: Sequence[Result]) -> dict[str, float]:
    """The power of the number of pixels with which each form's time grows, fitted over the sizes of one work."""
    pixels = np.log([np.prod(result.size) for result in results])
    forms = set.intersection(*(set(result.timings) for result in results))
    seconds = {form: np.log([result.timings[form].seconds for result in results]) for form in sorted(forms)}
    return {form: float(np.polyfit(pixels, values, 1)[0]) for form, values in seconds.items()}


def write_report(results: Sequence[Result], out: Path, device: torch.device, clock: Clock) -> None:
    """Writes ``out`` (JSON), and beside it a plot of the times of each work with more than one size."""
    write_text(out, as_json(results, device, clock))
    for work in dict.fromkeys(result.work for result in results):
        found = [result for result in results if result.work == work]
        if len(found) > 1:
            curves = {
                form: ([np.prod(one.size) / 1e6 for one in found], [one.timings[form].seconds for one in found])
                for form in found[0].timings
            }
            write_image(
                out.with_name(f'{out.stem}_{work}.png'), plot_curves(curves, ('megapixels', 'seconds'), powers=True)
            )
