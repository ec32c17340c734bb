"""What is raised for a file that is no checkpoint."""


class CheckpointError(ValueError):
    """A checkpoint that cannot be read, or is not what it should be; the message is one line that names the file."""
