"""The rules of fusion around the network in NumPy and OpenCV, with the same results as those in ``models/fusers``."""
