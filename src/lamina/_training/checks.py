"""What `fit` looks at before it compiles: data and loss that cannot work together."""

from typing import Any

import numpy as np

from lamina import losses
from lamina._core import tree
from lamina._core.configurable import is_integer
from lamina._core.errors import describe, explain
from lamina._training.compile import match_outputs

_EXAMPLES = {
    "batch_size": "32 is usual",
    "epochs": "10 goes through all samples ten times",
    "execution": "1 lets callbacks see every batch",
    "steps": "leave it out to use all samples once",
}
# Losses of which labels and predictions meet value by value.
_SAME_SHAPE = {
    "binary_crossentropy", "binary_focal_crossentropy", "cosine_similarity", "dice", "hinge",
    "huber", "kl_divergence", "log_cosh", "mean_absolute_error", "mean_absolute_percentage_error",
    "mean_squared_error", "mean_squared_logarithmic_error", "poisson", "squared_hinge", "tversky",
}  # fmt: skip
_YES_NO = "recode them as 0 and 1; for more classes use sparse_categorical_crossentropy"
_PARTS = "use one-hot labels, or probabilities"
# Loss -> the least and the largest label for which it means something, and what to do.
_RANGES = {
    "binary_crossentropy": (0, 1, _YES_NO),
    "binary_focal_crossentropy": (0, 1, _YES_NO),
    "categorical_crossentropy": (0, np.inf, _PARTS),
    "categorical_focal_crossentropy": (0, np.inf, _PARTS),
    "kl_divergence": (0, np.inf, _PARTS),
    "poisson": (0, np.inf, "use counts; for quantities of both signs loss='mse'"),
}


def batch_size(where: str, value: Any) -> int:
    """Return a checked batch size; None is 32."""
    return 32 if value is None else whole(where, 1, batch_size=value)


def whole(where: str, least: int, **named: Any) -> int:
    """Return an argument, given by its name, that must be an integer of at least `least`."""
    ((name, value),) = named.items()
    if not is_integer(value) or value < least:
        example = next((v for k, v in _EXAMPLES.items() if k in name), f"{least} is the least")
        raise ValueError(
            explain(
                where,
                f"expected an integer of {least} or more as `{name}`",
                describe(value),
                example,
            )
        )
    return int(value)


def counts(where: str, **named: Any) -> None:
    """Raise a ValueError if one of these arguments is neither None nor an integer of 1 or more."""
    for name, value in named.items():
        if value is not None:
            whole(where, 1, **{name: value})


def frequency(value: Any) -> None:
    """Raise a ValueError if `value` cannot be a `validation_freq`."""
    if isinstance(value, (list, tuple, set)):
        return
    whole("fit", 1, validation_freq=value)


def verbosity(value: Any) -> int:
    """Return 0, 1 or 2."""
    if value == "auto":
        return 1
    if value not in (0, 1, 2, True, False):
        raise ValueError(
            explain(
                "fit",
                "expected 0, 1, 2 or 'auto' as `verbose`",
                describe(value),
                "0 is silent, 1 a progress bar, 2 a line per epoch",
            )
        )
    return int(value)


def require_labels(where: str, model: Any, y: Any, plain: bool) -> None:
    """Raise a ValueError if there are no labels for the loss of a model with the usual steps."""
    loss = model._compiled.loss
    if y is None and plain and loss is not None:
        name = loss if isinstance(loss, str) else getattr(loss, "name", describe(loss))
        raise ValueError(
            explain(
                where,
                f"expected labels `y` for the loss {name}",
                "None",
                "give y; a model that calls add_loss itself is compiled without loss=",
            )
        )


def check_labels(where: str, model: Any, packed: Any) -> None:
    """Raise a ValueError if labels, outputs and loss do not fit."""
    _, y, _ = packed
    compiled = model._compiled
    if y is None or model._output_spec is None:
        return
    from_model = tree.flatten(model._output_spec)
    trues = match_outputs("y", y, compiled.keys, model._output_spec)
    for output, t, p in zip(compiled.outputs, trues, from_model, strict=True):
        if output.loss is not None:
            _check_one(where, output, t, p)


