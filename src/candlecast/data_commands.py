"""The commands of `candlecast data`: check, import and fetch candles.

Each command's work is done in its own room; here arguments are read and results printed.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from candlecast.errors import InputError
from candlecast.exit_status import errors_as_exit_status
from candlecast.files import make_folder, written_whole

if TYPE_CHECKING:
    from candlecast.candles import Candles

data = typer.Typer(name="data", no_args_is_help=True, help="Candle files and the local store.")

DataPath = Annotated[
    str, typer.Argument(metavar="PATH", help="A file, archive, folder or pattern of candles.")
]
Symbol = Annotated[str | None, typer.Option(help="The market, if the file does not tell it.")]
Interval = Annotated[str | None, typer.Option(help="The interval; left out, the usual step.")]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="NAME=THEIRS", help="What the file calls a column."),
]
Repaired = Annotated[
    list[str] | None,
    typer.Option("--repair", metavar="REPAIR=POLICY", help="Such as conflicting_duplicates=last."),
]
StoreFolder = Annotated[Path | None, typer.Option("--store", help="The store's folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


@data.command("check")
def check_file(
    path: DataPath,
    symbol: Symbol = None,
    interval: Interval = None,
    columns: Columns = None,
    repairs: Repaired = None,
    as_json: Json = False,
) -> None:
    """Say what is in a file of candles; exit status 1 if a repair policy stops at it."""
    with errors_as_exit_status():
        from candlecast.quality.terminal import print_quality
        from candlecast.sources import check

        found = check(
            path,
            symbol=symbol,
            interval=interval,
            columns=_pairs("--column", columns),
            repairs=_pairs("--repair", repairs),
        )
        if as_json:
            print(json.dumps(found.to_dict()))
        else:
            print_quality(found, Console())
    if found.stopped is not None:
        raise typer.Exit(1)


@data.command("import")
def import_file(
    path: DataPath,
    exchange: Annotated[str, typer.Option(help="Where they were traded, such as binance.")],
    symbol: Symbol = None,
    interval: Interval = None,
    columns: Columns = None,
    repairs: Repaired = None,
    store: StoreFolder = None,
    as_json: Json = False,
) -> None:
    """Read a file of candles and add them to the local store."""
    with errors_as_exit_status():
        from candlecast.sources import read_with_report
        from candlecast.store import Store, default_root

        candles, quality = read_with_report(
            path,
            symbol=symbol,
            interval=interval,
            columns=_pairs("--column", columns),
            repairs=_pairs("--repair", repairs),
        )
        root = store or default_root()
        Store(root).write(candles, exchange, source=path, repairs=quality.repairs)
        summary = {
            "exchange": exchange,
            "symbol": candles.symbol,
            "interval": quality.interval,
            "rows": len(candles),
            "first": candles.first.isoformat(),
            "last": candles.last.isoformat(),
            "repairs": quality.repairs,
            "store": str(root),
        }
        if as_json:
            print(json.dumps(summary))
        else:
            print(f"{len(candles):,} candles of {candles.symbol} {quality.interval} in {root}")
            for repair, count in quality.repairs.items():
                print(f"repaired: {repair}, {count:,} {'row' if count == 1 else 'rows'}")


@data.command("fetch")
def fetch_candles(
    symbol: Annotated[str, typer.Argument(help="Such as BTCUSDT.")],
    since: Annotated[
        str | None,
        typer.Option(help="From which day, UTC; left out, from the first candle in the store."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Before which day, UTC; left out, all that is closed.")
    ] = None,
    length: Annotated[str, typer.Option("--interval", help="Such as 1m or 1h.")] = "1m",
    source: Annotated[
        str, typer.Option(help="binance, or ccxt: and an exchange's name, such as ccxt:kraken.")
    ] = "binance",
    store: StoreFolder = None,
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where Binance's REST interface is.")
    ] = None,
    archive_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where its archive is; 'none' does without.")
    ] = None,
    recheck: Annotated[
        bool, typer.Option(help="Look whether the archive replaced what the store has of it.")
    ] = True,
    drop_off_grid: Annotated[
        bool, typer.Option("--drop-off-grid", help="Leave out candles that open off the clock.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Fetch what the store lacks of a symbol's closed candles; given again, it goes on."""
    with errors_as_exit_status(advice=" Give the same command again to go on."):
        from candlecast.fetching import fetch

        fetched = fetch(
            symbol,
            since=None if since is None else _day(since),
            until=None if until is None else _day(until),
            interval=length,
            source=source,
            store=store,
            base_url=base_url,
            archive_url=archive_url,
            recheck=recheck,
            off_grid="drop" if drop_off_grid else "stop",
        )
        print(json.dumps(fetched.to_dict()) if as_json else fetched.describe())


