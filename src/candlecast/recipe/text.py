"""Where recipes are read from, and what is set in them from outside."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from candlecast.errors import InputError
from candlecast.yaml_text import parse_yaml


def packaged_recipes() -> dict[str, str]:
    """The recipes that come with candlecast: name to YAML text."""
    folder = resources.files("candlecast") / "recipes"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return {
        Path(file.name).stem: file.read_text(encoding="utf-8")
        for file in files
        if file.name.endswith(".yaml")
    }


def recipe_text(recipe: str | Path) -> tuple[str, str]:
    """Where a recipe is, for messages, and its text."""
    packaged = packaged_recipes()
    if str(recipe) in packaged:
        return f"recipe {recipe}", packaged[str(recipe)]
    path = Path(recipe)
    try:
        is_file = path.is_file()
    except OSError:  # a folder that may not be entered
        is_file = False
    if not is_file:
        raise InputError(
            f"there is no recipe '{recipe}'. Packaged recipes: {', '.join(packaged)}; anything "
            "else is read as the path of a YAML file."
        )
    try:
        return str(path), path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: the recipe cannot be read ({' '.join(str(error).split())})."
        ) from error


def apply_override(tree: dict[str, Any], override: str) -> None:
    """Set one dotted key in the tree."""
    dotted, equals, text = override.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        raise InputError(f"--set {override}: write key=value, such as training.max_epochs=1.")
    value = parse_yaml(text, f"--set {override}")
    for key in keys[:-1]:
        tree = tree.setdefault(key, {})
        if not isinstance(tree, dict):
            raise InputError(f"--set {override}: '{key}' holds a value, not further keys.")
    tree[keys[-1]] = value