def _check_one(where: str, output: Any, y: Any, p: Any) -> None:
    loss = output.loss
    where = where if output.name is None else f"{where}, output '{output.name}'"
    if y is None:
        names = "give one array per output, or compile with loss=None for this output"
        raise ValueError(explain(where, "expected labels, as it has a loss", "None", names))
    kind = loss_kind(loss)
    y_shape, p_shape = tuple(y.shape), tuple(p.shape)
    if kind == "categorical_crossentropy":
        _check_categorical(where, y_shape, p_shape)
    elif kind == "sparse_categorical_crossentropy":
        _check_sparse(where, loss, y, p_shape)
    elif kind in _SAME_SHAPE:
        _check_same(where, kind, y_shape, p_shape)
    if kind in _RANGES:
        _check_range(where, kind, y)


def loss_kind(loss: Any) -> str:
    """Return the name of the loss function, if it is one of the library's own."""
    fn = getattr(loss, "fn", None)
    name = getattr(fn, "__name__", "")
    return name if name in losses.__all__ and getattr(losses, name) is fn else ""


def _check_categorical(where: str, y_shape: tuple, p_shape: tuple) -> None:
    if p_shape[-1] == 1:
        raise ValueError(
            explain(
                where,
                "expected two or more output units with categorical_crossentropy",
                "one unit, for which this loss is always 0",
                "use binary_crossentropy with a sigmoid, or one unit per class with a softmax",
            )
        )
    if len(y_shape) != len(p_shape) or y_shape[-1] != p_shape[-1]:
        raise ValueError(
            explain(
                where,
                f"expected one-hot labels of shape {p_shape}",
                f"labels of shape {y_shape}",
                f"use utils.to_categorical(y, num_classes={p_shape[-1]}), or "
                "loss='sparse_categorical_crossentropy', which takes class numbers",
            )
        )


def _check_sparse(where: str, loss: Any, y: Any, p_shape: tuple) -> None:
    classes = p_shape[-1]
    fits = len(y.shape) == len(p_shape) - 1 or (len(y.shape) == len(p_shape) and y.shape[-1] == 1)
    if not fits:
        raise ValueError(
            explain(
                where,
                f"expected one class number per prediction of shape {p_shape}",
                f"labels of shape {tuple(y.shape)}",
                "for one-hot labels use loss='categorical_crossentropy'",
            )
        )
    values = np.asarray(y)
    if classes is None or values.dtype.kind not in "biuf":
        return
    ignored = getattr(loss, "ignore_class", None)
    values = values if ignored is None else values[values != ignored]
    if values.dtype.kind == "f" and (broken := values[values % 1 != 0]).size:
        raise ValueError(
            explain(
                where,
                "expected class numbers",
                f"labels that are not whole, as {broken[0]}",
                "for a quantity use one output unit and loss='mse'",
            )
        )
    if values.size and (values.min() < 0 or values.max() > classes - 1):
        raise ValueError(
            explain(
                where,
                f"expected class numbers from 0 to {classes - 1}, for {classes} output units",
                f"labels from {values.min()} to {values.max()}",
                "number the classes from 0"
                if values.min() < 0
                else f"use at least {int(values.max()) + 1} units, or number the classes from 0",
            )
        )


def _check_range(where: str, kind: str, y: Any) -> None:
    values, (low, high, advice) = np.asarray(y), _RANGES[kind]
    if values.size and values.dtype.kind in "biuf" and (values.min() < low or values.max() > high):
        span = f"of {low} or more" if high == np.inf else f"from {low} to {high}"
        raise ValueError(
            explain(
                where,
                f"expected labels {span} with {kind}",
                f"labels from {values.min()} to {values.max()}",
                advice,
            )
        )


def _check_same(where: str, kind: str, y_shape: tuple, p_shape: tuple) -> None:
    """Refuse labels that would only meet the predictions by broadcasting, which is never meant."""

    def bare(shape: tuple) -> tuple:
        return shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape

    a, b = bare(y_shape)[1:], bare(p_shape)[1:]
    if len(a) != len(b) or any(m != n and n is not None for m, n in zip(a, b, strict=False)):
        raise ValueError(
            explain(
                where,
                f"expected labels of shape {p_shape}, as the model's output, for {kind}",
                f"labels of shape {y_shape}",
                f"give the last layer {(*y_shape, 1)[1]} unit(s), or reshape the labels",
            )
        )
