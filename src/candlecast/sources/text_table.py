"""CSV and its like: banner lines, a header or none, any common separator and encoding."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from candlecast.checks import first_true
from candlecast.errors import CandleError
from candlecast.sources.names import is_header
from candlecast.sources.tables import NOT_KNOWN, TEXTS, TIMES

_HEAD_BYTES = 65_536
_BANNER_LINES = 5
_SHOWN_ROWS = 20
_PLAIN_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class TextTable:
    """A text file of separated cells; see `Table`.

    Attributes:
        content: The whole file in UTF-8, without a byte order mark.
        columns: The header's names; empty if there is no header.
        head: The cells of the first rows.
        first: ``("line", n)``: where the first row stands.
        separator: What stands between cells.
        width: How many cells a line has.
    """

    content: bytes
    columns: list[str]
    head: list[list[str]]
    first: tuple[str, int]
    separator: str
    width: int
    form: str = "CSV"

    def typed(self, roles: Mapping[str, int]) -> pl.DataFrame:
        """The columns at these places by role; see `Table.typed`."""
        if not self.head:
            raise CandleError("there is a header and no candle", "Give a file with candles.")
        wanted = {place: role for role, place in roles.items()}
        wanted.setdefault(self.width - 1, "")  # read too: a line cut short lacks it
        dtypes = {place: self._dtype(place, role) for place, role in wanted.items()}
        lean = [self._lean(place, role, dtypes[place]) for place, role in sorted(wanted.items())]
        try:
            table = self._scanned(dtypes, lean)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
            table = self._cell_by_cell(wanted)
        table = table.select(
            pl.col(f"c{place}").alias(wanted[place] or "last") for place in sorted(wanted)
        )
        self._check_cells(table, roles)
        return table.select(list(roles))

    def _dtype(self, place: int, role: str) -> type[pl.DataType]:
        if role in TIMES:
            cell = self.head[0][place] if place < len(self.head[0]) else ""
            return pl.Int64 if cell.strip().isdecimal() else pl.String
        if role in TEXTS or not role:
            return pl.String
        return pl.Int64 if role == "trades" else pl.Float64

    def _lean(self, place: int, role: str, dtype: type[pl.DataType]) -> pl.Expr:
        """A column as it is kept: texts become small while lines are read, not afterwards."""
        column = pl.col(f"c{place}")
        if not role:  # all that counts is whether something stands there
            return pl.when(column != "").then(pl.lit(value=True)).alias(f"c{place}")
        if role == "symbol":
            return column.cast(pl.Categorical)
        plain = place < len(self.head[0]) and _PLAIN_TIME.fullmatch(self.head[0][place])
        if role in TIMES and dtype == pl.String and plain:
            return column.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", cache=False)
        return column

    def _scanned(
        self, dtypes: Mapping[int, type[pl.DataType]], kept: Sequence[pl.Expr]
    ) -> pl.DataFrame:
        schema: dict[str, type[pl.DataType]] = {
            f"c{place}": dtypes.get(place, pl.String) for place in range(self.width)
        }
        quoted = self.content.find(b'"', self._start()) >= 0
        return (
            pl.scan_csv(
                self.content,
                has_header=False,
                skip_lines=self.first[1] - 1,
                schema=schema,
                separator=self.separator,
                quote_char='"' if quoted else None,
                encoding="utf8-lossy",
            )
            .select(kept)
            .collect(engine="streaming")
        )

    def _cell_by_cell(self, wanted: Mapping[int, str]) -> pl.DataFrame:
        """Every cell as text first (slow, so only where needed); names the first bad one."""
        _refuse_nul(self.content)
        try:
            columns = [pl.col(f"c{place}") for place in sorted(wanted)]
            text = self._scanned(dict.fromkeys(wanted, pl.String), columns)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            self._name_long_line()
            raise CandleError(
                f"the lines cannot be taken apart into {self.width} cells",
                "Every line needs the fields of the header and no more. Download the file again.",
            ) from error
        return text.select(
            self._cells(text[f"c{place}"], place, wanted[place]) for place in sorted(wanted)
        )

    def _cells(self, cells: pl.Series, place: int, role: str) -> pl.Series:
        if not role:
            return (cells != "").replace(old=False, new=None)
        cells = cells.str.strip_chars()
        known = ~cells.str.to_lowercase().is_in(NOT_KNOWN)
        cells = cells.to_frame().select(pl.when(known).then(cells).alias(cells.name)).to_series()
        if role in TEXTS or role in TIMES:
            return cells
        numbers = cells.cast(pl.Float64, strict=False)
        row = first_true(numbers.is_null() & cells.is_not_null())
        if row is not None:
            raise CandleError(
                f"'{cells[row][:40]}' in column {self._name(place, role)} is not a number",
                "Correct the line.",
                row,
            )
        return numbers

    def _check_cells(self, table: pl.DataFrame, roles: Mapping[str, int]) -> None:
        """A line with fewer cells than the others was cut; one without a time is no candle's."""
        self._check_ends(table.to_series(table.width - 1))
        for role in roles.keys() & set(TIMES):
            row = first_true(table[role].is_null())
            if row is not None:
                raise CandleError(
                    f"{self._name(roles[role], role)} is missing", "Every candle needs it.", row
                )

    def _check_ends(self, last: pl.Series) -> None:
        """An unknown value at a line's end must be written as such, or the line was cut."""
        rows = last.is_null().arg_true().to_list()
        if not rows:
            return
        lines = self.content[self._start() :].split(b"\n")
        separator = self.separator.encode()
        for row in rows:
            line = lines[row] if row < len(lines) else b""
            ends_early = row == len(last) - 1 and line.rstrip(b"\r").endswith(separator)
            if ends_early or line.count(separator) < self.width - 1:
                name = self._name(self.width - 1, "the last cell")
                raise CandleError(
                    f"{name} is missing, the line may be cut short",
                    "Complete the line, or download the file again.",
                    row,
                )

    def _name_long_line(self) -> None:
        lines = self.content[self._start() :].split(b"\n")
        for row, line in enumerate(lines):
            if b'"' not in line and line.count(self.separator.encode()) >= self.width:
                raise CandleError(
                    f"a line has other fields than the {self.width} of the first",
                    "Every line needs the fields of the header and no more. "
                    "Download the file again.",
                    row,
                )

    def _name(self, place: int, role: str) -> str:
        return self.columns[place] if place < len(self.columns) else role

    def _start(self) -> int:
        """Where the first row starts."""
        start = 0
        for _ in range(self.first[1] - 1):
            start = self.content.find(b"\n", start) + 1
        return start


