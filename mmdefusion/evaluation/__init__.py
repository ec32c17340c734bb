"""Metrics of fused images, and reading of results. Only ``metrics`` needs the toolboxes."""
