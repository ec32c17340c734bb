"""The rules take tensors once PyTorch's filters are there."""

import mmdefusion.models.fusers.filters  # noqa: F401
