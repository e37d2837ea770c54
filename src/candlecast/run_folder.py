"""A run's folder: when it may be written to, and what marks it as ours and as finished."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from candlecast.errors import InputError
from candlecast.files import make_folder, write_text
from candlecast.recipe import Recipe


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
    def is_finished(self) -> bool:
        """Whether the run came to its end."""
        return self.metrics.is_file()


def choose_folder(name: str, *, resume: bool) -> Path:
    """A folder under `runs/` for a run that names none: the next free, or the newest to resume."""
    number = 1
    while _numbered(name, number).exists():
        number += 1
    return _numbered(name, max(number - 1, 1) if resume else number)


def _numbered(name: str, number: int) -> Path:
    return Path("runs") / (name if number == 1 else f"{name}-{number}")


@contextmanager
def open_folder(path: Path, recipe: Recipe, sha256: str, *, resume: bool) -> Iterator[RunFolder]:
    """Open a new folder for a run, or an unfinished one to go on with.

    If the request proves wrong inside, a new folder is taken away again.

    Args:
        path: The folder; it may exist if it is empty.
        recipe: What is run.
        sha256: The candles' hash; a run goes on with the same candles only.
        resume: Whether an unfinished run may be there.

    Raises:
        InputError: If the folder is not ours, cannot be written to, holds a run and `resume` is not
            asked, or holds a run of another recipe or other candles.
    """
    folder = RunFolder(path)
    mark = folder.checkpoints / "candles.sha256"
    was_there = path.exists()
    is_new = not was_there or (path.is_dir() and not any(path.iterdir()))
    if not is_new:
        _check_ours(folder)
        if not resume:
            raise InputError(
                f"{path}: this folder holds a run already. Choose another --out, or go on with an "
                "unfinished run by --resume."
            )
        _check_same(folder, mark, recipe, sha256)
    make_folder(path)
    try:
        if is_new:
            folder.checkpoints.mkdir()
            write_text(mark, sha256)
            write_text(folder.recipe, recipe.to_yaml())
        yield folder
    except InputError:
        if is_new:
            shutil.rmtree(path)
            if was_there:
                path.mkdir()
        raise


def _check_ours(folder: RunFolder) -> None:
    if not folder.path.is_dir():
        raise InputError(f"{folder.path}: a file stands in the way. Choose another --out.")
    if not folder.recipe.is_file():
        raise InputError(
            f"{folder.path}: this folder is not empty and holds no run. Choose another --out; "
            "nothing was written."
        )


def _check_same(folder: RunFolder, mark: Path, recipe: Recipe, sha256: str) -> None:
    if folder.is_finished:
        return
    before = yaml.safe_load(folder.recipe.read_text(encoding="utf-8"))
    changed = _differences(before, yaml.safe_load(recipe.to_yaml()))
    if changed:
        raise InputError(
            f"{folder.path}: the unfinished run has another {', '.join(changed)}. Give the same "
            "recipe and --set to resume it, or choose another --out."
        )
    if not mark.is_file() or mark.read_text(encoding="utf-8") != sha256:
        raise InputError(
            f"{folder.path}: the unfinished run was begun with other candles. Give the same ones "
            "to resume it, or choose another --out."
        )


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
    return [] if before == now else [key]
