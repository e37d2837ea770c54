"""The commands. Results go to stdout, progress and logs to stderr.

Exit status: 0 done, 1 the work failed, 2 the request was wrong, 130 interrupted by Ctrl-C.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

import candlecast
from candlecast.data_commands import data
from candlecast.errors import InputError
from candlecast.exit_status import errors_as_exit_status
from candlecast.files import make_folder, remove_empty, written_whole
from candlecast.recipe import Recipe, packaged_recipes

if TYPE_CHECKING:
    from candlecast.runs.finished import Run

_TO_GO_ON = " Give the same command with --resume to go on."

main = typer.Typer(
    name="candlecast",
    no_args_is_help=True,
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

main.add_typer(data)

RecipeName = Annotated[
    str, typer.Argument(metavar="RECIPE", help="A packaged recipe's name, or a YAML file.")
]
CandleFile = Annotated[
    str,
    typer.Option(
        help="A candle file, a symbol in the store, or 'simulated' for a simulated market."
    ),
]
OutFolder = Annotated[
    Path | None, typer.Option(help="The folder to write to; left out, a new one in runs/.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the recipe."),
]
Markets = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        metavar="SYMBOL[=FILE]",
        help="Put another market beside the candles, as an input; without a file the store's.",
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with what was left unfinished.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


@main.callback()
def describe(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Forecasts market candles and says honestly how good the forecast is."""
    if version:
        print(f"candlecast {candlecast.__version__}")
        raise typer.Exit


@main.command()
def run(
    recipe: RecipeName = "default",
    candles: CandleFile = "simulated",
    out: OutFolder = None,
    overrides: Overrides = None,
    beside: Markets = None,
    resume: Resume = False,
    as_json: Json = False,
) -> None:
    """Train a recipe's model, forecast the test rows, score and report."""
    with errors_as_exit_status(advice=_TO_GO_ON):
        chosen = Recipe.load(recipe, overrides or ())
        from candlecast import experiment  # torch and Lightning are not needed to refuse a recipe

        finished = experiment.run(chosen, candles, out, markets=_by_symbol(beside), resume=resume)
        _show(finished, as_json=as_json)


@main.command()
def walkforward(
    recipe: RecipeName = "econometric",
    candles: CandleFile = "simulated",
    out: OutFolder = None,
    overrides: Overrides = None,
    beside: Markets = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print where the folds lie and stop there.")
    ] = False,
    resume: Resume = False,
    as_json: Json = False,
) -> None:
    """Refit a recipe's models fold by fold and score what they said of the candles after each."""
    with errors_as_exit_status(advice=_TO_GO_ON):
        chosen = Recipe.load(recipe, overrides or ())
        if plan:
            _show_plan(chosen, candles, as_json=as_json)
            return
        from candlecast import walk_forward

        finished = walk_forward.walkforward(
            chosen, candles, out, markets=_by_symbol(beside), resume=resume
        )
        _show(finished, as_json=as_json)


@main.command()
def audit(
    recipe: RecipeName = "default",
    candles: CandleFile = "simulated",
    overrides: Overrides = None,
    beside: Markets = None,
    as_json: Json = False,
) -> None:
    """Look for anything in a recipe that knows the future; exit status 1 if something does."""
    with errors_as_exit_status():
        chosen = Recipe.load(recipe, overrides or ())
        from candlecast.auditing import audit_recipe
        from candlecast.report.terminal import print_audit

        found = audit_recipe(chosen, candles, markets=_by_symbol(beside))
        if as_json:
            print(json.dumps(found.to_dict()))
        else:
            print_audit(found, Console())
    if not found.is_clean:
        raise typer.Exit(1)


