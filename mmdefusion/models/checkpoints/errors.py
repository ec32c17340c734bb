"""The error for unusable checkpoints."""


class CheckpointError(ValueError):
    """A checkpoint cannot be read or does not fit; the message is one line that names the file."""
