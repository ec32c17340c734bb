from .cached_teacher import CachedTeacher
from .mae_teacher import MAETeacher
from .vit_teacher import ViTTeacher

__all__ = ['CachedTeacher', 'MAETeacher', 'ViTTeacher']
