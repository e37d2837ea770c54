"""The networks by name. To add one, write its file and add its line to `BODIES` or `NETWORKS`.

A network that lives elsewhere needs no line: it is named by where it is imported from; see
`candlecast.models.own_network`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

from pydantic import ConfigDict, ValidationError, create_model
from torch import nn

from candlecast.errors import InputError
from candlecast.models.own_network import (
    allow,
    check_body,
    check_outputs,
    is_own,
    own_network,
    said,
)
from candlecast.models.sequence.bodies.dlinear import SequenceDLinear
from candlecast.models.sequence.bodies.nlinear import SequenceNLinear
from candlecast.models.sequence.bodies.recurrent import SequenceGRU, SequenceLSTM
from candlecast.models.sequence.bodies.tcn import SequenceTCN
from candlecast.models.sequence.bodies.transformer import SequenceTransformer
from candlecast.models.windowed.lstm import LSTM
from candlecast.recipe import CHRONOS, NEURALFORECAST, TREES, Option

__all__ = ["BODIES", "NETWORKS", "allow", "build_body", "build_network", "checked_options"]

_SIZES = ("inputs", "outputs")

NETWORKS: dict[str, type[nn.Module]] = {
    "lstm": LSTM,
}

BODIES: dict[str, type[nn.Module]] = {
    "lstm": SequenceLSTM,
    "gru": SequenceGRU,
    "tcn": SequenceTCN,
    "transformer": SequenceTransformer,
    "dlinear": SequenceDLinear,
    "nlinear": SequenceNLinear,
}
"""Those that learn from every step of a sequence."""


def build_body(name: str, *, inputs: int, options: Mapping[str, Option]) -> nn.Module:
    """Make a sequence's body with fresh weights, drawn from torch's generator.

    Args:
        name: A name from `BODIES`, or where to import a body from.
        inputs: Values a row.
        options: The constructor's other arguments.

    Raises:
        InputError: For an unknown body, one that is not what `Body` asks for, or an option it does
            not take or of the wrong type.
    """
    body = _made(BODIES, name, {"inputs": inputs}, options)
    if is_own(name):
        check_body(body, name, inputs)
    return body


def build_network(
    name: str, *, inputs: int, outputs: int, lookback: int, options: Mapping[str, Option]
) -> nn.Module:
    """Make a network with fresh weights, drawn from torch's generator.

    Args:
        name: A name from `NETWORKS`, or where to import a network from.
        inputs: Features a row.
        outputs: Values to forecast.
        lookback: Rows of the windows that it is to read.
        options: The constructor's other arguments.

    Raises:
        InputError: For an unknown network, one that gives something else than asked, or an option
            it does not take or of the wrong type.
    """
    network = _made(NETWORKS, name, {"inputs": inputs, "outputs": outputs}, options)
    if is_own(name):
        check_outputs(network, name, lookback=lookback, inputs=inputs, outputs=outputs)
    return network


def _made(
    known: Mapping[str, type[nn.Module]],
    name: str,
    sizes: Mapping[str, int],
    options: Mapping[str, Option],
) -> nn.Module:
    network = own_network(name) if is_own(name) else known.get(name)
    if network is None:
        raise InputError(
            f"network '{name}' is not known. Known networks: {', '.join(known)}; "
            f"{TREES}, {NEURALFORECAST}, {CHRONOS}; or your own, such as "
            "my_package.my_module:MyNetwork."
        )
    arguments = checked_options(name, network, options)
    # Too large for the memory, say; others' code may raise whatever it likes.
    expected = (Exception,) if is_own(name) else (RuntimeError, ValueError)
    try:
        return network(**sizes, **arguments)
    except expected as error:
        raise InputError(
            f"network {name} cannot be made with {arguments} ({said(error)}). Change model.options."
        ) from error


def checked_options(
    name: str,
    made: Callable[..., Any],
    options: Mapping[str, Option],
    *,
    set_here: Collection[str] = _SIZES,
    extra: bool = True,
) -> dict[str, Option]:
    """The options that are given, held against a constructor's typed signature.

    Args:
        name: What is made, for messages.
        made: The constructor. An argument without an annotation may be anything.
        options: By the names of its arguments.
        set_here: Arguments that are no options: whoever calls it gives them.
        extra: Whether it may be given what it takes by ``**`` alone.

    Raises:
        InputError: For an option that it does not take, that is of the wrong type, or that it needs
            and is not there.
    """
    fields: dict[str, Any] = {}
    unknown: Literal["allow", "forbid"] = "forbid"
    for each in _signature(made).parameters.values():
        if each.kind is inspect.Parameter.VAR_KEYWORD:
            unknown = "allow" if extra else unknown
        elif each.kind is not inspect.Parameter.VAR_POSITIONAL and each.name not in set_here:
            annotation = Any if each.annotation is each.empty else each.annotation
            fields[each.name] = (annotation, ... if each.default is each.empty else each.default)
    config = ConfigDict(
        extra=unknown, strict=True, arbitrary_types_allowed=True, protected_namespaces=()
    )
    schema = create_model(name, __config__=config, **fields)
    try:
        schema.model_validate(dict(options))
    except ValidationError as error:
        detail = error.errors()[0]
        raise InputError(
            f"model.options.{detail['loc'][0]}: {detail['msg']}. The network {name} takes "
            f"{', '.join(fields) or 'no options'}."
        ) from error
    return dict(options)


def _signature(made: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(made, eval_str=True)
    except NameError:  # of an annotation that is there for type checkers alone
        signature = inspect.signature(made)
        parameters = signature.parameters.values()
        return signature.replace(
            parameters=[each.replace(annotation=each.empty) for each in parameters]
        )
