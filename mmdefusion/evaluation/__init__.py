"""Scores. Only ``metrics`` needs the toolboxes, so that plain scoring starts quickly."""
