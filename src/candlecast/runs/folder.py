"""A run's folder: when it may be written to, and what marks it as ours and as finished."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from candlecast.errors import InputError
from candlecast.files import make_folder, remove_empty, write_text
from candlecast.recipe import Recipe
from candlecast.yaml_text import parse_yaml

_log = logging.getLogger("candlecast")

Work = Literal["run", "walkforward"]


@dataclass(frozen=True)
class RunFolder:
    """The files of one run; see the design for their contracts."""

    path: Path

    @property
    def recipe(self) -> Path:
        """The resolved recipe: written first, it marks a folder as a run's."""
        return self.path / "recipe.yaml"

    @property
    def metrics(self) -> Path:
        """The figures: written last, they mark a run as finished."""
        return self.path / "metrics.json"

    @property
    def forecasts(self) -> Path:
        """Every forecast of the test rows."""
        return self.path / "forecasts.parquet"

    @property
    def model(self) -> Path:
        """The saved model."""
        return self.path / "model"

    @property
    def figures(self) -> Path:
        """PNG files."""
        return self.path / "figures"

    @property
    def report(self) -> Path:
        """The page."""
        return self.path / "report.html"

    @property
    def checkpoints(self) -> Path:
        """What resumes an interrupted run; removed when it is finished."""
        return self.path / "checkpoints"

    @property
    def mark(self) -> Path:
        """What an unfinished run is: the kind of work, and the hash of its candles."""
        return self.checkpoints / "work.json"

    def owns(self, path: Path) -> bool:
        """Whether a path is one of the run's own files, or inside one of its folders."""
        files = (self.recipe, self.metrics, self.forecasts, self.report)
        folders = (self.model, self.figures, self.checkpoints)
        return any(path.is_relative_to(own.resolve()) for own in files + folders)

    @property
    def is_finished(self) -> bool:
        """Whether the run came to its end."""
        return self.metrics.is_file()


def choose_folder(name: str, *, resume: bool) -> Path:
    """A folder under `runs/` for a run that names none: the next free, or the newest to resume."""
    numbers = [number for path in Path("runs").glob(f"{name}*") if (number := _number(path, name))]
    newest = max(numbers, default=0)
    number = max(newest, 1) if resume else newest + 1
    return Path("runs") / (name if number == 1 else f"{name}-{number}")


def _number(path: Path, name: str) -> int:
    """Which run of its name a folder holds, counted from 1; 0 if it is of another name."""
    if path.name == name:
        return 1
    number = path.name.removeprefix(f"{name}-")
    return int(number) if number.isdecimal() else 0


@contextmanager
def open_folder(
    path: Path, work: Work, recipe: Recipe, sha256: str, *, resume: bool
) -> Iterator[RunFolder]:
    """Open a new folder for a run, or an unfinished one to go on with.

    If the request proves wrong inside, a new folder is taken away again, unless work was saved in
    it. Nothing keeps two runs from the same folder at the same time: do not resume what still runs.

    Args:
        path: The folder; it may exist if it is empty.
        work: What is done; a folder with other work is not gone on with.
        recipe: What is run.
        sha256: The candles' hash; a run goes on with the same candles only.
        resume: Whether an unfinished run may be there.

    Raises:
        InputError: If the folder is not ours, cannot be written to, holds a run and `resume` is not
            asked, or holds a run of another recipe or other candles.
    """
    folder = RunFolder(path)
    made = make_folder(path)
    is_new = not any(path.iterdir())
    if not is_new:
        _check_ours(folder)
        if not resume:
            raise InputError(
                f"{path}: this folder holds a run already. Choose another --out, or go on with an "
                "unfinished run by --resume."
            )
        _check_same(folder, work, recipe, sha256)
    if resume and is_new:
        _log.info("%s holds nothing to resume: starting anew", path)
    if not folder.is_finished:
        write_text(folder.recipe, recipe.to_yaml())
        make_folder(folder.checkpoints)
        write_text(folder.mark, json.dumps({"work": work, "sha256": sha256}))
    try:
        yield folder
    except InputError:
        if is_new and _holds_nothing(folder):
            _take_away(folder, made)
        raise


def _holds_nothing(folder: RunFolder) -> bool:
    """Whether no work was saved yet."""
    return not folder.model.exists() and all(
        path == folder.mark for path in folder.checkpoints.iterdir()
    )


def _take_away(folder: RunFolder, made: list[Path]) -> None:
    """Undo what opening a new folder did, and nothing else."""
    shutil.rmtree(folder.checkpoints)
    folder.recipe.unlink()
    remove_empty(made)


def _check_ours(folder: RunFolder) -> None:
    if not folder.recipe.is_file():
        raise InputError(
            f"{folder.path}: this folder is not empty and holds no run. Choose another --out; "
            "nothing was written."
        )


def _check_same(folder: RunFolder, work: Work, recipe: Recipe, sha256: str) -> None:
    """The run in the folder is the same work, of this recipe and these candles."""
    before = parse_yaml(
        folder.recipe.read_bytes().decode("utf-8", errors="replace"), str(folder.recipe)
    )
    changed = _differences(before, parse_yaml(recipe.to_yaml(), "recipe"))
    if changed:
        raise InputError(
            f"{folder.path}: the run here has another {', '.join(changed)}. Give the same recipe "
            "and --set to resume it, or choose another --out."
        )
    its_work, its_candles = _mark_of(folder) or (work, sha256)
    if its_work != work:
        raise InputError(
            f"{folder.path}: this folder holds a {its_work}, not a {work}. Choose another --out."
        )
    if its_candles != sha256:
        raise InputError(
            f"{folder.path}: the run here is of other candles. Give the same ones to resume it, or "
            "choose another --out."
        )


def _mark_of(folder: RunFolder) -> tuple[str, str] | None:
    """The work and its candles' hash; None if it was stopped before they were noted."""
    try:
        if folder.is_finished:
            metrics = json.loads(folder.metrics.read_text(encoding="utf-8"))
            return str(metrics["work"]), str(metrics["data"]["sha256"])
        if not folder.mark.is_file():
            return None
        mark = json.loads(folder.mark.read_text(encoding="utf-8"))
        return str(mark["work"]), str(mark["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder.path}: the run here is damaged. Choose another --out."
        ) from error


def _differences(before: object, now: object, key: str = "") -> list[str]:
    """The dotted keys whose values differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = list(dict.fromkeys([*before, *now]))
        return [
            dotted
            for name in keys
            for dotted in _differences(
                before.get(name), now.get(name), f"{key}.{name}" if key else str(name)
            )
        ]
    return [] if before == now else [key or "recipe"]
