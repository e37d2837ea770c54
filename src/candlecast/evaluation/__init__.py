"""Scores: metrics of a forecast, and the scorecard that puts persistence beside every one."""
