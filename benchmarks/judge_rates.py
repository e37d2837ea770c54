"""How often the judge errs, and how much skill it finds, on markets whose answer is known.

    python benchmarks/judge_rates.py [--seeds N] [--rounds R]

Four tables, each with its counts: verdicts on forecasts without skill where the log close is a
martingale; verdicts on a fitted forecast where a little skill was planted; how often the interval
of skill holds what was planted; and how often the two tests reject at 5 % where there is nothing to
reject. Everything is drawn from `candlecast.simulate`, so the same options give the same tables,
which are printed in Markdown.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Annotated, get_args

import numpy as np
import typer
from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table

from candlecast.distributions import Floats
from candlecast.evaluation.comparison import skill_interval
from candlecast.evaluation.judge import LEVEL, QUESTIONS, Judgement, Verdict, judge
from candlecast.evaluation.significance import Comparison, diebold_mariano, pesaran_timmermann
from candlecast.models.baselines import ewma_t
from candlecast.models.baselines.returns import Returns
from candlecast.simulate import simulate

FITTED = 10_000
"""Rows before the judged ones, for what is fitted."""

SIZE = 0.02
"""Of noise and momentum, beside the size of a usual move: so small that it costs next to nothing.

A larger guess is soon called worse, and then is never called better by mistake.
"""

LAGS = 5
SPAN = 15
"""Candles whose move momentum continues."""

NO_SKILL_CASES = ((1, 2_000), (15, 2_000), (15, 150))
"""Horizon and judged rows, the last with the fewest that are judged."""

POWER_ROWS, POWER_R2 = 50_000, (0.005, 0.001, 0.0005)
COVERAGE_ROWS, COVERAGE_R2, COVERAGE_HORIZONS = (2_000, 20_000), (0.01, 0.001), (1, 15)
LEVEL_ROWS = {
    1: (100, 500, 2_000),
    5: (100, 250, 1_000),
    15: (150, 750, 3_000),
    60: (600, 3_000, 12_000),
}
"""By horizon: from the fewest rows that are judged to two hundred horizons' worth of them."""

LEVEL_MARKET = 60_000  # rows, cut into stretches

_out = Console(width=160)  # the widest table, as it is
_log = Console(stderr=True)


def main(
    seeds: Annotated[
        int, typer.Option(min=1, help="Markets in each line of the first three tables.")
    ] = 200,
    rounds: Annotated[
        int, typer.Option(min=1, help="Stretches in each line of the last table.")
    ] = 2_000,
) -> None:
    """Measure how often the judge errs, and how much skill it finds."""
    start = time.perf_counter()
    for measured, count in ((no_skill, seeds), (power, seeds), (coverage, seeds), (levels, rounds)):
        _out.print(measured(count))
        _log.print(f"{time.perf_counter() - start:.0f} s")


@dataclass(frozen=True, eq=False)
class Market:
    """A simulated market; arrays are [rows].

    Attributes:
        log_close: The log of each close.
        returns: The log return of each candle, 0 at the first.
        variance: EWMA-t's forecast of the variance of the next return, as the scorecard uses it.
    """

    log_close: Floats
    returns: Floats
    variance: Floats

    @classmethod
    def simulated(cls, rows: int, r2: float, seed: int) -> Market:
        """A market whose next return can be foretold to an R² of `r2`."""
        candles = simulate(rows, r2, seed).candles
        returns = Returns.of(candles, across_gaps=False)
        learned = ewma_t.fit(returns, range(FITTED), [1])
        variance = ewma_t.moments(learned, returns, [1]).variance[:, 0]
        return cls(np.log(candles.frame["close"].to_numpy()), returns.values, variance)

    def judged(self, forecast: Floats, horizon: int) -> Judgement:
        """What the judge says of forecast log returns from row `FITTED` on; shape [origins]."""
        at = np.arange(FITTED, FITTED + len(forecast))
        last, actual = np.exp(self.log_close[at]), np.exp(self.log_close[at + horizon])
        return judge(last * np.exp(forecast), last, actual, self.variance[at] * horizon, horizon)


def noise(market: Market, rows: int, horizon: int, rng: np.random.Generator) -> Floats:
    """A guess, larger where the market is wilder."""
    spread = np.sqrt(horizon * market.variance[FITTED : FITTED + rows])
    return SIZE * spread * rng.standard_normal(rows)


