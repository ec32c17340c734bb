"""What is done with two images before and after the network, in one form for arrays and tensors."""

from collections.abc import Sequence
from dataclasses import dataclass

from .colours import without_colours
from .daylight import draw_in_glare, fill_borders
from .detail import Detail
from .exposures import keep_colours
from .filters import Image, reduce_to
from .luma import luma, with_luma
from .memory import FrameMemory
from .options import THREE_CHANNELS, Colour, Target
from .targets import show_targets

Sources = tuple[Image, Image]


@dataclass(frozen=True)
class PictureRule:
    """The rule by which a pair becomes a fused image; see :class:`mmdefusion.models.fusers.PictureFuser`."""

    colour: Colour
    target: Target
    detail: Detail | None  #: None takes what the network decodes

    def read(self, a: Image, b: Image) -> Sources:
        """The sources of the network: the images, or their brightness (with targets, without glare and borders)."""
        if self.colour in THREE_CHANNELS:
            return a, b
        a, b = luma(a), luma(b)
        return (draw_in_glare(fill_borders(a, b), b), b) if self.aimed else (a, b)

    def reduce(self, sources: Sources, pixels: int | None) -> Sources:
        """What the network sees of the sources: where detail comes from them, at most so many pixels of each."""
        if not (self.detail and pixels):
            return sources
        return tuple(reduce_to(image, pixels) for image in sources)

    def finish(
        self, image: Image, sources: Sources, fused: Image, alone: Sequence[Image], memory: FrameMemory | None
    ) -> Image:
        """Adds detail, targets and colours to what the network decodes.

        Args:
            image: the first image, with its colours: H×W×3 or 3×H×W.
            sources: what :meth:`read` made of both images.
            fused: the fused image that the network decodes, of as many channels as the sources; it may be smaller.
            alone: each source fused with itself by the network; not used without detail.
            memory: the weights of the frames before, of a video.

        Returns:
            The fused image in [0, 1].
        """
        if self.detail:
            fused = self.detail(fused, sources, alone, self.aimed, memory)
        if self.aimed:
            fused, drained = show_targets(fused, sources, image, self.target)
            image = without_colours(image, drained)
        if self.colour == 'exposed':
            fused = keep_colours(fused, sources)
        elif self.colour == 'luma':
            fused = with_luma(image, fused)
        return fused.clip(0, 1)

    @property
    def aimed(self) -> bool:
        """Whether hot targets of the second image are to stand out."""
        return self.target != 'off'
