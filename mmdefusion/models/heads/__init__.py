from .distillation_head import DistillationHead
from .image_head import ImageHead
from .mfm_head import MFMHead
from .teacher_head import TeacherPredictionHead

__all__ = ['DistillationHead', 'ImageHead', 'MFMHead', 'TeacherPredictionHead']
