"""Several models as one, each believed as far as it has foretold of late."""
