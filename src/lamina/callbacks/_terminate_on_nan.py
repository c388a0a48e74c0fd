"""TerminateOnNaN: the end of training when the loss is no number any more."""

from typing import Any

import numpy as np

from lamina._core.errors import explain
from lamina.callbacks._callback import Callback, acts_after
from lamina.callbacks._progress import say


class TerminateOnNaN(Callback):
    """Stops training when the loss is NaN or infinite.

    It looks at the loss whenever a compiled program returns, about three times a second: the mean
    loss of an epoch stays NaN once it is, so nothing is missed and training is not slowed down.

    Args:
        raise_error: whether to raise RuntimeError instead, so that `on_train_end` is not called.

    Example:
        >>> import numpy as np, lamina
        >>> model = lamina.Sequential([lamina.layers.Dense(1)])
        >>> model.compile(lamina.optimizers.SGD(1e30), "mse")
        >>> x = np.ones((4, 1)); history = model.fit(
        ...     x, 5 * x, batch_size=1, epochs=9, verbose=0, callbacks=[TerminateOnNaN()])
        Batch 1: the loss is inf; training ends
        >>> history.epoch
        [0]
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def _never(self) -> None:
        return None

    @acts_after("_never")
    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or np.all(np.isfinite(loss)):
            return
        if self.raise_error:
            help = "lower the learning rate, scale the inputs, or set clipnorm in the optimizer"
            raise RuntimeError(
                explain("TerminateOnNaN", "expected a finite loss", f"{loss} at batch {batch}",
                        help)
            )  # fmt: skip
        if not self.model.stop_training:
            say(f"Batch {batch}: the loss is {loss}; training ends")
        self.model.stop_training = True

    def on_dispatch_end(self, step: int, logs: Any = None) -> None:
        self.on_batch_end(step - 1, logs)
