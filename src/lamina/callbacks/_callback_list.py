"""CallbackList: several callbacks, called as one."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from lamina._core import tree
from lamina._core.errors import describe, explain
from lamina.callbacks._callback import Callback
from lamina.callbacks._history import History
from lamina.callbacks._lambda import LambdaCallback
from lamina.callbacks._progress import ProgbarLogger

_BATCH_HOOKS = {
    "train": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}


class CallbackList:
    """Several callbacks called as one, in order: it has every hook that they have.

    Args:
        callbacks: a callback, a list of them, or None.
        add_history: whether to add a History if there is none.
        add_progbar: whether to add a ProgbarLogger if there is none.
        model: the model in training.
        params: given to every callback.

    Example:
        >>> callbacks = CallbackList(add_history=True, epochs=1)
        >>> callbacks.on_epoch_end(0, {"loss": 0.5})
        >>> callbacks.history.history
        {'loss': [0.5]}
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        self.callbacks: list[Any] = []
        self.params, self.model = params, model
        if isinstance(callbacks, CallbackList):
            callbacks = callbacks.callbacks
        for callback in tree.flatten(callbacks):
            if callback is not None:
                self.append(callback)
        if add_history and self.history is None:
            self.append(History())
        if add_progbar and not any(isinstance(c, ProgbarLogger) for c in self):
            self.append(ProgbarLogger())

    @property
    def history(self) -> History | None:
        """The first History among them."""
        return next((c for c in self if isinstance(c, History)), None)

    def append(self, callback: Any) -> None:
        """Add a callback at the end."""
        if isinstance(callback, type) or not hasattr(callback, "on_epoch_end"):
            raise TypeError(
                explain(
                    "callbacks",
                    "expected callback objects",
                    describe(callback),
                    "make an object of the class, as EarlyStopping()",
                )
            )
        callback.set_params(self.params)
        callback.set_model(self.model)
        self.callbacks.append(callback)

    def set_params(self, params: dict[str, Any]) -> None:
        """Give every callback these parameters."""
        self.params = params
        for callback in self:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        """Give every callback this model."""
        self.model = model
        for callback in self:
            callback.set_model(model)

    def wants_batches(self, kind: str) -> bool:
        """Return whether any callback shall be called at batches of this kind."""
        return self.wants_each_batch(kind) or self.batches_left(kind) is not None

    def wants_each_batch(self, kind: str) -> bool:
        """Return whether any callback writes a batch hook: of 'train', 'test' or 'predict'."""
        return any(_after(hook) is None for _, hook in self._batch_hooks(kind))

    def batches_left(self, kind: str) -> int | None:
        """Return how many batches may be run before a callback that counts them has to act.

        None if there is no such callback.
        """
        waits = [
            getattr(callback, after)()
            for callback, hook in self._batch_hooks(kind)
            if (after := _after(hook)) is not None
        ]
        return min((max(1, wait) for wait in waits if wait is not None), default=None)

    def _batch_hooks(self, kind: str) -> Iterator[tuple[Any, Any]]:
        for callback in self:
            for hook in _BATCH_HOOKS[kind]:
                if _writes(callback, hook):
                    yield callback, getattr(callback, hook)

    def wants_dispatches(self) -> bool:
        """Return whether any callback that may look at the model writes `on_dispatch_end`."""
        return any(_writes(c, "on_dispatch_end") and not _displays(c) for c in self)

    def touches_model(self) -> bool:
        """Return whether any callback may read or change the model between epochs."""
        return not all(_displays(c) for c in self)

    def check_logs(self, names: Callable[[], list[str] | None]) -> None:
        """Let callbacks that watch a value see whether it will be there.

        Those behind a callback of the user's are left out, for that may add to the logs.

        Args:
            names: returns what the logs of epochs will be called, or None if that is not known;
                only asked if somebody watches.
        """
        for callback in self:
            if _adds_to_logs(callback):
                return
            known = names() if hasattr(callback, "check_logs") else None
            if known is not None:
                callback.check_logs(known)

    def call(self, hook: str, *args: Any, logs: Any = None) -> None:
        """Call one hook of every callback that has it."""
        for callback in self:
            method = getattr(callback, hook, None)
            if method is not None:
                try:
                    method(*args, {} if logs is None else logs)
                except Exception as error:
                    error.add_note(
                        f"Raised in {type(callback).__name__}.{hook}, a callback. The model keeps "
                        "what it has learned so far."
                    )
                    raise

    def call_if_there(self, hook: str, *args: Any) -> None:
        """Call a hook that only displays have, with these arguments alone."""
        for callback in self:
            method = getattr(callback, hook, None)
            if method is not None:
                method(*args)

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("on_"):
            return partial(self._call_hook, name)
        raise AttributeError(name)

    def _call_hook(self, hook: str, *args: Any, logs: Any = None) -> None:
        numbered = any(word in hook for word in ("epoch", "batch", "dispatch"))
        if len(args) > numbered:  # logs were given by position
            *args, logs = args  # type: ignore[assignment]
        self.call(hook, *args, logs=logs)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.callbacks)


def _adds_to_logs(callback: Any) -> bool:
    """Whether a callback may add names to the logs that only it knows."""
    library = type(callback).__module__.startswith("lamina.")
    return not library or isinstance(callback, LambdaCallback)


def _displays(callback: Any) -> bool:
    return getattr(callback, "only_displays", False)


def _after(hook: Any) -> str | None:
    """The name of the method that says when a batch hook acts; None if at every batch."""
    return getattr(hook, "_acts_after", None)


def _writes(callback: Any, hook: str) -> bool:
    method = getattr(callback, hook, None)
    return method is not None and getattr(method, "__func__", None) is not getattr(Callback, hook)
