from .fusion_dataset import FusionDataset
from .stems import list_images, match_stems

__all__ = ['FusionDataset', 'list_images', 'match_stems']
