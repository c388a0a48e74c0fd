"""OrbaxCheckpoint: the state of training as Orbax checkpoints, written in the background."""

import json
import os
from typing import Any

from lamina._core.configurable import is_integer
from lamina._core.errors import describe, explain
from lamina._core.serialize import serialize_keras_object
from lamina.callbacks._callback import acts_after
from lamina.callbacks._monitor import MonitorCallback
from lamina.callbacks._progress import say
from lamina.callbacks._save_frequency import SaveFrequency


class OrbaxCheckpoint(SaveFrequency, MonitorCallback):
    """Saves weights, optimizer and metrics by Orbax while training goes on.

    Needs the package orbax-checkpoint: `pip install lamina[orbax]`. Each checkpoint is a folder
    with the number of the epoch, or of the batch, in which 'pytree' has the arrays by the paths of
    their variables and 'model_config' the model's configuration.

    Args:
        directory: folder of the checkpoints.
        monitor: name in the logs; 'val_acc' finds 'val_accuracy' too, and the like.
        verbose: 1 says what is saved.
        save_best_only: whether to save only when `monitor` is better than ever before.
        mode: 'min' or 'max', what is better; 'auto' asks the metric.
        save_freq: 'epoch', or every how many batches to save.
        initial_value_threshold: the value that the first checkpoint has to beat.
        max_to_keep: how many of the newest checkpoints to keep; None for all.
        save_on_background: whether training goes on while a checkpoint is written.
        save_weights_only: whether to leave out optimizer, metrics and configuration.

    Raises:
        ImportError: orbax-checkpoint is not there.
        ValueError: `monitor` is not in the logs.
    """

    def __init__(
        self,
        directory: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = 1,
        save_on_background: bool = True,
        save_weights_only: bool = False,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.directory, self.verbose = os.path.abspath(os.fspath(directory)), verbose
        self.save_best_only, self.save_freq = save_best_only, save_freq
        self._check_save_freq()
        if max_to_keep is not None and not (is_integer(max_to_keep) and max_to_keep > 0):
            expected = "expected a number of 1 or more, or None, as `max_to_keep`"
            raise ValueError(explain("OrbaxCheckpoint", expected, describe(max_to_keep)))
        self.max_to_keep, self.save_on_background = max_to_keep, save_on_background
        self.save_weights_only = save_weights_only
        self._total_batches_seen = 0
        self._ocp = _orbax()
        self.checkpointer: Any = None
        self._written: list[Any] = []  # what is still being written

    def _open(self) -> Any:
        """Return the checkpointer, made when first asked for."""
        if self.checkpointer is None:
            training = self._ocp.training
            keep = None
            if self.max_to_keep is not None:
                keep = training.preservation_policies.LatestN(self.max_to_keep)
            self.checkpointer = training.Checkpointer(
                directory=self.directory,
                preservation_policy=keep,
                save_decision_policy=training.save_decision_policies.FixedIntervalPolicy(1),
            )
        return self.checkpointer

    def on_train_begin(self, logs: Any = None) -> None:
        self._total_batches_seen = int(self.model.optimizer.iterations)

    @acts_after("_batches_left")
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if is_integer(self.save_freq):
            last = -1 if self._last_batch_seen is None else self._last_batch_seen
            self._total_batches_seen += batch - (last if batch > last else -1)
            if self._should_save_on_batch(batch):
                self._save(self._total_batches_seen, logs, later=False)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, logs)

    def _save(self, step: int, logs: Any, later: bool = True) -> None:
        if self.save_best_only:
            current = self._watched(logs, later)
            if current is None or not self._is_improvement(current, self.best):
                return
            self.best = current
        checkpointer, payload = self._open(), self._payload()
        if self.save_on_background:
            self._written.append(checkpointer.save_checkpointables_async(step, payload))
        else:
            checkpointer.save_checkpointables(step, payload)
        if self.verbose > 0:
            say(f"Checkpoint {step}: saved to {self.directory}")

    def _payload(self) -> dict[str, Any]:
        model = self.model
        groups = {
            "trainable_variables": model.trainable_variables,
            "non_trainable_variables": model.non_trainable_variables,
        }
        if self.save_weights_only:
            return {"pytree": {name: _by_path(variables) for name, variables in groups.items()}}
        groups["optimizer_variables"] = model.optimizer.variables
        groups["metrics_variables"] = [v for metric in model.metrics for v in metric.variables]
        return {
            "pytree": {name: _by_path(variables) for name, variables in groups.items()},
            "model_config": {"config": json.dumps(serialize_keras_object(model))},
        }

    def wait_until_finished(self) -> None:
        """Return when every checkpoint is on the disk; what failed in the background is raised."""
        written, self._written = self._written, []
        for one in written:
            one.result()

    def _close(self) -> None:
        try:
            self.wait_until_finished()
        finally:
            checkpointer, self.checkpointer = self.checkpointer, None
            if checkpointer is not None:
                checkpointer.close()

    def on_train_end(self, logs: Any = None) -> None:
        self._close()

    def on_interrupt(self) -> None:
        """Called when training ends by an exception."""
        self._close()


def _orbax() -> Any:
    try:
        from orbax.checkpoint import v1
    except ImportError as error:
        help = "pip install lamina[orbax]"
        raise ImportError(
            explain("OrbaxCheckpoint", "expected the package orbax-checkpoint", str(error), help)
        ) from None
    return v1


def _by_path(variables: list[Any]) -> dict[str, Any]:
    """Nest arrays by the parts of their variables' paths."""
    root: dict[str, Any] = {}
    for variable in variables:
        *parts, name = variable.path.split("/")
        place = root
        for part in parts:
            place = place.setdefault(part, {})
        while name in place:
            name += "_"
        place[name] = variable.raw()
    return root
