"""Keeps the colours of exposures: what one of them shows overexposed has those of another."""

from collections.abc import Sequence

from .filters import Image, blur, choose, over, ramp
from .luma import larger, luma, smaller, with_luma

OVEREXPOSED = 0.7, 0.95  # luma from which on colours fade and are lost
UNDEREXPOSED = 0.06, 0.24  # luma up to which colours are mostly noise
BRIGHTER = 4.0  # most by which a source is brightened for its colours
# power of the factor for colours: 1 for a pure gamma, less where the tone curve of a camera makes dark colours strong
STRENGTH = 0.6
EQUALLY_LOST = 0.01  # difference of what is lost up to which the brighter source, with less noise, is taken
FAINT = 1e-3


def keep_colours(fused: Image, sources: Sequence[Image]) -> Image:
    """Gives overexposed places of one source the colours of another, at the brightness that they have.

    What is white only because the exposure was too long says nothing of colour, and draws the mean of all towards
    grey: blue skies fade. Colours are those of the source that lost least, stronger where it is darker. They are
    blurred a little, as brightening shows their noise.

    Where all sources are equally exposed, the fused image stays as it is. The numbers were chosen on exposures made of
    training photographs (docs/fusion_record.md).

    Args:
        fused: RGB.
        sources: exposures, RGB in [0, 1].

    Returns:
        RGB in [0, 1], of the luma of ``fused``.
    """
    fused = fused.clip(0, 1)
    clearest, *others = sources
    least = most = losses(clearest)
    for other in others:
        lost = losses(other)
        better = lost - EQUALLY_LOST * luma(other) < least - EQUALLY_LOST * luma(clearest)
        clearest = choose(over(better, fused), other, clearest)
        least, most = smaller(least, lost), larger(most, lost)
    clearest = blur(clearest)
    brightness, own = luma(fused), luma(clearest)
    factor = (brightness / own.clip(min=FAINT)).clip(max=BRIGHTER)
    factor = choose(factor > 1, factor**STRENGTH, factor)
    coloured = with_luma(over(brightness, fused) + (clearest - over(own, fused)) * over(factor, fused), brightness)
    share = (most - least) * ramp(own, *UNDEREXPOSED)
    return fused + over(share, fused) * (coloured - fused)


def losses(source: Image) -> Image:
    """How far each pixel has lost its colour to overexposure, a map, 0 to 1."""
    return ramp(luma(source), *OVEREXPOSED)
