"""Networks that read candles one after the other and carry a state on."""
