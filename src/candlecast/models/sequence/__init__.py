"""Networks that learn from every step of a sequence, and carry their memory on."""
