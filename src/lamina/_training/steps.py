"""Steps: what happens to one batch. Subclasses of Model override parts of it."""

from typing import Any

import jax.numpy as jnp

from lamina import _data as data
from lamina import optimizers
from lamina._core import walk
from lamina._core.errors import explain
from lamina._core.state import Variable, value_and_grad
from lamina._training.compile import Compiled, attach_masks, with_masks
from lamina.utils import unpack_x_y_sample_weight


class Steps:
    """The steps of a model, and the losses and metrics in them; `Trainer` runs them."""

    losses: list[Any]
    variables: list[Variable]
    trainable_variables: list[Variable]
    metrics_variables: list[Variable]
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
            loss = self.compute_loss(x, y, y_pred, sample_weight, training=True)
            return self.optimizer.scale_loss(loss), (loss, y_pred, with_masks(y_pred))

        trainable = self.trainable_variables
        (_, (loss, y_pred, masks)), grads = value_and_grad(objective, trainable, has_aux=True)
        attach_masks(y_pred, masks)
        self._loss_tracker.update_state(loss, sample_weight=data.rows(x))
        self.optimizer.apply(grads, trainable)
        return self._measure(x, y, y_pred, sample_weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Evaluate one batch, and return what the logs show."""
        logs = self._judge(data)
        return self.get_metrics_result() if logs is None else logs

    def _judge(self, batch: Any) -> dict[str, Any] | None:
        x, y, sample_weight = unpack_x_y_sample_weight(batch)
        y_pred = self(x, training=False)
        loss = self.compute_loss(x, y, y_pred, sample_weight, training=False)
        self._loss_tracker.update_state(loss, sample_weight=data.rows(x))
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
        total = None
        if self._compiled is not None and self._compiled.resolved and y is not None:
            total = self._compiled.total_loss(y, y_pred, sample_weight)
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

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Take a batch into the metrics, and return what the logs show."""
        del x
        self._update_metrics(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def _update_metrics(self, y: Any, y_pred: Any, sample_weight: Any) -> None:
        if self._compiled is not None and self._compiled.resolved and y is not None:
            self._compiled.update_metrics(y, y_pred, sample_weight)

    def _measure(self, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> dict[str, Any] | None:
        """Take a batch into the metrics; return logs only if a user's override makes them."""
        if type(self).compute_metrics is not Steps.compute_metrics:
            return self.compute_metrics(x, y, y_pred, sample_weight)
        self._update_metrics(y, y_pred, sample_weight)  # results are computed once a dispatch
        return None

    def get_metrics_result(self) -> dict[str, Any]:
        """Return the value of every metric by name."""
        found: dict[str, Any] = {}
        if self._loss_tracker is not None:
            found["loss"] = self._loss_tracker.result()
        if self._compiled is not None:
            found.update(self._compiled.results())
        for metric in super().metrics:  # type: ignore[misc]
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
        return self._ordered(self.get_metrics_result())

    def _ordered(self, logs: dict[str, Any]) -> list[str]:
        """Return the losses, metrics named as in `compile` in its order, then the rest by name."""
        first = [m.name for m in self.metrics if m.name in logs]
        return list(dict.fromkeys([*first, *sorted(logs)]))

    def reset_metrics(self) -> None:
        """Set the state of every metric back."""
        for metric in self.metrics:
            metric.reset_state()

    def _is_plain(self, kind: str) -> bool:
        """Return whether this kind of step computes the loss as `compile` says, not as a user."""
        names = ("train_step" if kind == "train" else "test_step", "compute_loss")
        return all(getattr(type(self), name) is getattr(Steps, name) for name in names)

    def _state(self) -> list[Variable]:
        """All variables that a step may touch, in a fixed order."""
        own = [*self.variables, *self.metrics_variables]
        tracked = [v for metric in self.metrics for v in metric.variables]
        optimizer = self.optimizer.variables if self.optimizer is not None else []
        extra = [
            o.variables
            for o in walk.members(self, (optimizers.Optimizer,))
            if o is not self.optimizer
        ]
        return walk.unique([*own, *tracked, *optimizer, *(v for vs in extra for v in vs)])

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
