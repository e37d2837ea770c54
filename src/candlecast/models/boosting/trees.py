"""Gradient-boosted trees: grown by LightGBM (Ke et al., 2017), kept as arrays, and asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from candlecast.distributions import Floats
from candlecast.errors import MissingCodeError

Inputs = NDArray[np.float32]
Objective = Literal["regression", "gamma"]
_LOSSES = {"regression": "l2", "gamma": "gamma_deviance"}
_THREADS = 1  # two that wait for each other are slower by far on a machine that has more to do
_ROWS_AT_ONCE = 2_048  # that trees are asked about: what is then worked on fits the cache


@dataclass(frozen=True)
class TreeOptions:
    """How trees are grown.

    Attributes:
        rounds: Trees at most.
        patience: Trees without a better loss on the rows that check, before no more are grown.
        learning_rate: How far each tree is followed.
        num_leaves: Leaves a tree at most.
        min_leaf: Rows a leaf at least.
        penalty: Of a leaf's squared value.
        columns: The share of the inputs that a tree may look at.
        rows: The share of the rows that a tree is grown from.
    """

    rounds: Annotated[int, Field(ge=1, le=100_000)] = 200
    patience: Annotated[int, Field(ge=1)] = 20
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.05
    num_leaves: Annotated[int, Field(ge=2, le=512)] = 15
    min_leaf: Annotated[int, Field(ge=1)] = 1_000
    penalty: Annotated[float, Field(ge=0)] = 10.0
    columns: Annotated[float, Field(gt=0, le=1)] = 0.5
    rows: Annotated[float, Field(gt=0, le=1)] = 0.5


@dataclass(frozen=True)
class Growth:
    """How the growing went.

    Attributes:
        best: Trees that were kept.
        history: After each tree the loss on the rows to learn from, and on those that check.
    """

    best: int
    history: tuple[dict[str, float], ...]


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees that were grown, in arrays over the nodes of all of them.

    They are asked without LightGBM: its reader of saved models ends the process over a damaged one.

    Attributes:
        roots: Where each tree begins; shape [trees].
        feature: Which input a node asks for; shape [nodes].
        threshold: A row goes left if that input is not greater; shape [nodes].
        children: Where it goes, left or right; both further on, or both the node itself, which then
            is a leaf; shape [nodes, 2].
        value: What a leaf says; shape [nodes].
    """

    roots: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: Floats
    children: NDArray[np.int64]
    value: Floats

    def __post_init__(self) -> None:
        nodes = len(self.feature)
        shapes = [each.shape for each in (self.feature, self.threshold, self.value, self.children)]
        if self.roots.ndim != 1 or shapes != [(nodes,), (nodes,), (nodes,), (nodes, 2)]:
            raise ValueError(f"trees of the shapes {self.roots.shape}, {shapes}")
        to = np.concatenate([self.roots, self.children.ravel()])
        if not ((to >= 0) & (to < nodes)).all() or not (self.feature >= 0).all():
            raise ValueError("trees with nodes or inputs that there are not")
        places = np.arange(nodes)[:, None]
        further = (self.children > places).all(axis=1)
        leaf = (self.children == places).all(axis=1)
        if not (further | leaf).all():  # or a row might go round for ever
            raise ValueError("trees whose branches do not lead to leaves")

    @property
    def inputs(self) -> int:
        """How many inputs a row must have at least."""
        return int(self.feature.max(initial=-1)) + 1

    @property
    def parameters(self) -> int:
        """How many numbers were learned: the values of leaves, and the thresholds between."""
        return len(self.feature)

    def __call__(self, inputs: Inputs) -> Floats:
        """The sum of what they say of each row; shape [rows]."""
        pieces = np.split(inputs, range(_ROWS_AT_ONCE, len(inputs), _ROWS_AT_ONCE))
        return np.concatenate([self._sums(piece) for piece in pieces])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What to save, by name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def _sums(self, inputs: Inputs) -> Floats:
        node = np.broadcast_to(self.roots, (len(inputs), len(self.roots)))
        rows = np.arange(len(inputs))[:, None]
        while True:
            right = inputs[rows, self.feature[node]] > self.threshold[node]
            after = self.children[node, right.astype(np.int64)]
            if np.array_equal(after, node):
                return np.asarray(self.value[node].sum(axis=1))
            node = after


