"""The findings of a check."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class SplitReport:
    """The findings of :func:`check_dataset` in one data set.

    Lists have one line per fault: the file or setting, its value, and the remedy if it is not obvious. ``classes``
    counts boxes, or pixels of label maps. ``sizes`` counts the (width, height) of visible images.
    """

    split: str
    dataset: str
    images: int = 0
    partners: int = 0
    boxes: int = 0
    ignored_boxes: int = 0
    label_maps: int = 0
    deep_partners: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    sizes: Counter = field(default_factory=Counter)
    missing: list[str] = field(default_factory=list)
    made_up: list[str] = field(default_factory=list)
    mismatched: list[str] = field(default_factory=list)
    resized: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    wrong_labels: list[str] = field(default_factory=list)
    wrong_boxes: list[str] = field(default_factory=list)
    wrong_settings: list[str] = field(default_factory=list)
    guesses: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    error: str | None = None

    @property
    def troubles(self) -> dict[str, list[str]]:
        """Faults that would stop a training or spoil it, by kind."""
        return _filled(
            {
                'cannot be loaded': [] if self.error is None else [self.error],
                'wrong settings': self.wrong_settings,
                'missing': self.missing,
                'unreadable': self.unreadable,
                'of another size': self.mismatched,
                'wrong labels': self.wrong_labels,
                'wrong boxes': self.wrong_boxes,
            }
        )

    @property
    def notes(self) -> dict[str, list[str]]:
        """Findings that may be intended, by kind."""
        return _filled(
            {
                'to look at': self.guesses,
                'made up by AppendPartner': self.made_up,
                'resized by AppendPartner': self.resized,
                'left out': self.left_out,
            }
        )


def _filled(kinds: dict[str, list[str]]) -> dict[str, list[str]]:
    return {kind: lines for kind, lines in kinds.items() if lines}
