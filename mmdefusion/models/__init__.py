"""Networks. Import each subpackage by its name, so that fusing needs no toolbox."""