class Ground:
    """Rows that trees learn from, and those that check them, sorted into bins once.

    Args:
        inputs: To learn from; shape [rows, inputs].
        checked: To check by; likewise.
        options: How trees are grown.
        seed: Of the shares of inputs and rows that are drawn for each tree.

    Raises:
        MissingCodeError: If LightGBM is not installed.
    """

    def __init__(self, inputs: Inputs, checked: Inputs, options: TreeOptions, seed: int) -> None:
        self._library = _lightgbm()
        self._options = options
        self._settings = {
            **_settings(options),
            "seed": seed,
            "num_threads": _THREADS,
            "deterministic": True,
            "force_row_wise": True,
            "feature_pre_filter": False,
            "verbosity": -1,
        }
        self._inputs = self._library.Dataset(inputs, params=self._settings)
        self._checked = self._inputs.create_valid(checked)

    def grow(
        self,
        objective: Objective,
        target: Floats,
        checked: Floats,
        tick: Callable[[], None] = lambda: None,
    ) -> tuple[Trees, Growth]:
        """Grow trees until they say no more of the rows that check.

        Args:
            objective: ``regression`` for a mean by squares; ``gamma`` for the log of the mean of
                what is above 0, by the gamma deviance, which is QLIKE (Patton, 2011).
            target: Of the rows to learn from.
            checked: Of the rows that check.
            tick: Called after each tree.
        """
        library, losses = self._library, dict[str, dict[str, list[float]]]()
        self._inputs.set_label(target)
        self._checked.set_label(checked)
        booster = library.train(
            self._settings | {"objective": objective, "metric": _LOSSES[objective]},
            self._inputs,
            num_boost_round=self._options.rounds,
            valid_sets=[self._inputs, self._checked],
            valid_names=["train", "checked"],
            callbacks=[
                library.record_evaluation(losses),
                library.early_stopping(self._options.patience, verbose=False),
                lambda _: tick(),
            ],
        )
        best: int = booster.best_iteration
        train, val = (losses[part][_LOSSES[objective]] for part in ("train", "checked"))
        history = tuple(
            {"train_loss": one, "val_loss": other} for one, other in zip(train, val, strict=True)
        )
        grown = booster.dump_model(num_iteration=best)["tree_info"]
        return _in_arrays([tree["tree_structure"] for tree in grown]), Growth(best, history)


def _in_arrays(structures: Sequence[dict[str, Any]]) -> Trees:
    """Trees from LightGBM's nested description of them."""
    nodes: list[tuple[int, float, list[int], float]] = []

    def add(node: dict[str, Any]) -> int:
        place = len(nodes)
        if "leaf_value" in node:
            nodes.append((0, 0.0, [place, place], node["leaf_value"]))
            return place
        nodes.append((0, 0.0, [], 0.0))  # its children's places are not known yet
        children = [add(node["left_child"]), add(node["right_child"])]
        nodes[place] = (node["split_feature"], node["threshold"], children, 0.0)
        return place

    roots = [add(structure) for structure in structures]
    feature, threshold, children, value = (list(each) for each in zip(*nodes, strict=True))
    return Trees(
        np.array(roots, dtype=np.int64),
        np.array(feature, dtype=np.int64),
        np.array(threshold, dtype=np.float64),
        np.array(children, dtype=np.int64),
        np.array(value, dtype=np.float64),
    )


def _settings(options: TreeOptions) -> dict[str, Any]:
    """The options by LightGBM's names."""
    names = {
        "min_leaf": "min_data_in_leaf",
        "penalty": "lambda_l2",
        "columns": "feature_fraction",
        "rows": "bagging_fraction",
    }
    given = {names.get(name, name): value for name, value in asdict(options).items()}
    return {name: given[name] for name in given if name not in ("rounds", "patience")} | {
        "bagging_freq": 1
    }


def _lightgbm() -> Any:
    try:
        import lightgbm
    except (ModuleNotFoundError, OSError) as missing:  # OSError: it lacks a library of the system
        raise MissingCodeError(
            "the network lightgbm needs LightGBM. Install it with: "
            f"pip install 'candlecast[lightgbm]' ({missing})"
        ) from missing
    return lightgbm
