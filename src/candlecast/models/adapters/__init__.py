"""Models of other libraries, each asked for windows in batches and put before the same judge."""
