"""Compares ratios of times with those of an earlier state, to find what has become slower."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .report import Result

LEAST = 0.05  # a change below this share is never called one


@dataclass(frozen=True)
class Change:
    """A ratio then and now.

    Attributes:
        name: work, size and form.
        before, now: how many times as fast as the textbook's form.
        noise: share by which the two may differ by chance: the spreads of all four times.
    """

    name: str
    before: float
    now: float
    noise: float

    @property
    def slower(self) -> bool:
        """Whether it is slower by more than the noise."""
        return self.now < self.before * (1 - max(self.noise, LEAST))

    def __str__(self) -> str:
        change = 100 * (self.now / self.before - 1)
        return f'{self.name:40s}{self.before:8.2f}x{self.now:8.2f}x{change:+7.0f} % (noise {100 * self.noise:.0f} %)'


def ratios(results: Iterable[Result]) -> dict[str, dict[str, float]]:
    """The ratio to the textbook's time, and the spread of both, for each work, size and form."""
    found = {}
    for result in results:
        book = result.timings['textbook']
        for form, timing in result.timings.items():
            if timing is not book:
                name = f'{result.work} {result.size[1]}x{result.size[0]} batch {result.batch}, {form}'
                found[name] = dict(ratio=round(result.speedup(form), 3), spread=round(timing.spread + book.spread, 3))
    return found


def compare(before: Mapping[str, Mapping[str, float]], now: Mapping[str, Mapping[str, float]]) -> list[Change]:
    """What changed of the ratios that both have."""
    return [
        Change(name, before[name]['ratio'], now[name]['ratio'], before[name]['spread'] + now[name]['spread'])
        for name in before
        if name in now
    ]
