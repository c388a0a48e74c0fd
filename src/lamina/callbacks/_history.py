"""History: what `fit` returns."""

from typing import Any

from lamina import visualization
from lamina.callbacks._callback import Callback


class History(Callback):
    """The metrics of every epoch.

    Attributes:
        history: dictionary from the name of a metric to its value per epoch.
        epoch: the numbers of the epochs.

    Example:
        >>> h = History(); h.on_train_begin(); h.on_epoch_end(0, {"loss": 0.5}); h.history
        {'loss': [0.5]}
    """

    only_displays = True

    def __init__(self) -> None:
        super().__init__()
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = {}

    def on_train_begin(self, logs: Any = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        if self.model is not None:
            self.model.history = self

    def plot(self, *args: Any, **kwargs: Any) -> Any:
        """Draw loss and metrics over the epochs; see `visualization.plot_history`."""
        return visualization.plot_history(self, *args, **kwargs)
