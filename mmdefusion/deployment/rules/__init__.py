"""Sliding windows in NumPy, as in ``models``; the other rules are in ``mmdefusion.rules``."""
