from .resumable import Draw, ResumableSampler
from .seeded_batches import SeededBatchSampler

__all__ = ['Draw', 'ResumableSampler', 'SeededBatchSampler']
