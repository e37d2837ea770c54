"""A file's bytes opened as a table, by what they start with."""

from __future__ import annotations

from collections.abc import Collection

from candlecast.sources.frame_table import (
    ARROW,
    ARROW_STREAM,
    PARQUET,
    arrow_table,
    json_table,
    parquet_table,
)
from candlecast.sources.tables import Table
from candlecast.sources.text_table import text_table, utf8


def opened(content: bytes, named: Collection[str] = ()) -> Table:
    """The table in a file's bytes.

    Args:
        content: The file.
        named: The names that the user gives columns, by which a CSV's header is known too.

    Raises:
        CandleError: If it is damaged.
    """
    if content.startswith(PARQUET):
        return parquet_table(content)
    if content.startswith((ARROW, ARROW_STREAM)):
        return arrow_table(content)
    content = utf8(content)
    if content[:256].lstrip().startswith((b"[", b"{")):
        return json_table(content)
    return text_table(content, named)
