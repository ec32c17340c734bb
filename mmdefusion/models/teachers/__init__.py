from .cached_teacher import CachedTeacher
from .mae_teacher import MAETeacher

__all__ = ['CachedTeacher', 'MAETeacher']
