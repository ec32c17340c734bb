from .cud import CUDPretrainer
from .distillation import EncoderDistiller
from .fusion_distillation import FusionDistiller
from .ivf_fine_tuner import IVFFineTuner
from .mae import MAEDecoder, MAEPretrainer
from .mcud import MCUDPretrainer
from .prior_distillation import PriorDistiller
from .pyramid_distillation import PyramidDistiller
from .student_views import StudentViews
from .views import MaskedViews

__all__ = [
    'CUDPretrainer',
    'EncoderDistiller',
    'FusionDistiller',
    'IVFFineTuner',
    'MAEDecoder',
    'MAEPretrainer',
    'MCUDPretrainer',
    'MaskedViews',
    'PriorDistiller',
    'PyramidDistiller',
    'StudentViews',
]
