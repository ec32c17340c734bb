from .drawing import contact_sheet, draw_boxes, draw_heat, draw_mask, hide_background
from .report import Picture, Report, Sheet, Table

__all__ = [
    'Picture',
    'Report',
    'Sheet',
    'Table',
    'contact_sheet',
    'draw_boxes',
    'draw_heat',
    'draw_mask',
    'hide_background',
]
