"""How long each model of a comparison is trained."""

import math
import re
from dataclasses import dataclass

from .pace import Pace


@dataclass(frozen=True)
class Budget:
    """How long each model is trained: the same number of iterations or epochs, or the same time.

    Attributes:
        amount: number of iterations, epochs or minutes.
        unit: ``'i'`` (iterations), ``'e'`` (epochs) or ``'min'`` (minutes of training steps).
    """

    amount: float
    unit: str = 'i'

    @classmethod
    def parse(cls, text: str) -> 'Budget':
        """Reads a budget such as ``'500i'`` (iterations), ``'12e'`` (epochs) or ``'10min'`` (minutes).

        Raises:
            ValueError: if the text has another form.
        """
        found = re.fullmatch(r'(\d+)(i|e|min)|(\d+\.\d+)(min)', text, re.ASCII)
        amount = float(found.group(1) or found.group(3)) if found else 0.0
        if not 0 < amount < 1e9:
            raise ValueError(
                f"{text!r} is neither iterations, such as '500i', nor epochs, such as '12e', nor minutes, such as "
                "'10min'."
            )
        return cls(amount, found.group(2) or found.group(4))

    @property
    def timed(self) -> bool:
        """Whether the budget is a time, so that fast models get more iterations."""
        return self.unit == 'min'

    def iterations(self, images: int, batch_size: int, pace: Pace | None = None) -> int:
        """The number of iterations of the budget.

        Args:
            images: images of the data set.
            batch_size: images of an iteration.
            pace: what a training of the model takes (:func:`measure_pace`); only for minutes.

        Raises:
            ValueError: if ``pace`` is needed and missing, or the minutes are over before the first iteration.
        """
        if not self.timed:
            return int(self.amount) * (math.ceil(images / batch_size) if self.unit == 'e' else 1)
        if pace is None:
            raise ValueError('A budget in minutes needs what a training of the model takes.')
        left = 60 * self.amount - pace.before
        if left <= 0:
            raise ValueError(
                f'What comes before the first iteration takes {pace.before:.0f} s of {self.amount:g} minutes: give '
                'a larger budget.'
            )
        return max(1, round(left / pace.seconds))
