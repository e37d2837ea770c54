"""Where the next return lies: a linear forecast, and how far each part of one is believed."""
