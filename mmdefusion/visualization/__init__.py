from .drawing import (
    brighten,
    class_colours,
    contact_sheet,
    draw_boxes,
    draw_heat,
    draw_mask,
    hide_background,
    legible_factor,
)
from .report import Picture, Report, Sheet, Table

__all__ = [
    'Picture',
    'Report',
    'Sheet',
    'Table',
    'brighten',
    'class_colours',
    'contact_sheet',
    'draw_boxes',
    'draw_heat',
    'draw_mask',
    'hide_background',
    'legible_factor',
]
