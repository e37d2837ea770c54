"""What a sequence network's outputs mean: a distribution at every horizon, and how to learn it."""
