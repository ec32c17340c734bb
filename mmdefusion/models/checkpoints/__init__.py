"""From the checkpoint files that people have to weights of our modules, and back."""
