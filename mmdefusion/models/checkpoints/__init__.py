"""Reads the checkpoint files that people have into weights of our modules, and writes them."""
