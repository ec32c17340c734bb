"""Data sets of pairs and images. Import each subpackage by its name, so that fusing needs no toolbox."""
