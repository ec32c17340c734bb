"""A network of image fusion with random weights."""

from mmdefusion.models.backbones.architectures import resolve_architecture
from mmdefusion.models.fusers import ImageFuser
from mmdefusion.models.necks.decomposition import CommonOrder
from mmdefusion.models.networks.network_config import build_parts


def build_fuser(arch: str | dict, common: CommonOrder = 'mean') -> ImageFuser:
    """Builds the modules whose weights a reference checkpoint holds: encoder, decomposition, image heads."""
    return ImageFuser(**build_parts(resolve_architecture(arch), common))