def text_table(content: bytes, named: Collection[str] = ()) -> TextTable:
    """Open a text file.

    Args:
        content: Its bytes in UTF-8, without a byte order mark.
        named: The names that the user gives columns, by which a header is known too.

    Raises:
        CandleError: If it holds a byte that no text has, or a line that no candle file has.
    """
    content = _plain(content)
    lines = content[:_HEAD_BYTES].decode("utf-8", errors="replace").split("\n")
    if len(content) > _HEAD_BYTES and len(lines) > 1:
        lines.pop()  # it may be cut
    lines = [line.rstrip("\r") for line in lines]
    separator = _separator(lines)
    shown = [_cells(line, separator) for line in lines[: _BANNER_LINES + _SHOWN_ROWS]]
    header = next(
        (n for n, cells in enumerate(shown[:_BANNER_LINES]) if is_header(cells, named)), None
    )
    start = _first_row(shown) if header is None else _first_filled(shown, header + 1)
    columns = [] if header is None else shown[header]
    head = [cells for cells in shown[start:] if any(cells)]
    if not head and len(content) > _HEAD_BYTES:
        raise CandleError(
            f"one of the first lines is longer than {_HEAD_BYTES:,} bytes",
            "No line of candles is. Is this another kind of file?",
        )
    width = len(columns) or (len(head[0]) if head else 0)
    return TextTable(content, columns, head, ("line", start + 1), separator, width)


def utf8(content: bytes) -> bytes:
    """Text in UTF-8 without a byte order mark.

    Raises:
        CandleError: If it starts as UTF-16 and is not.
    """
    if content.startswith(_UTF16_MARKS):
        try:
            content = content.decode("utf-16").encode()
        except UnicodeError as error:
            raise CandleError(
                "the file starts as UTF-16 and is not", "Save it as UTF-8, or download it again."
            ) from error
    return content.removeprefix(_UTF8_MARK)


def _plain(content: bytes) -> bytes:
    """Without what may trail behind the last line, ended by a line end."""
    _refuse_nul(content[:_HEAD_BYTES])
    if b"\n" not in content[:_HEAD_BYTES] and b"\r" in content[:_HEAD_BYTES]:
        content = content.replace(b"\r", b"\n")  # old Macintosh line ends
    end = content[-4096:]
    if end.rstrip() + b"\n" != end and end.rstrip() + b"\r\n" != end:
        return content.rstrip(b" \r\n") + b"\n"  # a tab may stand between empty cells
    return content


def _refuse_nul(content: bytes) -> None:
    """A NUL byte stands in no text; where one is further down, no cell there can be read."""
    nul = content.find(b"\0")
    if nul >= 0:
        line = content.count(b"\n", 0, nul) + 1
        raise CandleError(
            f"there is a NUL byte in line {line}",
            "The file is damaged, no text, or in an encoding that is not told. Save it as UTF-8, "
            "or download it again.",
        )


def _separator(lines: list[str]) -> str:
    """The separator that the fullest of the first lines uses most."""
    fullest = max(lines[: _BANNER_LINES + 2], key=lambda line: _most(line)[0], default="")
    return _most(fullest)[1]


def _most(line: str) -> tuple[int, str]:
    return max(((line.count(each), each) for each in (",", ";", "\t")), key=lambda pair: pair[0])


def _cells(line: str, separator: str) -> list[str]:
    try:
        cells = next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return [line]
    return [cell.strip() for cell in cells]


def _first_filled(shown: list[list[str]], start: int) -> int:
    """The first line from `start` on that is not blank."""
    return next((n for n in range(start, len(shown)) if any(shown[n])), start)


def _first_row(shown: list[list[str]]) -> int:
    """The first line of a header-less file that is no banner: one with numbers."""
    for number, cells in enumerate(shown[:_BANNER_LINES]):
        if sum(_is_number(cell) for cell in cells) >= 5:
            return number
    return 0


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
