"""Methods of Keras 1 and 2, put on today's classes while the alias is installed."""

import itertools
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from lamina import metrics, models, optimizers
from lamina._core import tree
from lamina._core.layer import Layer
from lamina.legacy._arguments import put_over, renamed, teach

# Argument once -> now; '' for those that said how to feed the data, which is found out today.
_FEEDING = {
    "max_q_size": "", "max_queue_size": "", "nb_worker": "", "workers": "", "pickle_safe": "",
    "use_multiprocessing": "",
}  # fmt: skip
_RUNNING = {
    **_FEEDING,
    "show_accuracy": "",
    "nb_epoch": "epochs",
    "nb_val_samples": "validation_steps",
}
_TABLES = {
    "fit": _RUNNING,
    "evaluate": _FEEDING,
    "predict": _FEEDING,
    "compile": {"sample_weight_mode": "", "target_tensors": "", "class_mode": ""},
}


def teach_old_ways(value: Any) -> None:
    """Let what the alias hands out understand how it was used once: a class, or a function."""
    if isinstance(value, type) and value.__module__.startswith("lamina."):
        teach(value)
        if any(base.__name__ == "Model" for base in value.__mro__):
            teach_methods()
    elif getattr(value, "__module__", "").startswith(("lamina.saving", "lamina.models")):
        teach_methods()


def teach_methods() -> None:
    """Put the methods of old on models, layers and optimizers."""
    model: Any = models.Model
    if "fit_generator" in vars(model):
        return
    teach(model)
    teach(models.Functional)  # what Model(input=x, output=y) makes
    for name, table in _TABLES.items():
        # Where it is written: so it is still seen which classes override it.
        owner: Any = next(cls for cls in model.__mro__ if name in vars(cls))
        put_over(owner, name, _understanding(vars(owner)[name], table))
    for name in _METHODS:
        put_over(model, name, globals()[name])
    put_over(optimizers.Optimizer, "lr", property(_get_lr, _set_lr))
    put_over(Layer, "add_metric", add_metric)
    for side in ("input", "output"):
        put_over(Layer, f"get_{side}_at", _at(side))
        put_over(Layer, f"{side}_shape", property(_shape(side)))


def _understanding(method: Callable[..., Any], table: dict[str, str]) -> Callable[..., Any]:
    @wraps(method)
    def understanding(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(self, *args, **renamed(method.__name__, kwargs, table))

    return understanding


_METHODS = (
    "fit_generator", "evaluate_generator", "predict_generator", "predict_classes", "predict_proba",
)  # fmt: skip


def fit_generator(
    self: Any, generator: Any, steps_per_epoch: int | None = None, epochs: int = 1, **kwargs: Any
) -> Any:
    """Train on batches from a generator: `fit` of today.

    Args:
        generator: yields (x, y) or (x, y, sample_weight).
        steps_per_epoch: batches of an epoch; Keras 1 said samples_per_epoch.
        epochs: number of the last epoch; Keras 1 said nb_epoch.
    """
    epochs = kwargs.pop("nb_epoch", epochs)
    samples = kwargs.pop("samples_per_epoch", None)
    if samples is not None:
        generator, steps_per_epoch = _by_samples(generator, samples)
    held, count = kwargs.get("validation_data"), kwargs.pop("nb_val_samples", None)
    if count is not None and not isinstance(held, (tuple, list)):
        kwargs["validation_data"], kwargs["validation_steps"] = _by_samples(held, count)
    return self.fit(generator, steps_per_epoch=steps_per_epoch, epochs=epochs, **kwargs)


def evaluate_generator(self: Any, generator: Any, steps: int | None = None, **kwargs: Any) -> Any:
    """Return the loss and metrics on batches from a generator: `evaluate` of today."""
    samples = kwargs.pop("val_samples", None)
    if samples is not None:
        generator, steps = _by_samples(generator, samples)
    return self.evaluate(generator, steps=steps, **{"verbose": 0, **kwargs})


def predict_generator(self: Any, generator: Any, steps: int | None = None, **kwargs: Any) -> Any:
    """Return the outputs for batches from a generator: `predict` of today."""
    samples = kwargs.pop("val_samples", None)
    if samples is not None:
        generator, steps = _by_samples(generator, samples)
    return self.predict(generator, steps=steps, **{"verbose": 0, **kwargs})


def predict_classes(self: Any, x: Any, batch_size: int = 32, verbose: int = 0) -> np.ndarray:
    """Return the number of the likeliest class of each row; for one unit (N, 1) of 0 and 1."""
    outputs = self.predict(x, batch_size=batch_size, verbose=verbose)
    return outputs.argmax(-1) if outputs.shape[-1] > 1 else (outputs > 0.5).astype("int32")


def predict_proba(self: Any, x: Any, batch_size: int = 32, verbose: int = 0) -> Any:
    """Return the outputs: `predict` of today."""
    return self.predict(x, batch_size=batch_size, verbose=verbose)


def add_metric(self: Any, value: Any, name: str, aggregation: str | None = "mean") -> None:
    """Show the mean of a value that `call` computes beside the other metrics.

    Args:
        value: number or array, of one batch.
        name: what logs call it.
        aggregation: 'mean', the only one there was; None meant that `value` is a metric's result.
    """
    del aggregation
    added = vars(self).setdefault("_added_metrics", {})
    if name not in added:
        added[name] = metrics.Mean(name=name)
    added[name].update_state(value)


def _by_samples(generator: Any, samples: int) -> tuple[Any, int]:
    """Return a generator and the number of its batches that have so many samples."""
    if hasattr(generator, "__getitem__") and hasattr(generator, "__len__"):
        return generator, len(generator)
    first = next(generator)
    x = first[0] if isinstance(first, (tuple, list)) else first
    while isinstance(x, (tuple, list, dict)):
        x = next(iter(x.values() if isinstance(x, dict) else x))
    return itertools.chain([first], generator), -(-samples // len(x))


def _get_lr(self: Any) -> Any:
    return self.learning_rate


def _set_lr(self: Any, value: Any) -> None:
    self.learning_rate = value


def _at(side: str) -> Callable[[Any, int], Any]:
    def tensor_at(self: Any, node_index: int) -> Any:
        """Return what the layer took, or returned, at one of its calls."""
        node = list(self._nodes)[node_index]
        found = node.outputs if side == "output" else node.inputs
        return found[0] if isinstance(found, list) and len(found) == 1 else found

    return tensor_at


def _shape(side: str) -> Callable[[Any], Any]:
    def shape(self: Any) -> Any:
        return tree.map_structure(lambda tensor: tensor.shape, getattr(self, side))

    return shape