@main.command()
def predict(
    run_dir: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    candles: Annotated[Path, typer.Option(help="A candle file, or a symbol in the store.")],
    out: Annotated[Path, typer.Option(help="The Parquet file to write.")],
    beside: Markets = None,
    features_file: Annotated[
        Path | None, typer.Option(help="Your own features, if the model reads any; is executed.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Forecast with a run's model at every candle of a file that has a whole lookback."""
    with errors_as_exit_status():
        from candlecast import experiment

        with _output_file(out, candles, run_dir) as file:
            forecasts = experiment.predict(
                run_dir, candles, markets=_by_symbol(beside), features_file=features_file
            )
            forecasts.write_parquet(file)
        newest = forecasts.row(-1, named=True)
        summary = {
            "forecasts": forecasts.height,
            "out": str(out),
            "newest": {
                "origin": newest["origin"].isoformat(),
                "time": newest["time"].isoformat(),
                "last_close": newest["last_close"],
                "mean": newest["mean"],
            },
        }
        if as_json:
            print(json.dumps(summary))
        else:
            print(
                f"{forecasts.height:,} forecasts in {out}\nnewest: the close of "
                f"{newest['time']:%Y-%m-%d %H:%M} UTC is forecast at {newest['mean']:,.6g} "
                f"(last close {newest['last_close']:,.6g})"
            )


@main.command()
def recipes(
    name: Annotated[str | None, typer.Argument(help="Print this recipe.")] = None,
    as_json: Json = False,
) -> None:
    """List the packaged recipes, or print one."""
    with errors_as_exit_status():
        if name is not None:
            recipe = Recipe.load(name)
            document = recipe.model_dump(mode="json")
            print(json.dumps(document) if as_json else _text_of(name, recipe), end="")
            return
        described = {each: Recipe.load(each).description for each in packaged_recipes()}
        if as_json:
            print(json.dumps(described))
        else:
            print("\n".join(f"{each:13}{text}" for each, text in described.items()))


def _by_symbol(given: list[str] | None) -> dict[str, str]:
    """The files of other markets by symbol; one that is named alone is the store's."""
    files: dict[str, str] = {}
    for text in given or ():
        symbol, equals, file = text.partition("=")
        if not symbol or (equals and not file):
            raise InputError(
                f"--with {text}: write SYMBOL, or SYMBOL=FILE such as ETHUSDT=ETHUSDT.parquet."
            )
        if symbol.upper() in files:
            raise InputError(f"--with {text}: {symbol.upper()} stands twice. Keep one of them.")
        files[symbol.upper()] = file or symbol
    return files


def _text_of(name: str, recipe: Recipe) -> str:
    """A packaged recipe with its comments; any other as it was resolved."""
    return packaged_recipes().get(name) or recipe.to_yaml()


def _show(finished: Run, *, as_json: bool) -> None:
    """The metrics as JSON, or the scorecard and the paths of what was written."""
    if as_json:
        print(json.dumps(finished.metrics))
        return
    from candlecast.report.terminal import print_scorecard
    from candlecast.runs.folder import RunFolder

    print_scorecard(finished.scorecard, Console())
    files = RunFolder(finished.folder)
    print()
    for path in (files.report, *sorted(files.figures.iterdir()), files.forecasts, files.metrics):
        print(path)
    print(files.model)


def _show_plan(recipe: Recipe, candles: str, *, as_json: bool) -> None:
    from candlecast.evaluation.folds import how_apart, plan_folds, plan_table
    from candlecast.report.terminal import print_plan
    from candlecast.runs.chosen_candles import load_candles

    used = load_candles(recipe, candles)
    plan = plan_table(used, plan_folds(used, recipe)).to_dicts()
    if as_json:
        print(json.dumps(plan, default=lambda moment: moment.isoformat()))
    else:
        print_plan(plan, how_apart(recipe), Console())


@contextmanager
def _output_file(out: Path, candles: Path, run_dir: Path) -> Iterator[Path]:
    """Where to write, links followed; nothing that is read is written over.

    If the work inside fails, the folders that were made for it are taken away again.
    """
    from candlecast.runs.folder import RunFolder

    try:
        target, source = out.resolve(), candles.resolve()
    except (OSError, RuntimeError) as error:
        raise InputError(f"{out} or {candles}: the path leads nowhere ({error}).") from error
    if target.exists() and not target.is_file():
        raise InputError(f"{out}: this is not a file. Name the Parquet file to write.")
    if target == source:
        raise InputError(f"{out}: these are the candles to read. Name another file to write.")
    if RunFolder(run_dir).owns(target):
        raise InputError(f"{out}: this is one of the run's own files. Name another file to write.")
    made = make_folder(target.parent)
    try:
        with written_whole(target) as aside:
            yield aside
    except BaseException:
        remove_empty(made)
        raise
