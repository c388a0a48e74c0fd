"""Notes: what `fit` can work with and still looks like a mistake, in one line each."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lamina._core import tree
from lamina._training.checks import loss_kind

_ROWS = 4096  # looked at, evenly spread: enough to see what is so everywhere
_FEW = 20  # rows below which nothing can be said
_LARGE = 30.0  # typical size of inputs from which on steps at usual rates are too long
_COLUMNS = 64  # of a table; pictures and counts of words have constant columns by nature
_CLASSES = 100

# Layers that leave values as they are, and those that multiply what comes with weights.
_PASSING = {
    "InputLayer", "Flatten", "Reshape", "Permute", "Dropout", "GaussianNoise", "Masking",
    "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "Activation",
}  # fmt: skip
_WEIGHING = {
    "Dense", "Conv1D", "Conv2D", "Conv3D", "SeparableConv1D", "SeparableConv2D", "SimpleRNN",
    "LSTM", "GRU", "Bidirectional",
}  # fmt: skip
_PROBABILITIES = {
    "binary_crossentropy": "sigmoid", "binary_focal_crossentropy": "sigmoid",
    "categorical_crossentropy": "softmax", "categorical_focal_crossentropy": "softmax",
    "sparse_categorical_crossentropy": "softmax",
}  # fmt: skip


def notes(model: Any, train: Any, held: Any, whole: bool = True) -> Iterator[str]:
    """Yield what looks like a mistake in the data for `fit`, or in how loss and model go together.

    Args:
        model: ready for the data.
        train: (x, y, sample_weight) to train on.
        held: what `validation_split` keeps of the same arrays, or None.
        whole: whether `train` is all there is, rather than the first of many batches.
    """
    x, y, _ = train
    if not tree.is_nested(x) and len(x) >= _FEW:
        yield from _about_inputs(model, x, whole)
    classifies = [o.loss is not None and loss_kind(o.loss) for o in model._compiled.outputs]
    wanted = len(classifies) == 1 and classifies[0] in _PROBABILITIES
    if whole and wanted and y is not None and not tree.is_nested(y) and len(y) >= _FEW:
        yield from _about_labels(y, None if held is None else held[1])
    yield from _about_outputs(model)


def _about_inputs(model: Any, x: Any, whole: bool) -> Iterator[str]:
    values = np.asarray(x[:: -(-len(x) // _ROWS)])  # x may be in a file
    if values.dtype.kind not in "iuf" or values.ndim < 2 or not values.size:
        return
    size = float(np.sqrt(np.mean(np.square(values, dtype="float64"), axis=0)).max())
    low, high = values.min(), values.max()
    # Some nets take pictures of 0 to 255 less their mean, which is as well as scaled.
    unscaled = size > (_LARGE if low >= 0 else 10 * _LARGE)
    if unscaled and _weighs_inputs(model):
        picture = values.ndim >= 3 and low >= 0 and 1 < high <= 255
        cure = "x / 255" if picture else "(x - x.mean(0)) / x.std(0), or with a Normalization layer"
        yield (
            f"x has values from {low:g} to {high:g}; nets learn better from values of about 1: "
            f"as {cure}"
        )
    if whole and values.ndim == 2 and values.shape[1] <= _COLUMNS:
        columns = np.flatnonzero(values.max(0) == values.min(0))
        constant = [int(c) for c in columns if len(np.unique(x[:, c])) == 1]
        if constant and len(constant) < values.shape[1]:
            shown = ", ".join(map(str, constant[:5])) + ", ..." * (len(constant) > 5)
            yield f"column {shown} of x has one value only, so there is nothing to learn from it"


def _weighs_inputs(model: Any) -> bool:
    """Return whether weights are the first that inputs meet, and no layer that scales them."""
    for layer in model.layers if model.function is not None else ():
        if type(layer).__name__ not in _PASSING:
            return type(layer).__name__ in _WEIGHING
    return False


def _about_labels(y: Any, held: Any) -> Iterator[str]:
    numbers = _classes(y)
    if numbers is None:
        return
    kept = None if held is None else _classes(held)
    if kept is None:
        if len(np.unique(numbers)) == 1:
            yield f"all labels are {numbers[0]:g}: there is nothing to tell apart"
        return
    steps = np.diff(np.concatenate([numbers, kept]))
    if steps.any() and ((steps >= 0).all() or (steps <= 0).all()):
        shown = ", ".join(f"{c:g}" for c in np.unique(kept)[:5])
        yield (
            f"the rows are sorted by label, and validation_split keeps the last ones, of class "
            f"{shown}: shuffle first, as p = np.random.permutation(len(x)); x, y = x[p], y[p]"
        )


def _classes(y: Any) -> Any:
    """Return labels as class numbers (N,); None if they are something else."""
    values = np.asarray(y)
    if values.ndim == 2:
        one_hot = values.shape[1] > 1 and ((values == 0) | (values == 1)).all()
        if one_hot and (values.sum(1) == 1).all():
            return values.argmax(1)
        values = values[:, 0] if values.shape[1] == 1 else values
    if values.ndim != 1 or values.dtype.kind not in "biuf" or (values % 1 != 0).any():
        return None
    return values if len(np.unique(values)) <= _CLASSES else None


def _about_outputs(model: Any) -> Iterator[str]:
    if model.function is None:
        return
    for output, tensor in zip(model._compiled.outputs, model.function.flat_outputs, strict=False):
        layer = None if tensor.node is None else tensor.node.operation
        name = getattr(getattr(layer, "activation", None), "__name__", None)
        if layer is None or name is None or output.loss is None:
            continue
        kind = loss_kind(output.loss)
        wanted = _PROBABILITIES.get(kind)
        logits = getattr(output.loss, "from_logits", False)
        if wanted and not logits and name == "linear":
            yield (
                f"{kind} expects probabilities, and '{layer.name}' has no activation: use "
                f"activation='{wanted}', or from_logits=True in the loss"
            )
        elif wanted and logits and name in ("sigmoid", "softmax"):
            yield (
                f"the loss has from_logits=True, and '{layer.name}' makes probabilities: leave "
                "one of both out"
            )
