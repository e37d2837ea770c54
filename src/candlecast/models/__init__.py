"""Models: `Forecaster`, the protocol, and one file for each that implements it."""