def regression(market: Market, rows: int, horizon: int, _rng: np.random.Generator) -> Floats:
    """The last returns, weighted by least squares on the rows before the judged ones."""
    columns = [np.roll(market.returns, lag) for lag in range(LAGS)]
    inputs = np.column_stack([np.ones_like(market.returns), *columns])
    train = np.arange(LAGS, FITTED - horizon)
    targets = market.log_close[train + horizon] - market.log_close[train]
    weights = np.linalg.lstsq(inputs[train], targets, rcond=None)[0]
    return np.asarray(inputs[FITTED : FITTED + rows] @ weights, dtype=np.float64)


def drift(market: Market, rows: int, horizon: int, _rng: np.random.Generator) -> Floats:
    """The mean return of the rows before the judged ones."""
    return np.full(rows, horizon * market.returns[1:FITTED].mean())


def momentum(market: Market, rows: int, horizon: int, _rng: np.random.Generator) -> Floats:
    """A small share of the last moves, continued."""
    at = np.arange(FITTED, FITTED + rows)
    past = market.log_close[at] - market.log_close[at - SPAN]
    return np.asarray(SIZE * math.sqrt(horizon / SPAN) * past, dtype=np.float64)


FORECASTS: dict[str, Callable[[Market, int, int, np.random.Generator], Floats]] = {
    "noise": noise,
    f"AR({LAGS})": regression,
    "drift": drift,
    "momentum": momentum,
}


def no_skill(seeds: int) -> Table:
    """Verdicts on forecasts without skill, where there is none to be had."""
    counts = {(*case, name): Counter[str]() for case, name in product(NO_SKILL_CASES, FORECASTS)}
    longest = FITTED + max(horizon + rows for horizon, rows in NO_SKILL_CASES)
    for seed in range(seeds):
        market, rng = Market.simulated(longest, 0.0, seed), np.random.default_rng(seed)
        for (horizon, rows, name), counter in counts.items():
            forecast = FORECASTS[name](market, rows, horizon, rng)
            counter[market.judged(forecast, horizon).verdict] += 1
    verdicts = get_args(Verdict)
    table = _table(
        f"No skill: R² 0, {seeds:,} markets in each line",
        ["horizon", "rows", "forecast", *verdicts],
    )
    for horizon, rows in NO_SKILL_CASES:
        case = str(horizon), f"{rows:,}"
        for name in FORECASTS:
            table.add_row(*case, name, *_shares(counts[horizon, rows, name], verdicts, seeds))
        together = sum((counts[horizon, rows, name] for name in FORECASTS), Counter[str]())
        shares = _shares(together, verdicts, seeds * len(FORECASTS))
        table.add_row(*case, "all four", *shares)
    return table


def power(seeds: int) -> Table:
    """Verdicts on a fitted forecast where a little skill was planted, one candle ahead."""
    kinds = [verdict for verdict in get_args(Verdict) if verdict != "cannot be judged"]
    table = _table(
        f"Skill: an AR(1) slope fitted on {FITTED:,} rows, {POWER_ROWS:,} judged rows, "
        f"{seeds:,} markets in each line; the verdicts, and the questions found better",
        ["planted R²", *kinds, *QUESTIONS],
    )
    for r2 in POWER_R2:
        counter: Counter[str] = Counter()
        for seed in range(seeds):
            market = Market.simulated(FITTED + POWER_ROWS + 1, r2, seed)
            known, target = market.returns[1 : FITTED - 1], market.returns[2:FITTED]
            slope = float(known @ target) / float(known @ known)
            judgement = market.judged(slope * market.returns[FITTED : FITTED + POWER_ROWS], 1)
            counter[judgement.verdict] += 1
            counter.update(_found_better(judgement))
        table.add_row(_percent(r2, 2), *_shares(counter, [*kinds, *QUESTIONS], seeds))
    return table


def _found_better(judgement: Judgement) -> list[str]:
    """The questions in which the model was found better."""
    return [
        question.name
        for question in judgement.questions
        if question.statistic is not None
        and question.adjusted is not None
        and question.statistic > 0
        and question.adjusted < LEVEL
    ]


