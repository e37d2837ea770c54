"""Networks that learn from the end of each window, as the article's does."""
