from .cud import CUDPretrainer
from .distillation import EncoderDistiller
from .mae import MAEDecoder, MAEPretrainer
from .mcud import MCUDPretrainer
from .student_views import StudentViews
from .views import MaskedViews

__all__ = [
    'CUDPretrainer',
    'EncoderDistiller',
    'MAEDecoder',
    'MAEPretrainer',
    'MCUDPretrainer',
    'MaskedViews',
    'StudentViews',
]