def coverage(seeds: int) -> Table:
    """How often the interval of skill holds the skill planted, for the best forecast there is.

    Each candle gives back the share √R² of the move before it, so the best forecast of the h moves
    to come is the sum of h echoes of the last.
    """
    table = _table(
        f"Interval of skill at 95 %: the best forecast, {seeds:,} markets in each line",
        ["horizon", "rows", "planted R²", "planted skill", "covered", "too high", "too low"],
    )
    lines = product(COVERAGE_HORIZONS, COVERAGE_ROWS, COVERAGE_R2)
    for line, (horizon, rows, r2) in enumerate(lines):
        slope = -math.sqrt(r2)
        echo = sum(slope**step for step in range(horizon))
        variance = horizon + 2 * sum((horizon - k) * slope**k for k in range(1, horizon))
        truth = r2 * echo**2 / variance
        counter: Counter[str] = Counter()
        for seed in range(line * seeds, (line + 1) * seeds):  # no two lines share their luck
            market = simulate(rows + horizon, r2, seed)
            close = market.candles.frame["close"].to_numpy()
            last, actual = close[:-horizon], close[horizon:]
            forecast = last * np.exp(echo * market.expected_return[:-horizon])
            losses = (forecast - actual) ** 2, (last - actual) ** 2
            counter[_place(truth, skill_interval(*losses, horizon))] += 1
        shares = _shares(counter, ["covered", "too high", "too low"], seeds)
        table.add_row(str(horizon), f"{rows:,}", _percent(r2, 2), f"{truth:.6f}", *shares)
    return table


def _place(truth: float, interval: tuple[float, float] | None) -> str:
    """Where an interval lies beside the truth."""
    if interval is None:
        return "none"
    low, high = interval
    return "too high" if low > truth else "too low" if high < truth else "covered"


def levels(rounds: int) -> Table:
    """How often the tests reject at 5 % where there is nothing to reject, spans overlapping.

    Forecasting a rise and forecasting a fall of the same size, both scaled by volatility, err alike
    in the mean where returns are symmetric around 0; and the direction of the last h candles tells
    nothing of the next h where the log close is a martingale.
    """
    counts: dict[tuple[int, int], Counter[str]] = {
        (horizon, rows): Counter() for horizon in LEVEL_ROWS for rows in LEVEL_ROWS[horizon]
    }
    seed = 0
    while any(counter["rounds"] < rounds for counter in counts.values()):
        market = simulate(LEVEL_MARKET, 0.0, seed)
        log_close = np.log(market.candles.frame["close"].to_numpy())
        for (horizon, rows), counter in counts.items():
            length = rows + 2 * horizon
            for start in range(0, LEVEL_MARKET - length + 1, length):
                if counter["rounds"] == rounds:
                    break
                stretch = slice(start, start + length)
                tests = _tests(log_close[stretch], market.volatility[stretch], horizon)
                counter.update(name for name, test in tests.items() if test.p_value < LEVEL)
                counter.update(f"{name}, made" for name in tests)
                counter["rounds"] += 1
        seed += 1
    names = ("DM, squared", "DM, absolute", "PT, direction")
    table = _table(
        f"Rejected at 5 %, wrongly: {rounds:,} stretches in each line",
        ["horizon", "rows", "spans", *names],
    )
    for (horizon, rows), counter in counts.items():
        shares = [_share(counter[name], counter[f"{name}, made"]) for name in names]
        table.add_row(str(horizon), f"{rows:,}", f"{rows // horizon:,}", *shares)
    return table


def _tests(log_close: Floats, volatility: Floats, horizon: int) -> dict[str, Comparison]:
    """Each test of a null hypothesis that is true; one that cannot be made is left out."""
    at = np.arange(horizon, len(log_close) - horizon)
    past = log_close[at] - log_close[at - horizon]
    came = log_close[at + horizon] - log_close[at]
    move = 0.3 * math.sqrt(horizon) * volatility[at]
    rise, fall = move - came, -move - came
    tests = {
        "DM, squared": diebold_mariano(rise**2, fall**2, horizon),
        "DM, absolute": diebold_mariano(np.abs(rise), np.abs(fall), horizon),
        "PT, direction": pesaran_timmermann(past, came, horizon),
    }
    return {name: test for name, test in tests.items() if test is not None}


def _table(title: str, headings: Sequence[str]) -> Table:
    """An empty table."""
    table = Table(title=title, title_justify="left", box=box.MARKDOWN)
    for heading in headings:
        justify: JustifyMethod = "left" if heading == "forecast" else "right"
        table.add_column(heading, justify=justify, no_wrap=True)
    return table


def _shares(counter: Counter[str], names: Iterable[str], count: int) -> list[str]:
    return [f"{_percent(counter[name] / count, 1)} ({counter[name]:,})" for name in names]


def _share(part: int, whole: int) -> str:
    return f"{_percent(part / whole, 1)} ({part:,} of {whole:,})" if whole else "none made"


def _percent(share: float, digits: int) -> str:
    return f"{share:.{digits}%}".replace("%", " %")


if __name__ == "__main__":
    typer.run(main)
