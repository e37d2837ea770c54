"""What people look at: the scorecard in the terminal, the figures and the page."""
