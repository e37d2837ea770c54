"""The user's own network, named by where it is imported from: ``my_package.my_module:MyBody``.

To import a module is to execute it. A recipe's network is imported when the recipe is carried out.
To load a saved model executes nothing, so a model of a network of its user's own is refused, unless
the program that loads it has imported the module by itself or called `allow`.

What is made is tried on a few rows, and what is wrong with it is said in words. Whether it looks
ahead is for the audit to say.
"""

from __future__ import annotations

import importlib
import sys

import torch
from torch import Tensor, nn

from candlecast.errors import InputError, MissingCodeError

_BATCH, _FIRST, _MORE = 2, 3, 5  # sequences, and rows of the pieces, that a body is tried on
_CLOSE = 1e-3
_allowed: set[str] = set()


def is_own(name: str) -> bool:
    """Whether a network's name says where to import it from."""
    return ":" in name


def allow(path: str) -> None:
    """Let a network be imported, which executes its module, also where a model is loaded.

    Args:
        path: Such as ``my_package.my_module:MyBody``.
    """
    _allowed.add(path)


def own_network(path: str) -> type[nn.Module]:
    """The class at a path.

    Raises:
        MissingCodeError: If its module was neither imported nor allowed to be.
        InputError: If the module cannot be imported or has no such class.
    """
    module_name, _, name = path.partition(":")
    if path in _allowed:
        _import(module_name, path)
    if module_name not in sys.modules:
        raise MissingCodeError(
            f"the model's network {path} is its user's own code, which loading a model does not "
            f"execute. If you trust it, forecast from Python: `import {module_name}` first, and "
            "then call candlecast.predict."
        )
    # Not getattr: a module may answer it by executing something.
    found = vars(sys.modules[module_name]).get(name)
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise InputError(
            f"network {path}: {module_name} has no class {name} that is a torch.nn.Module. Name "
            "one that it has."
        )
    return found


def check_body(body: nn.Module, path: str, inputs: int) -> None:
    """Raise an `InputError` if a body is not what `Body` asks for."""
    width = getattr(body, "width", None)
    if not isinstance(width, int) or isinstance(width, bool) or width < 1:
        raise InputError(
            f"network {path}: its 'width' is {width!r}. Set it to the number of values that the "
            "body gives for each row."
        )
    noise = torch.Generator().manual_seed(0)
    rows = torch.randn(_BATCH, _FIRST + _MORE, inputs, generator=noise)
    first, memory = _read(body, path, rows[:, :_FIRST], (), width)
    second, after = _read(body, path, rows[:, _FIRST:], memory, width)
    sizes, later = ([tuple(each.shape) for each in kept] for kept in (memory, after))
    if sizes != later:
        raise InputError(
            f"network {path}: its memory has the shapes {sizes} after one piece of a sequence and "
            f"{later} after the next. Keep it of one size from the first row on."
        )
    whole, _ = _read(body, path, rows, (), width)
    looks_ahead = not torch.allclose(whole[:, :_FIRST], first, atol=_CLOSE)
    if not looks_ahead and not torch.allclose(whole[:, _FIRST:], second, atol=_CLOSE):
        raise InputError(
            f"network {path}: reading a sequence in two pieces, with the memory handed on, gives "
            "something else than reading it at once. Return all that it has to remember, and start "
            "from the memory that it is given."
        )


def check_outputs(
    network: nn.Module, path: str, *, lookback: int, inputs: int, outputs: int
) -> None:
    """Raise an `InputError` if a network of windows does not give what is asked of it."""
    windows = torch.zeros(_BATCH, lookback, inputs)
    said = _tried(network, path, windows)
    if not isinstance(said, Tensor) or said.shape != (_BATCH, outputs):
        raise InputError(
            f"network {path}: of windows of shape {list(windows.shape)} its forward gives "
            f"{_shape(said)}. Give a tensor of shape {[_BATCH, outputs]}: one value for each "
            "horizon."
        )


def said(error: BaseException) -> str:
    """What an error of others' code says, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]


def _import(module_name: str, path: str) -> None:
    try:
        importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # of others' code, which may raise whatever it likes
        raise InputError(
            f"network {path}: {module_name} cannot be imported ({said(error)}). Correct it, or "
            "name the folder that it lies in by the environment variable PYTHONPATH."
        ) from error


def _read(
    body: nn.Module, path: str, rows: Tensor, memory: tuple[Tensor, ...], width: int
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """What a body gives of some rows, if it has the form that it must have."""
    given = _tried(body, path, rows, memory)
    if not isinstance(given, tuple) or len(given) != 2:
        raise InputError(
            f"network {path}: its forward gives {_shape(given)}. Give a pair: what was seen of "
            "each row, and the memory to go on with."
        )
    seen, after = given
    expected = [*rows.shape[:2], width]
    if not isinstance(seen, Tensor) or list(seen.shape) != expected:
        raise InputError(
            f"network {path}: of rows of shape {list(rows.shape)} its forward gives "
            f"{_shape(seen)}. Give a tensor of shape {expected}: {width} values (its 'width') for "
            "each row."
        )
    if not isinstance(after, tuple) or not all(
        isinstance(each, Tensor) and each.ndim >= 2 and each.shape[1] == _BATCH for each in after
    ):
        raise InputError(
            f"network {path}: its memory is {_shape(after)}. Give a tuple of tensors whose second "
            "axis is the batch's."
        )
    return seen, after


def _tried(network: nn.Module, path: str, rows: Tensor, *others: object) -> object:
    """What a network gives outside of training, drawing nothing from the generators in use."""
    was_training = network.training
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            return network.eval()(rows, *others)
    except Exception as error:  # of others' code, which may raise whatever it likes
        raise InputError(
            f"network {path}: its forward fails on rows of shape {list(rows.shape)} "
            f"({said(error)}). Correct it."
        ) from error
    finally:
        network.train(was_training)


def _shape(given: object) -> str:
    """What was given instead, in words."""
    if isinstance(given, Tensor):
        return f"one of shape {list(given.shape)}"
    if isinstance(given, tuple | list):
        return f"a {type(given).__name__} of {', '.join(map(_shape, given)) or 'nothing'}"
    return f"a {type(given).__name__}"
