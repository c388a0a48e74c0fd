"""SwapEMAWeights: evaluation on averaged weights."""

from collections.abc import Iterator
from typing import Any

from lamina._core.errors import explain
from lamina.callbacks._callback import Callback


class SwapEMAWeights(Callback):
    """Puts the averages of the weights in their place while the model is evaluated.

    The optimizer must have `use_ema=True`. At the end of training the averages are the weights.

    Args:
        swap_on_epoch: whether the averages are in place between epochs too, where other callbacks,
            such as ModelCheckpoint, find them. These must come after this one in the list.

    Raises:
        ValueError: no optimizer of the model keeps averages.

    Example:
        >>> import numpy as np, lamina
        >>> model = lamina.Sequential([lamina.layers.Dense(1)])
        >>> model.compile(lamina.optimizers.SGD(use_ema=True), "mse")
        >>> x = np.ones((4, 1))
        >>> _ = model.fit(x, x, verbose=0, validation_split=0.5, callbacks=[SwapEMAWeights()])
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._ema_weights_in_model = False
        self._averaged: list[Any] | None = None  # what the model had at the end of the last epoch

    def _pairs(self) -> Iterator[tuple[Any, Any]]:
        """Yield each trained variable with its average."""
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        found = False
        for one in getattr(optimizer, "optimizers", [optimizer]):
            one = getattr(one, "inner_optimizer", one)
            if getattr(one, "use_ema", False) and one.built:
                found = True
                for average, variable in zip(one._averages, one._trainable, strict=True):
                    if average is not None:
                        yield variable, average
        if not found:
            raise ValueError(
                explain(
                    "SwapEMAWeights",
                    "expected an optimizer that keeps averages of the weights",
                    f"{optimizer!r}",
                    "make it with use_ema=True",
                )
            )

    def _swap(self, into_model: bool) -> None:
        if self._ema_weights_in_model is not into_model:
            for variable, average in self._pairs():
                value, mean = variable.raw(), average.raw()
                variable.assign(mean)
                average.assign(value)
            self._ema_weights_in_model = into_model

    def on_train_begin(self, logs: Any = None) -> None:
        for _ in self._pairs():  # an optimizer without averages is refused now
            break
        self._averaged = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self.swap_on_epoch:
            self._swap(into_model=False)
            self._averaged = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.swap_on_epoch:
            self._swap(into_model=True)
            self._averaged = [variable.raw() for variable, _ in self._pairs()]

    def on_train_end(self, logs: Any = None) -> None:
        """Let the averages be the weights: the end of training took them for what was swapped."""
        if self._averaged is not None:
            for (variable, average), value in zip(self._pairs(), self._averaged, strict=True):
                variable.assign(value)
                average.assign(value)
        self._averaged, self._ema_weights_in_model = None, False

    def on_test_begin(self, logs: Any = None) -> None:
        self._swap(into_model=True)

    def on_test_end(self, logs: Any = None) -> None:
        self._swap(into_model=False)

    def on_predict_begin(self, logs: Any = None) -> None:
        self._swap(into_model=True)

    def on_predict_end(self, logs: Any = None) -> None:
        self._swap(into_model=False)
