"""How large the report is, how long it takes to write, and how soon a browser draws it.

    PYTHONPATH=tests/report python benchmarks/report_speed.py [--points N] [--rounds R]

Each round opens the page from disk in a Chromium that was started afresh and has come to rest, with
nothing cached: that is the slowest a reader meets. First paint is when verdict and scorecard can be
read, first draw when the price chart is there, all drawn when every other chart is. The report is
to stay under 15 MB and 2 seconds to first draw with 300,000 points on two cores.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from chromium import Chromium, find_chromium
from making import HORIZONS, make_report

from candlecast.report.page import write_report
from candlecast.simulate import simulate

READY = "document.body?.dataset.state === 'ready'"
MOMENTS = """performance.getEntries().filter(each => ['mark', 'paint'].includes(each.entryType))
    .map(each => [each.name, each.startTime / 1000])"""
REST = 2.0  # seconds until a browser has done what it does at its start
SHOWN = ("first-contentful-paint", "first-draw", "all-drawn")


def main() -> None:
    """Write one report and open it several times."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--points", type=int, default=300_000, help="test rows")
    parser.add_argument("--rounds", type=int, default=5, help="times that the page is opened")
    options = parser.parse_args()
    browser = find_chromium()
    if browser is None:
        raise SystemExit("Chromium is not installed.")
    report = make_report(simulate(rows=options.points + 100 + max(HORIZONS)).candles)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        start = time.perf_counter()
        write_report(path, report)
        seconds = time.perf_counter() - start
        size = path.stat().st_size / 1e6
        print(f"{options.points:,} points, {len(HORIZONS)} horizons: {size:.2f} MB")
        print(f"{'written':<24}{seconds:6.2f} s")
        rounds = [_opened(browser, path) for _ in range(options.rounds)]
    for name in SHOWN:
        times = sorted(moments[name] for moments in rounds)
        print(f"{name:<24}{statistics.median(times):6.2f} s ({times[0]:.2f} to {times[-1]:.2f})")


def _opened(browser: str, path: Path) -> dict[str, float]:
    """Seconds from navigation to each moment, in a browser that has seen nothing yet."""
    with Chromium(browser) as page:
        page.resize(1200, 900)
        time.sleep(REST)
        page.open(path, READY)
        return dict(page.value(MOMENTS))


if __name__ == "__main__":
    main()
