"""Imports every subpackage whose classes a config may name, for MMEngine's registry."""

from mmdefusion.utils.compat import installed

from . import fusion, lmdb_backend, pretraining, samplers, tar_backend, transforms  # noqa: F401

if installed('mmdet'):
    from . import detection  # noqa: F401

if installed('mmseg'):
    from . import segmentation  # noqa: F401
