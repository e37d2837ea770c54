"""A series' manifest: what its month files are, where they came from, and what the exchange lacks.

It is the truth of a series. What it does not list is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from candlecast.errors import InputError
from candlecast.store.names import SeriesName
from candlecast.store.spans import Span

MANIFEST = "manifest.json"

MonthText = Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]

Facts = Mapping[str, JsonValue]
"""What is known of a source: its checksum, for instance."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Month(_Part):
    """One month file.

    Attributes:
        rows: Its candles.
        first: Open time of the oldest.
        last: Open time of the newest.
        columns: Those that hold any value; the file has all, null where not known.
        content_sha256: Of the candles, whatever wrote the file; see `Candles.sha256`.
        file_sha256: Of the file.
        size: Of the file, in bytes.
        generation: The manifest that first listed it.
    """

    rows: int = Field(ge=1)
    first: AwareDatetime
    last: AwareDatetime
    columns: tuple[str, ...]
    content_sha256: str
    file_sha256: str
    size: int
    generation: int


class Hole(_Part):
    """Candles that the exchange itself lacks: since ≤ open time < until."""

    since: AwareDatetime
    until: AwareDatetime
    reason: str = ""

    @property
    def span(self) -> Span:
        """Its stretch of open times."""
        return Span(self.since, self.until)


class Manifest(_Part):
    """One series.

    Attributes:
        version: Of this schema.
        generation: Grows by one with each change.
        exchange: In small letters.
        symbol: In capitals.
        interval: As text.
        rows: Candles in all months.
        first: Open time of the oldest; None without candles.
        last: Open time of the newest; None without candles.
        months: By their name, `YYYY-MM`, oldest first.
        sources: What the candles came from, by name.
        repairs: What was repaired in them, by source: how often by which policy.
        holes: What the exchange lacks, oldest first.
    """

    version: Literal[1] = 1
    generation: int = 0
    exchange: str
    symbol: str
    interval: str
    rows: int = 0
    first: AwareDatetime | None = None
    last: AwareDatetime | None = None
    months: dict[MonthText, Month] = {}
    sources: dict[str, dict[str, JsonValue]] = {}
    repairs: dict[str, dict[str, int]] = {}
    holes: tuple[Hole, ...] = ()

    @property
    def name(self) -> SeriesName:
        """What tells it from others."""
        return SeriesName(self.exchange, self.symbol, self.interval)

    def with_months(self, changed: Mapping[str, Month]) -> Manifest:
        """The same series with some months added or replaced, and the sums that follow."""
        months = dict(sorted({**self.months, **changed}.items()))
        parts = list(months.values())
        return self.model_copy(
            update={
                "months": months,
                "rows": sum(month.rows for month in parts),
                "first": parts[0].first if parts else None,
                "last": parts[-1].last if parts else None,
            }
        )

    def months_between(self, since: datetime | None, until: datetime | None) -> dict[str, Month]:
        """The months that hold an open time with since ≤ it < until."""
        return {
            name: month
            for name, month in self.months.items()
            if (since is None or month.last >= since) and (until is None or month.first < until)
        }


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a series' folder; None where there is none.

    Raises:
        InputError: If it cannot be read, or is that of another series.
    """
    path = folder / MANIFEST
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"{path}: this cannot be read ({error.strerror}).") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{path}: this is not a manifest that this candlecast can read ({place or 'JSON'}: "
            f"{first['msg']}). If it is damaged, move the folder away and fetch or import again."
        ) from error
    if manifest.name != folder.parts[-3:]:
        raise InputError(
            f"{path}: this is the manifest of {manifest.name}. Move the folder to where it was."
        )
    return manifest
