"""The rule of detail for configs."""

from mmdefusion.registry import MODELS
from mmdefusion.rules.detail import Detail

from . import filters  # noqa: F401  with it, the rule takes tensors


@MODELS.register_module()
class ResidualDetail(Detail):
    """:class:`Detail` for tensors, by a name that configs may give; its arguments are there."""
