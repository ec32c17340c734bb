from .fusion_dataset import FusionDataset

__all__ = ['FusionDataset']
