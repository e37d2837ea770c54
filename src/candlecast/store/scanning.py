"""A series as a lazy Polars frame over its month files."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path

import polars as pl

from candlecast.candles import SCHEMA
from candlecast.errors import CandlecastError
from candlecast.store.commit import file_of, pending, settle
from candlecast.store.disk import locked
from candlecast.store.loading import not_there
from candlecast.store.manifest import read_manifest
from candlecast.store.names import SeriesName


def scan_series(
    root: Path, name: SeriesName, since: datetime | None, until: datetime | None, wait_s: float
) -> pl.LazyFrame:
    """The candles with since ≤ open time < until: `symbol`, `time` and all other columns."""
    paths = _paths(root / name.folder, since, until, wait_s)
    if paths:
        # The schema is known, so no file is opened before the frame is collected.
        frame = pl.scan_parquet(paths, schema=SCHEMA, glob=False, hive_partitioning=False)
    else:
        frame = pl.LazyFrame(schema=SCHEMA)
    if since is not None:
        frame = frame.filter(pl.col("time") >= since)
    if until is not None:
        frame = frame.filter(pl.col("time") < until)
    return frame.select(pl.lit(name.symbol).alias("symbol"), pl.all())


def _paths(
    folder: Path, since: datetime | None, until: datetime | None, wait_s: float
) -> list[Path]:
    """The months' files, at their place by the time they are scanned."""
    manifest = read_manifest(folder)
    aside = pending(folder, manifest)
    if aside:
        # Someone is at the last step of a write, or was killed there. In a folder that may not be
        # written to nobody moves the files, and they are scanned where they lie.
        with suppress(CandlecastError), locked(folder, wait_s):
            newest = read_manifest(folder)
            settle(folder, newest)
            manifest, aside = newest, {}
    months = {} if manifest is None else manifest.months_between(since, until)
    paths = [aside.get(month, file_of(folder, month)) for month in months]
    for path in paths:
        if not path.exists():
            raise not_there(path)
    return paths
