"""What one frame of a video hands to the next, so that its choices between the sources do not flicker."""

from .filters import Image, size_of

CUT = 0.2  # mean change of a weight between two frames from which on the scene is another


class FrameMemory:
    """Smooths weights over the frames of one video; they are coarse maps, so that moving objects leave no traces.

    Args:
        keep: share of the frames before in a weight, from 0 to below 1.

    Raises:
        ValueError: if ``keep`` is out of range.
    """

    def __init__(self, keep: float = 0.7) -> None:
        if not 0 <= keep < 1:
            raise ValueError(f'keep={keep} must be at least 0 and below 1.')
        self.keep = keep
        self.weights: dict[str, Image] = {}

    def smooth(self, name: str, weight: Image) -> Image:
        """The mean of a weight and what it was in the frames before, unless the scene or its size is another.

        Args:
            name: name of the weight.
            weight: its value in this frame, from 0 to 1, a map.
        """
        before = self.weights.get(name)
        if before is not None and size_of(before) == size_of(weight) and abs(weight - before).mean() < CUT:
            weight = self.keep * before + (1 - self.keep) * weight
        self.weights[name] = weight
        return weight
