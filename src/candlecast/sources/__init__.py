"""Where candles come from: one module a layout, each from a table of cells to raw rows.

To add a layout, write its module (`LAYOUT`, `recognises`, `parse`) and add it to `LAYOUTS` in
`reading.py`.
"""

from candlecast.sources.reading import check, read, read_with_report

__all__ = ["check", "read", "read_with_report"]
