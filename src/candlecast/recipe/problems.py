"""What is wrong with a recipe, in its user's words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError


def problems(error: ValidationError, recipe: type[BaseModel]) -> list[str]:
    """Each wrong key once: of the ways that a value may be written, the first that it fails.

    Args:
        error: What Pydantic found.
        recipe: The whole of which keys may be.
    """
    found: dict[tuple[str, ...], str] = {}
    for detail in error.errors():
        keys = _keys(detail["loc"])
        if not any(known[: len(keys)] == keys for known in found):
            found[keys] = _explain(keys, dict(detail), recipe)
    return list(found.values())


def _keys(location: Iterable[int | str]) -> tuple[str, ...]:
    """The keys of a place in the recipe, without the marks that Pydantic sets for alternatives."""
    alternatives = (
        *("constrained-float", "constrained-int", "literal['test']", "literal['month']"),
        *("bool", "int", "float", "str"),
    )
    return tuple(str(key) for key in location if key not in alternatives)


def _explain(keys: tuple[str, ...], detail: dict[str, Any], recipe: type[BaseModel]) -> str:
    """One problem in the user's words: the key, what is wrong, and the nearest known key."""
    dotted = ".".join(keys) or "the recipe"
    if detail["type"] == "extra_forbidden":
        known = _known_keys(keys[:-1], recipe)
        near = difflib.get_close_matches(keys[-1], known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(known)}"
        return f"unknown key '{dotted}' ({hint})"
    if detail["type"] == "missing":
        return f"key '{dotted}' is missing"
    message = str(detail["msg"]).removeprefix("Value error, ").replace("valid tuple", "list")
    if isinstance(detail["input"], dict):
        return f"'{dotted}': {message}"
    return f"'{dotted}' is {detail['input']!r}: {message}"


def _known_keys(path: Sequence[str], recipe: type[BaseModel]) -> list[str]:
    """The keys of the section at a path."""
    section: Any = recipe
    for key in path:
        if key.isdigit():  # a place in a list of sections
            continue
        annotation = section.model_fields[key].annotation
        section = next(iter(get_args(annotation)), annotation)  # of `Section | None` the section
    return list(section.model_fields)
