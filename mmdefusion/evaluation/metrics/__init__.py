from .fused_reconstruction import FusedReconstruction

__all__ = ['FusedReconstruction']
