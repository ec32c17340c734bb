"""The rules of fusion around the network: which a task takes, and what they compute."""
