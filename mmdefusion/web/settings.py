"""What the operator of the app decides; a visitor can change none of it."""

from dataclasses import dataclass
from pathlib import Path

from mmdefusion.evaluation.functional.checks import LEAST_SIDE

from .hosts import check_names

KEPT, LOOKED = 3600, 300  # seconds after which uploads and results are deleted, and between two looks for such


@dataclass(frozen=True)
class Settings:
    """Limits, models and folders of the app.

    Attributes:
        weights: checkpoint of the fusing network; None takes the one that comes with the package.
        model: config and checkpoint of the detector or segmenter; None takes the small detector of the package.
        methods: folder with ``vi/``, ``ir/`` and ``fused/METHOD/``, whose images are scored beside ours; or None.
        device: device of the networks; None takes the best one available.
        megabytes: largest upload, in megabytes a file.
        pixels: largest image, in pixels.
        waiting: largest number of requests that wait for their turn.
        stored: most megabytes of all uploads and results together.
        names: names by which visitors reach it besides the address that it listens at, such as a proxy's; without
            scheme and port.

    Raises:
        ValueError: if a limit is too low, or a name is none of a host.
    """

    weights: str | None = None
    model: tuple[str, str] | None = None
    methods: Path | None = None
    device: str | None = None
    megabytes: int = 20
    pixels: int = 4_000_000
    waiting: int = 16
    stored: int = 2000
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, least in (('megabytes', 1), ('pixels', LEAST_SIDE**2), ('waiting', 1), ('stored', 1)):
            if getattr(self, name) < least:
                raise ValueError(f'{name}={getattr(self, name)} must be {least} or more.')
        check_names(self.names)
