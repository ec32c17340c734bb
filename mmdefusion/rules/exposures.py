"""Keeps the colours of exposures: what one of them shows overexposed has those of the other."""

from .filters import Image, blur, choose, over, ramp
from .luma import luma, with_luma

OVEREXPOSED = 0.7, 0.95  # luma from which on colours fade and are lost
UNDEREXPOSED = 0.06, 0.24  # luma up to which colours are mostly noise
BRIGHTER = 4.0  # most by which a source is brightened for its colours
# power of the factor for colours: 1 for a pure gamma, less where the tone curve of a camera makes dark colours strong
STRENGTH = 0.6
FAINT = 1e-3


def keep_colours(fused: Image, sources: tuple[Image, Image]) -> Image:
    """Gives overexposed places of one source the colours of the other, at the brightness that they have.

    What is white only because the exposure was too long says nothing of colour, and draws the mean of both towards
    grey: blue skies fade. Colours are those of the other source, stronger where it is darker. They are blurred a
    little, as brightening shows their noise.

    Where both sources are equally exposed, the fused image stays as it is. The numbers were chosen on exposures made of
    training photographs (docs/fusion.md).

    Args:
        fused: RGB.
        sources: both exposures, RGB in [0, 1].

    Returns:
        RGB in [0, 1], of the luma of ``fused``.
    """
    fused = fused.clip(0, 1)
    lost, lost_other = (ramp(luma(source), *OVEREXPOSED) for source in sources)
    clearer = blur(choose(over(lost < lost_other, fused), *sources))
    brightness, own = luma(fused), luma(clearer)
    factor = (brightness / own.clip(min=FAINT)).clip(max=BRIGHTER)
    factor = choose(factor > 1, factor**STRENGTH, factor)
    coloured = with_luma(over(brightness, fused) + (clearer - over(own, fused)) * over(factor, fused), brightness)
    share = abs(lost - lost_other) * ramp(own, *UNDEREXPOSED)
    return fused + over(share, fused) * (coloured - fused)
