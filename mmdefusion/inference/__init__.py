"""What all inferencers share, in PyTorch or exported: which files make a pair, outputs, videos. It needs no torch."""
