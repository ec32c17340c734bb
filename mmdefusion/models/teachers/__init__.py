from .mae_teacher import MAETeacher

__all__ = ['MAETeacher']
