"""Where the time of a training step goes, by torch's profiler."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile

_PARTS = ("gather", "forward", "loss", "backward", "clip", "optimiser")
_NODE = "autograd::engine::evaluate_function: "
_LSTM = ("_Seen", "aten::lstm", "aten::mkldnn_rnn_layer", "_SeenBackward", "MkldnnRnnLayerBackward")
_DROPOUT = ("aten::dropout", "aten::native_dropout")
_OTHER = "readout, mean, residual"


def profile_step(step: Callable[[], None], steps: int) -> dict[str, float]:
    """Milliseconds of a step by group, the most expensive first.

    What is no operator of torch's, Python that calls them, counts with the part that it stands in.
    On one thread: the profiler does not see what others do.

    Args:
        step: What is looked at; its parts are `record_function` ranges of these names.
        steps: How often.
    """
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(steps):
            step()
    events = profiler.events()
    assert events is not None
    made_by = _makers(events)
    groups: dict[str, float] = {}
    for event in events:
        group = _group(event, made_by)
        if group is not None:
            milliseconds = event.self_cpu_time_total / 1000 / steps
            groups[group] = groups.get(group, 0.0) + milliseconds
    return dict(sorted(groups.items(), key=lambda each: -each[1]))


def _makers(events: list[FunctionEvent]) -> dict[int, str]:
    """By its number, what part of the way forward each step of the way back undoes."""
    makers = {}
    for event in events:
        if event.sequence_nr >= 0 and _part(event) in ("forward", "loss"):
            makers[event.sequence_nr] = _forward_group(event)
    return makers


def _group(event: FunctionEvent, makers: dict[int, str]) -> str | None:
    """What an event's own time belongs to; None for what lies outside of a step's parts."""
    part = _part(event)
    if part in ("forward", "loss"):
        group = _forward_group(event)
        return f"{group} forward" if group == "LSTM" else group
    if part == "backward":
        return _backward_group(event, makers)
    return part


def _part(event: FunctionEvent) -> str | None:
    return next((each.name for each in _upwards(event) if each.name in _PARTS), None)


def _forward_group(event: FunctionEvent) -> str:
    names = [each.name for each in _upwards(event)]
    if any(name.startswith(_LSTM) for name in names):
        return "LSTM"
    if any(name.startswith(_DROPOUT) for name in names):
        return "dropout"
    return "loss" if "loss" in names else _OTHER


def _backward_group(event: FunctionEvent, makers: dict[int, str]) -> str:
    nodes = [each for each in _upwards(event) if each.name.startswith(_NODE)]
    if not nodes:
        return "backward, between"
    node = nodes[-1]  # the outermost: a step back may go back through a graph of its own
    if node.name.removeprefix(_NODE).startswith(_LSTM):
        return "LSTM backward"
    group = makers.get(node.sequence_nr, "gradients kept")
    return "LSTM backward" if group == "LSTM" else group


def _upwards(event: FunctionEvent | None) -> Iterator[FunctionEvent]:
    """The event, what called it, and so on."""
    while event is not None:
        yield event
        event = event.cpu_parent
