"""The networks by name. To add one, write its file and add its line to `NETWORKS`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, ValidationError, create_model
from torch import nn

from candlecast.errors import InputError
from candlecast.models.lstm import LSTM
from candlecast.recipe import Option

NETWORKS: dict[str, type[nn.Module]] = {
    "lstm": LSTM,
}


def build_network(
    name: str, *, inputs: int, outputs: int, options: Mapping[str, Option]
) -> nn.Module:
    """Make a network with fresh weights, drawn from torch's generator.

    Args:
        name: A name from `NETWORKS`.
        inputs: Features a row.
        outputs: Values to forecast.
        options: The constructor's other arguments.

    Raises:
        InputError: For an unknown network, or an option it does not take or of the wrong type.
    """
    if name not in NETWORKS:
        raise InputError(f"network '{name}' is not known. Known networks: {', '.join(NETWORKS)}.")
    network = NETWORKS[name]
    arguments = _checked(name, network, options)
    try:
        return network(inputs=inputs, outputs=outputs, **arguments)
    except (RuntimeError, ValueError) as error:  # too large for the memory, say
        detail = str(error).splitlines()[0]
        raise InputError(
            f"network {name} cannot be made with {arguments} ({detail}). Change model.options."
        ) from error


def _checked(
    name: str, network: type[nn.Module], options: Mapping[str, Option]
) -> dict[str, Option]:
    """The options, held against the constructor's typed signature."""
    signature = inspect.signature(network, eval_str=True)
    fields: dict[str, Any] = {
        parameter.name: (parameter.annotation, parameter.default)
        for parameter in signature.parameters.values()
        if parameter.name not in ("inputs", "outputs")
    }
    schema = create_model(name, __config__=ConfigDict(extra="forbid", strict=True), **fields)
    try:
        checked: dict[str, Option] = schema.model_validate(dict(options)).model_dump()
    except ValidationError as error:
        detail = error.errors()[0]
        raise InputError(
            f"model.options.{detail['loc'][0]}: {detail['msg']}. The network {name} takes "
            f"{', '.join(fields)}."
        ) from error
    return checked
