"""A run: its candles, its folder, what it was made of, and how it is written and read again."""