def _pairs(option: str, given: list[str] | None) -> dict[str, str]:
    """``NAME=VALUE`` texts as a mapping."""
    pairs: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not (name and equals and value) or name in pairs:
            raise InputError(f"{option} {text}: write NAME=VALUE, each name once.")
        pairs[name] = value
    return pairs


@data.command("list")
def list_series(store: StoreFolder = None, as_json: Json = False) -> None:
    """Show what the store has, with its gaps."""
    with errors_as_exit_status():
        from candlecast.store import Store
        from candlecast.store.listing import print_series

        kept = Store(store)
        series = kept.series()
        if as_json:
            held = [each.to_dict() for each in series]
            print(json.dumps({"store": str(kept.root), "series": held}))
        else:
            print_series(kept.root, series, Console())


@data.command("verify")
def verify_store(
    drop: Annotated[
        bool, typer.Option("--drop", help="Take damaged months out, so that they can be fetched.")
    ] = False,
    store: StoreFolder = None,
    as_json: Json = False,
) -> None:
    """Hold every file of the store against its checksums; exit status 1 if one is damaged."""
    with errors_as_exit_status():
        from candlecast.store import Store

        kept = Store(store)
        damage = kept.drop_damaged() if drop else kept.verify()
        if as_json:
            print(json.dumps([{"file": str(file), "problem": text} for file, text in damage]))
        else:
            print("\n".join(text for _, text in damage) or f"{kept.root}: no file is damaged.")
    if damage:
        raise typer.Exit(1)


@data.command("simulate")
def simulate_market(
    out: Annotated[Path | None, typer.Option(help="The Parquet file to write.")] = None,
    to_store: Annotated[
        bool, typer.Option("--store", help="Put them in the store, at the exchange 'simulated'.")
    ] = False,
    rows: Annotated[int, typer.Option(help="Candles.")] = 40_000,
    r2: Annotated[float, typer.Option(help="How much of the next return the past tells.")] = 0.01,
    seed: Annotated[int, typer.Option(help="The same seed gives the same candles.")] = 42,
    start: Annotated[str, typer.Option(help="The first day, UTC.")] = "2021-01-20",
    length: Annotated[str, typer.Option("--interval", help="Such as 1m or 1h.")] = "1m",
    symbol: Annotated[str, typer.Option(help="The market's name.")] = "SIMULATED",
) -> None:
    """Simulate a market whose best forecast is known, into a file or the store."""
    with errors_as_exit_status():
        from candlecast.intervals import parse_interval
        from candlecast.simulate import simulate
        from candlecast.store import Store

        if (out is None) is not to_store:
            raise InputError("say where the candles go: --out FILE.parquet, or --store.")
        step = parse_interval(length)
        candles = simulate(rows, r2, seed, _day(start), step, symbol).candles
        if out is None:
            store = Store()
            store.write(candles, "simulated", on_conflict="newer")
            print(f"{candles!r} in {store.root}")
        else:
            _write_file(candles, out)
            print(f"{candles!r} in {out}")


def _write_file(candles: Candles, out: Path) -> None:
    if out.is_dir():
        raise InputError(f"{out}: this is a folder. Name the Parquet file to write.")
    make_folder(out.resolve().parent)
    with written_whole(out) as aside:
        candles.frame.write_parquet(aside)


def _day(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"'{text}' is not a date. Write YYYY-MM-DD.") from None
