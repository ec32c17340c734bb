"""``python -m mmdefusion`` is the command ``mmdefusion``."""

from .cli import main

main()
