"""Writes trained networks as ONNX files, and compares the files with PyTorch (needs torch and the toolboxes)."""
