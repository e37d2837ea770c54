"""A file's bytes opened as a table, by what they start with."""

from __future__ import annotations

from candlecast.sources.frame_table import (
    ARROW,
    ARROW_STREAM,
    PARQUET,
    arrow_table,
    json_table,
    parquet_table,
)
from candlecast.sources.tables import Table
from candlecast.sources.text_table import text_table


def opened(content: bytes) -> Table:
    """The table in a file's bytes.

    Raises:
        CandleError: If it is damaged.
    """
    if content.startswith(PARQUET):
        return parquet_table(content)
    if content.startswith((ARROW, ARROW_STREAM)):
        return arrow_table(content)
    if content[:256].removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"[", b"{")):
        return json_table(content.removeprefix(b"\xef\xbb\xbf"))
    return text_table(content)
