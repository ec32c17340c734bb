"""Pairs and images. Nothing is imported here: each room is imported by its name, so that fusing needs no toolbox."""
