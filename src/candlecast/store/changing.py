"""What a write makes of a series: its months merged, its manifest with what is now known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.store.loading import load_month
from candlecast.store.manifest import Facts, Hole, Manifest, Month
from candlecast.store.months import by_month, described, encoded, merged, stretches
from candlecast.store.spans import Span, without


def changed_months(
    folder: Path, manifest: Manifest, candles: Candles, *, newer_wins: bool
) -> tuple[dict[str, Month], dict[str, bytes], int]:
    """The months that change, of the next generation, their files, and the candles replaced.

    Raises:
        InputError: If a candle differs and the newer is not to win.
    """
    months: dict[str, Month] = {}
    files: dict[str, bytes] = {}
    replaced_in_all = 0
    for name, table in by_month(candles):
        if name in manifest.months:
            old = load_month(folder, name, manifest.months[name])
            try:
                table, replaced = merged(old, table, newer_wins=newer_wins)
            except InputError as error:
                raise InputError(f"{manifest.name}: {error}") from None
            if table.equals(old):
                continue
            replaced_in_all += replaced
        files[name] = encoded(table)
        month = described(table, files[name], candles.symbol, candles.interval)
        months[name] = month.model_copy(update={"generation": manifest.generation + 1})
    return months, files, replaced_in_all


def with_source(
    manifest: Manifest, source: str | None, facts: Facts | None, repairs: Mapping[str, int] | None
) -> Manifest:
    """The manifest with what is known of a source, in place of what was known of it.

    Raises:
        InputError: If facts or repairs are given without a source.
    """
    if source is None:
        if facts or repairs:
            raise InputError("facts and repairs are those of a source. Name the source, too.")
        return manifest
    counted = {policy: count for policy, count in (repairs or {}).items() if count}
    others = {name: each for name, each in manifest.repairs.items() if name != source}
    return manifest.model_copy(
        update={
            "sources": {**manifest.sources, source: dict(facts or {})},
            "repairs": {**others, source: counted} if counted else others,
        }
    )


def with_hole(manifest: Manifest, span: Span, reason: str, has: list[Span]) -> Manifest:
    """The manifest with a hole, as far as neither candles nor holes are known there."""
    new = without([span], [*has, *(hole.span for hole in manifest.holes)])
    holes = [*manifest.holes, *(Hole(since=a, until=b, reason=reason) for a, b in new)]
    in_order = tuple(sorted(holes, key=lambda hole: hole.since))
    return manifest.model_copy(update={"holes": in_order})


def without_filled_holes(manifest: Manifest, candles: Candles) -> Manifest:
    """The manifest without the holes, or the parts of them, that candles fill."""
    filled = stretches(candles.frame, candles.interval) if manifest.holes else []
    holes = tuple(
        hole.model_copy(update={"since": since, "until": until})
        for hole in manifest.holes
        for since, until in without([hole.span], filled)
    )
    return manifest.model_copy(update={"holes": holes})
