"""EarlyStopping: the end of training when nothing gets better."""

from typing import Any

from lamina.callbacks._monitor import MonitorCallback
from lamina.callbacks._progress import say


class EarlyStopping(MonitorCallback):
    """Stops training when a value has not got better for some epochs.

    Args:
        monitor: name in the logs; 'acc' finds 'accuracy' too, and the like.
        min_delta: smallest change that counts as better.
        patience: how many epochs in a row may pass without getting better.
        verbose: 1 says when training is stopped.
        mode: 'min' or 'max', what is better; 'auto' asks the metric.
        baseline: value that has to be reached: only what is better ends the waiting.
        restore_best_weights: whether the weights of the best epoch are put back at the end, also
            when training ran to its last epoch.
        start_from_epoch: number of the first epoch that is looked at, from 0.

    Raises:
        ValueError: `monitor` is not in the logs; the message has those that are.

    Example:
        >>> import numpy as np, lamina
        >>> x, y = np.zeros((4, 2)), np.ones((4, 1))
        >>> model = lamina.Sequential([lamina.layers.Dense(1)]); model.compile("sgd", "mse")
        >>> stop = EarlyStopping(monitor="loss", min_delta=10, patience=2)
        >>> model.fit(x, y, epochs=50, verbose=0, callbacks=[stop]).epoch
        [0, 1, 2]
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self._reset()

    def _reset(self) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best: Any = None
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        current = self._watched(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)  # if nothing is ever better, these are the best
        self.wait += 1
        if self._is_improvement(current, self.best):
            self.best = current
            if self.restore_best_weights:
                self._keep(epoch)
            self.best_epoch = epoch
            if self.baseline is None or self._is_improvement(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep(self, epoch: int) -> None:
        self.best_weights, self.best_epoch = self.model.get_weights(), epoch

    def on_train_end(self, logs: Any = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            say(f"Epoch {self.stopped_epoch + 1}: stopped, since {self.monitor} no longer improved")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                say(f"The weights of epoch {self.best_epoch + 1}, the best one, are put back")
            self.model.set_weights(self.best_weights)
