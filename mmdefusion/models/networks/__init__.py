"""Whole networks out of checkpoint files: by the config that a file carries, and in the layout of the authors."""
