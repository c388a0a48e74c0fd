"""Steps: what happens to one batch. Subclasses of Model override parts of it."""

import inspect
from collections.abc import Callable
from functools import partial
from itertools import chain, islice
from typing import Any

import jax.numpy as jnp
import numpy as np

from lamina import _data as data
from lamina import optimizers
from lamina._core import walk
from lamina._core.errors import explain
from lamina._core.state import Variable, pure, value_and_grad
from lamina._training.compile import Compiled, attach_masks, with_masks
from lamina.utils import unpack_x_y_sample_weight


class Steps:
    """The steps of a model, and the losses and metrics in them; `Trainer` runs them."""

    losses: list[Any]
    variables: list[Variable]
    trainable_variables: list[Variable]
    non_trainable_variables: list[Variable]
    metrics_variables: list[Variable]
    _flatten_layers: Callable[..., list[Any]]
    __call__: Any

    def __init__(self) -> None:
        self.optimizer: Any = None
        self._compiled: Compiled | None = None
        self._loss_tracker: Any = None

    def train_step(self, data: Any) -> dict[str, Any]:
        """Learn from one batch, and return what the logs show.

        Overridden versions are compiled like this one: read and write variables as they like.
        """
        logs = self._learn(data)
        return self.get_metrics_result() if logs is None else logs

    def _learn(self, batch: Any) -> dict[str, Any] | None:
        x, y, sample_weight = unpack_x_y_sample_weight(batch)

        def objective() -> Any:
            y_pred = self(x, training=True)
            loss = self._loss(x, y, y_pred, sample_weight, training=True)
            return self.optimizer.scale_loss(loss), (loss, y_pred, with_masks(y_pred))

        trainable = self.trainable_variables
        (_, (loss, y_pred, masks)), grads = value_and_grad(objective, trainable, has_aux=True)
        attach_masks(y_pred, masks)
        self._track(loss, x)
        self.optimizer.apply(grads, trainable)
        return self._measure(x, y, y_pred, sample_weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Evaluate one batch, and return what the logs show."""
        logs = self._judge(data)
        return self.get_metrics_result() if logs is None else logs

    def _judge(self, batch: Any) -> dict[str, Any] | None:
        x, y, sample_weight = unpack_x_y_sample_weight(batch)
        y_pred = self(x, training=False)
        self._track(self._loss(x, y, y_pred, sample_weight, training=False), x)
        return self._measure(x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """Return the outputs for one batch of inputs."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None,
        training: bool = True,
    ) -> Any:  # fmt: skip
        """Return what training minimizes: the losses of all outputs, and those of layers."""
        del x, training
        compiled = self._resolved(y, y_pred)
        total = None if compiled is None else compiled.total_loss(y, y_pred, sample_weight)
        for loss in self.losses:
            loss = jnp.sum(loss)
            total = loss if total is None else total + loss
        if total is None:
            raise ValueError(
                explain(
                    "compute_loss",
                    "expected something to minimize",
                    "no loss",
                    "give `loss=` to compile, or call add_loss in a layer",
                )
            )
        return total

    def _loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Any:
        """Call `compute_loss`, also one from before it was given `training`."""
        parameters = inspect.signature(self.compute_loss).parameters
        if "training" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            return self.compute_loss(x, y, y_pred, sample_weight, training=training)
        return self.compute_loss(x, y, y_pred, sample_weight)

    def stateless_compute_loss(
        self,
        trainable_variables: Any,
        non_trainable_variables: Any,
        metrics_variables: Any,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> tuple[Any, tuple[list[Any], list[Any], list[Any]]]:
        """Return the loss and the new values of all variables, from given values; for `jax.grad`.

        Args:
            trainable_variables, non_trainable_variables, metrics_variables: values in the order
                of the properties of these names.
            x, y, y_pred, sample_weight, training: see `compute_loss`.

        Returns:
            (loss, (trainable, non-trainable and metrics' values)).
        """
        groups = [self.trainable_variables, self.non_trainable_variables, self.metrics_variables]
        given = [*trainable_variables, *non_trainable_variables, *metrics_variables]
        run = pure(partial(self._loss, x, y, y_pred, sample_weight, training), chain(*groups))
        loss, values, _ = run([v.raw() if isinstance(v, Variable) else v for v in given])
        rest = iter(values)
        trainable, others, tracked = (list(islice(rest, len(group))) for group in groups)
        return loss, (trainable, others, tracked)

    def _track(self, loss: Any, x: Any) -> None:
        """Take a batch's loss into the mean that logs show."""
        self._loss_tracker.update_state(loss, sample_weight=data.rows(x))

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Take a batch into the metrics, and return what the logs show."""
        del x
        self._update_metrics(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def _update_metrics(self, y: Any, y_pred: Any, sample_weight: Any) -> None:
        compiled = self._resolved(y, y_pred)
        if compiled is not None:
            compiled.update_metrics(y, y_pred, sample_weight)

    def _resolved(self, y: Any, y_pred: Any) -> Compiled | None:
        """Return the losses and metrics of `compile`; None if there is nothing to compare."""
        compiled = self._compiled
        if compiled is None or y is None:
            return None
        if not compiled.resolved:  # a model without `call`, whose outputs only its own step knows
            compiled.resolve(y, y_pred, None)
        return compiled

    def _measure(self, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> dict[str, Any] | None:
        """Take a batch into the metrics; return logs only if a user's override makes them."""
        if type(self).compute_metrics is not Steps.compute_metrics:
            return self.compute_metrics(x, y, y_pred, sample_weight)
        self._update_metrics(y, y_pred, sample_weight)  # results are computed once a dispatch
        return None

    def get_metrics_result(self) -> dict[str, Any]:
        """Return the value of every metric by name."""
        found: dict[str, Any] = {}
        compiled = self._compiled
        known = [] if compiled is None else compiled.all_metrics
        for metric in self.metrics:  # which a subclass may choose
            if metric is self._loss_tracker:
                found["loss"] = metric.result()
            elif compiled is not None and any(metric is own for own in known):
                found.update(compiled.results() if known[0] is metric else {})
            else:
                value = metric.result()
                found.update(value if isinstance(value, dict) else {metric.name: value})
        return found

    @property
    def metrics(self) -> list[Any]:
        """The loss tracker, the metrics of `compile`, and those of the layers."""
        own = [] if self._loss_tracker is None else [self._loss_tracker]
        compiled = [] if self._compiled is None else self._compiled.all_metrics
        return own + compiled + super().metrics  # type: ignore[misc]

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns, in its order."""
        return in_order(self.get_metrics_result(), [m.name for m in self.metrics])

    def reset_metrics(self) -> None:
        """Set the state of every metric back."""
        for metric in self.metrics:
            metric.reset_state()

    def _is_plain(self, kind: str) -> bool:
        """Return whether this kind of step computes the loss as `compile` says, not as a user."""
        names = ("train_step" if kind == "train" else "test_step", "compute_loss")
        return all(getattr(type(self), name) is getattr(Steps, name) for name in names)

    def _lacks_parts(self) -> bool:
        """Return whether layers, optimizers or metrics are still to be built."""
        return (
            not all(layer.built for layer in self._flatten_layers(include_self=False))
            or not all(optimizer.built for optimizer in self._optimizers())
            or not all(metric.variables for metric in self.metrics)
        )

    def _state(self) -> list[Variable]:
        """All variables that a step may touch, in a fixed order."""
        compiled = [] if self._compiled is None else self._compiled.all_metrics
        hidden = [self._loss_tracker, *compiled]  # a subclass may leave them out of `metrics`
        tracked = [m for m in walk.unique([*self.metrics, *hidden]) if m is not None]
        holders = [*tracked, *self._optimizers()]
        return walk.unique([*self.variables, *(v for h in holders for v in h.variables)])

    def _optimizers(self) -> list[Any]:
        """The optimizer of `compile`, and those that are attributes."""
        own = [] if self.optimizer is None else [self.optimizer]
        return walk.unique([*own, *walk.members(self, (optimizers.Optimizer,))])

    def _require_compiled(self, method: str) -> Compiled:
        if self._compiled is None:
            raise ValueError(
                explain(
                    method,
                    "expected a compiled model",
                    "one for which `compile` was not called",
                    "call model.compile(optimizer='adam', loss=...) first",
                )
            )
        return self._compiled


def in_order(logs: dict[str, Any], metric_names: list[str]) -> list[str]:
    """Return the names of logs: the loss, metrics as in `compile`, then the rest by name."""
    first = [name for name in metric_names if name in logs]
    return list(dict.fromkeys([*first, *sorted(logs)]))


def number(value: Any) -> Any:
    """Return a scalar of the logs as a float, and anything else as an array."""
    array = np.asarray(value)
    return float(array) if array.ndim == 0 else array
