"""What `compile()` was given, resolved once the outputs are known."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from lamina import losses, metrics
from lamina._core import tree
from lamina._core.errors import describe, explain
from lamina._core.masks import get_mask, set_mask

_ACCURACY = {
    "binary": metrics.BinaryAccuracy,
    "sparse": metrics.SparseCategoricalAccuracy,
    "categorical": metrics.CategoricalAccuracy,
}
_CROSSENTROPY_LOSS = {
    "binary": losses.binary_crossentropy,
    "sparse": losses.sparse_categorical_crossentropy,
    "categorical": losses.categorical_crossentropy,
}
_CROSSENTROPY_METRIC = {
    "binary": metrics.BinaryCrossentropy,
    "sparse": metrics.SparseCategoricalCrossentropy,
    "categorical": metrics.CategoricalCrossentropy,
}


def _kind(y_true: Any, y_pred: Any) -> str:
    """Return which of the three families of labels these shapes are (None: no labels yet)."""
    if y_pred.shape and y_pred.shape[-1] == 1:
        return "binary"
    if y_true is None:
        return "categorical"
    fewer = len(y_true.shape) < len(y_pred.shape)
    if fewer or (y_true.shape and y_true.shape[-1] == 1 and (y_pred.shape[-1] or 0) > 1):
        return "sparse"
    return "categorical"


def resolve_loss(identifier: Any, y_true: Any, y_pred: Any) -> Any:
    """Return the Loss that a name, function or object stands for, given the shapes."""
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        loss = _CROSSENTROPY_LOSS[_kind(y_true, y_pred)]
    else:
        loss = losses.get(identifier)
    if loss is None or isinstance(loss, losses.Loss):
        return loss
    name = identifier if isinstance(identifier, str) else getattr(loss, "__name__", "loss")
    return losses.LossFunctionWrapper(loss, name=name)


def resolve_metric(identifier: Any, y_true: Any, y_pred: Any) -> Any:
    """Return the Metric that a name, function or object stands for, given the shapes."""
    lower = identifier.lower() if isinstance(identifier, str) else ""
    if lower in ("accuracy", "acc"):
        metric = _ACCURACY[_kind(y_true, y_pred)](name=identifier)
    elif lower in ("crossentropy", "ce"):
        metric = _CROSSENTROPY_METRIC[_kind(y_true, y_pred)](name=identifier)
    else:
        metric = metrics.get(identifier)
    if not isinstance(metric, metrics.Metric):
        name = getattr(metric, "__name__", "").strip("<>")  # '<lambda>' is not for file names
        metric = metrics.MeanMetricWrapper(metric, name=name or None)
    if isinstance(identifier, str):
        metric.name = identifier
    if y_true is not None:
        metric.prepare(y_true, y_pred)
    return metric


@dataclass
class Output:
    """The losses and metrics of one output of the model."""

    name: str | None  # None where there is only one output
    loss: Any
    weight: float
    tracker: Any  # Mean of this output's loss, where there are several
    metrics: list[Any]
    weighted_metrics: list[Any]

    def label(self, name: str) -> str:
        return name if self.name is None else f"{self.name}_{name}"


class Compiled:
    """What `compile()` was given.

    `resolve` turns it into one `Output` per output of the model; before that, shapes are not known.
    """

    def __init__(self, loss: Any, loss_weights: Any, metrics_: Any, weighted_metrics: Any) -> None:
        self.loss, self.loss_weights = loss, loss_weights
        self.metrics, self.weighted_metrics = metrics_, weighted_metrics
        for argument, value in (("metrics", metrics_), ("weighted_metrics", weighted_metrics)):
            if value is not None and not isinstance(value, (list, tuple, dict)):
                raise ValueError(
                    explain(
                        "compile",
                        f"expected a list or dictionary as `{argument}`",
                        describe(value),
                        f"write {argument}=[{value!r}]",
                    )
                )
        _check_names(loss, losses.get, ("crossentropy", "ce"))
        _check_names(metrics_, metrics.get, ("accuracy", "acc", "crossentropy", "ce"))
        _check_names(weighted_metrics, metrics.get, ("accuracy", "acc", "crossentropy", "ce"))
        self.outputs: list[Output] = []
        self._trackers: list[Any] = []  # means of the outputs' losses, as logs show them
        self.structure: Any = None
        self.settled = False  # whether a step has run: from then on losses and metrics stay

    @property
    def resolved(self) -> bool:
        return self.structure is not None

    def resolve(self, y_true: Any, y_pred: Any, names: list[str] | None) -> None:
        """Make losses and metrics for outputs of these shapes."""
        flat = tree.flatten(y_pred)
        keys = _output_names(y_pred, names, len(flat))
        trues = (
            match_outputs("y", y_true, keys, y_pred) if y_true is not None else [None] * len(flat)
        )
        given = [
            _per_output(argument, value, keys, y_pred)
            for argument, value in (("loss", self.loss), ("metrics", self.metrics),
                                    ("weighted_metrics", self.weighted_metrics))
        ]  # fmt: skip
        weights = _per_output("loss_weights", self.loss_weights, keys, y_pred)
        paths = _paths(y_pred, iter(keys))
        several = len(flat) > 1
        tracked = sum(loss is not None for loss in given[0]) > 1
        outputs = []
        for i, (t, p) in enumerate(zip(trues, flat, strict=True)):
            loss = resolve_loss(given[0][i], t, p)
            tracker = (
                metrics.Mean(name=f"{paths[i]}_loss") if tracked and loss is not None else None
            )
            weight = 1.0 if weights[i] is None else float(weights[i])
            found = [[resolve_metric(m, t, p) for m in _as_list(group[i])] for group in given[1:]]
            outputs.append(Output(keys[i] if several else None, loss, weight, tracker, *found))
        self.outputs, self.keys, self.structure = outputs, keys, tree.structure_of(y_pred)
        by_name = isinstance(y_pred, dict) and isinstance(self.loss, dict) and _is_flat(y_pred)
        order = [keys.index(n) for n in self.loss if n in keys] if by_name else range(len(outputs))
        self._trackers = [outputs[i].tracker for i in order if outputs[i].tracker is not None]

    # --- inside the compiled step ---------------------------------------------------------------

    def total_loss(self, y: Any, y_pred: Any, sample_weight: Any) -> Any:
        """Return the weighted sum of the losses of all outputs, or None if there is no loss."""
        total = None
        for output, t, p, w in self._zip(y, y_pred, sample_weight):
            if output.loss is None:
                continue
            value = output.loss(t, p, w) * 1.0
            if output.tracker is not None:
                output.tracker.update_state(value, sample_weight=jnp.shape(tree.flatten(p)[0])[0])
            value = value * output.weight if output.weight != 1.0 else value
            total = value if total is None else total + value
        return total

    def update_metrics(self, y: Any, y_pred: Any, sample_weight: Any) -> None:
        for output, t, p, w in self._zip(y, y_pred, sample_weight):
            for metric in output.metrics:
                metric.update_state(t, p)
            for metric in output.weighted_metrics:
                metric.update_state(t, p, sample_weight=w)

    def results(self) -> dict[str, Any]:
        """Return the value of every metric by the name shown in logs."""
        found: dict[str, Any] = {tracker.name: tracker.result() for tracker in self._trackers}
        plain = [(o, m, "") for o in self.outputs for m in o.metrics]
        weighted = [(o, m, "weighted_") for o in self.outputs for m in o.weighted_metrics]
        for output, metric, prefix in plain + weighted:
            result = metric.result()
            values = result if isinstance(result, dict) else {metric.name: result}
            for name, value in values.items():
                label = output.label(name)
                label = output.label(prefix + name) if label in found else label
                found[_unique(label, found)] = value
        return found

    @property
    def all_metrics(self) -> list[Any]:
        return self._trackers + [m for o in self.outputs for m in (*o.metrics, *o.weighted_metrics)]

    def _zip(self, y: Any, y_pred: Any, sample_weight: Any) -> Any:
        flat = tree.flatten(y_pred)
        trues = match_outputs("y", y, self.keys, y_pred)
        if sample_weight is None or not tree.is_nested(sample_weight):
            weights = [sample_weight] * len(flat)
        else:
            weights = match_outputs("sample_weight", sample_weight, self.keys, y_pred)
        return zip(self.outputs, trues, flat, weights, strict=True)


def _check_names(structure: Any, get: Any, special: tuple[str, ...]) -> None:
    """Raise at once for names that nothing has."""
    for leaf in tree.flatten(structure):
        if not isinstance(leaf, str) or leaf.lower() not in special:
            get(leaf)


def _as_list(x: Any) -> list[Any]:
    if x is None:
        return []
    return list(x) if isinstance(x, (list, tuple)) else [x]


def _unique(name: str, taken: Any) -> str:
    if name not in taken:
        return name
    number = next(i for i in range(1, len(taken) + 2) if f"{name}_{i}" not in taken)
    return f"{name}_{number}"


def _output_names(y_pred: Any, names: list[str] | None, count: int) -> list[str]:
    if isinstance(y_pred, dict) and len(y_pred) == count:
        return sorted(y_pred)
    if names is not None and len(names) == count:
        return names
    return [f"output_{i}" for i in range(count)]


def _is_flat(y_pred: Any) -> bool:
    """Return whether outputs are one tensor, or tensors directly in one list or dictionary."""
    parts = list(y_pred.values()) if isinstance(y_pred, dict) else y_pred
    return not isinstance(parts, (list, tuple)) or not any(map(tree.is_nested, parts))


def _paths(y_pred: Any, names: Any, leaf: str | None = None) -> list[str]:
    """Return the place of each output, as logs show it: 'group/kind', '1/size'.

    Args:
        y_pred: outputs, nested.
        names: iterator over the names of the outputs.
        leaf: what to call a single output: its key in a dictionary, else its name.
    """
    if not tree.is_nested(y_pred):
        name = next(names)
        return [leaf or name]
    by_key = isinstance(y_pred, dict)
    places = [(k, y_pred[k]) for k in sorted(y_pred)] if by_key else list(enumerate(y_pred))
    found = []
    for place, part in places:
        inside = _paths(part, names, str(place) if by_key else None)
        found += [f"{place}/{path}" for path in inside] if tree.is_nested(part) else inside
    return found


def _along(y_pred: Any, value: Any) -> list[Any] | None:
    """Return the parts of `value`, nested like the outputs; None if it is nested otherwise."""
    if value is None or not tree.is_nested(y_pred):
        return [value] * len(tree.flatten(y_pred))
    if isinstance(y_pred, dict):
        if not isinstance(value, dict) or not set(value) <= set(y_pred):
            return None
        parts = [_along(y_pred[k], value.get(k)) for k in sorted(y_pred)]
    else:
        if not isinstance(value, (list, tuple)) or len(value) != len(y_pred):
            return None
        parts = [_along(p, v) for p, v in zip(y_pred, value, strict=True)]
    return None if None in parts else [leaf for part in parts for leaf in part or ()]


def _per_output(argument: str, value: Any, keys: list[str], y_pred: Any) -> list[Any]:
    """Return what `argument` says for each output: one for all, in order, by name, or nested."""
    n = len(keys)
    if not _is_flat(y_pred) and tree.is_nested(value):
        found = _along(y_pred, value)
        if found is not None:
            return found
    if isinstance(value, dict):
        unknown = [k for k in value if k not in keys]
        if unknown and n == 1 and len(value) == 1:
            return list(value.values())
        if unknown:
            raise ValueError(
                explain(
                    "compile",
                    f"expected names of outputs in `{argument}`",
                    ", ".join(map(repr, unknown)),
                    f"the outputs are: {', '.join(keys)}",
                )
            )
        return [value.get(k) for k in keys]
    if argument in ("metrics", "weighted_metrics"):
        items = _as_list(value)
        if n == 1:
            return [_flat_list(items)]
        if len(items) == n and any(isinstance(m, (list, tuple)) or m is None for m in items):
            return items
        if len(items) == n:
            return [[m] for m in items]
        if not any(isinstance(m, (metrics.Metric, list, tuple)) for m in items):
            return [
                items
            ] * n  # names and functions, which every output can have its own metrics of
        raise ValueError(_not_one_each(argument, items, keys))
    if isinstance(value, (list, tuple)):
        if len(value) != n:
            raise ValueError(_not_one_each(argument, value, keys))
        return list(value)
    return [value] * n


def _not_one_each(argument: str, value: Any, keys: list[str]) -> str:
    return explain(
        "compile",
        f"expected {len(keys)} entries in `{argument}`, one per output ({', '.join(keys)})",
        str(len(value)),
        f"give a dictionary by output, as {argument}={{{keys[0]!r}: ...}}",
    )


def _flat_list(items: list[Any]) -> list[Any]:
    return [m for item in items for m in (item if isinstance(item, (list, tuple)) else [item])]


def match_outputs(what: str, value: Any, keys: list[str], y_pred: Any) -> list[Any]:
    """Return the leaves of `value` in the order of the outputs."""
    if isinstance(value, dict) and set(value) <= set(keys):
        return [value.get(k) for k in keys]
    named = isinstance(value, dict) and len(keys) > 1
    if named and tree.structure_of(value) != tree.structure_of(y_pred):
        raise ValueError(
            explain(
                "fit",
                f"expected names of outputs in `{what}`",
                ", ".join(repr(k) for k in value if k not in keys),
                f"the outputs are: {', '.join(keys)}",
            )
        )
    flat = tree.flatten(value)
    if len(flat) != len(keys):
        raise ValueError(
            explain(
                "fit",
                f"expected {len(keys)} arrays in `{what}`, one per output ({', '.join(keys)})",
                f"{len(flat)}",
                "give a list in the order of the outputs, or a dictionary with their names",
            )
        )
    return flat


def with_masks(y_pred: Any) -> list[Any]:
    """Return the masks of predictions, for `attach_masks` on the far side of a `grad`."""
    return [get_mask(p) for p in tree.flatten(y_pred)]


def attach_masks(y_pred: Any, masks: list[Any]) -> None:
    for p, mask in zip(tree.flatten(y_pred), masks, strict=True):
        if mask is not None:
            set_mask(p, mask)
