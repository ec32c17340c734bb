"""The error for unusable checkpoints."""

from mmdefusion.utils.names import shown


class CheckpointError(ValueError):
    """A checkpoint cannot be read or does not fit; the message is one line that names the file, and can be printed."""

    def __init__(self, message: str) -> None:
        super().__init__(shown(message))


class NotFetchedError(CheckpointError):
    """A checkpoint of a server or a hub is not on this machine, and cannot be fetched."""
