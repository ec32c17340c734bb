from .resumable import Draw, ResumableSampler

__all__ = ['Draw', 'ResumableSampler']
