"""ModelCheckpoint: the model as files, at the end of epochs or every so many batches."""

import os
from pathlib import Path
from typing import Any

from lamina._core.errors import describe, explain, nearest
from lamina.callbacks._callback import acts_after
from lamina.callbacks._monitor import MonitorCallback, also
from lamina.callbacks._progress import say
from lamina.callbacks._save_frequency import SaveFrequency

_WHOLE, _WEIGHTS = (".keras", ".h5", ".hdf5"), (".weights.h5", ".h5", ".hdf5")


class ModelCheckpoint(SaveFrequency, MonitorCallback):
    """Saves the model, or its weights, at the end of every epoch, or of those that are the best.

    A file takes its name when it is complete; the one before stays until then.

    Args:
        filepath: path of the file, ending in '.keras' or the older '.h5' and '.hdf5', with
            `save_weights_only` in '.weights.h5'. It may name the epoch, from 1, and the logs, as
            in '{epoch:02d}-{val_loss:.2f}.keras'.
        monitor: name in the logs; 'val_acc' finds 'val_accuracy' too, and the like.
        verbose: 1 says what is saved.
        save_best_only: whether to save only when `monitor` is better than ever before.
        save_weights_only: whether to save the weights alone.
        mode: 'min' or 'max', what is better; 'auto' asks the metric.
        save_freq: 'epoch', or every how many batches to save.
        initial_value_threshold: the value that the first file has to beat.

    Raises:
        ValueError: the path names something that the logs do not have, or `monitor` does.
        OSError: the file could not be written; the one before it is intact.

    Example:
        >>> import tempfile, os, numpy as np, lamina
        >>> model = lamina.Sequential([lamina.layers.Dense(1)]); model.compile("sgd", "mse")
        >>> folder = tempfile.mkdtemp()
        >>> save = ModelCheckpoint(folder + "/{epoch:02d}.weights.h5", save_weights_only=True)
        >>> x = np.ones((4, 1)); _ = model.fit(x, x, epochs=2, verbose=0, callbacks=[save])
        >>> sorted(os.listdir(folder))
        ['01.weights.h5', '02.weights.h5']
    """

    def __init__(
        self,
        filepath: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath, self.verbose = os.fspath(filepath), verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.save_freq = save_freq
        self._check_save_freq()
        self._check_ending()
        self._current_epoch = 0

    def _check_ending(self) -> None:
        endings = _WEIGHTS if self.save_weights_only else _WHOLE
        if not self.filepath.endswith(endings):
            what = "weights" if self.save_weights_only else "models"
            near = nearest(Path(self.filepath).suffix, endings) or endings[0]
            expected = f"expected a path that ends in {' or '.join(map(repr, endings))} for {what}"
            help = f"write {os.path.splitext(self.filepath)[0] + near!r}"
            got = describe(self.filepath)
            raise ValueError(explain("ModelCheckpoint", expected, got, help))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._current_epoch = epoch

    @acts_after("_batches_left")
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._should_save_on_batch(batch):
            self._save_model(self._current_epoch, batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.save_freq == "epoch":
            self._save_model(epoch, None, logs)

    def _save_model(self, epoch: int, batch: int | None, logs: Any) -> None:
        current = self._watched(logs, later=batch is None) if self.save_best_only else None
        if self.save_best_only and current is None:
            return  # an epoch without validation
        path = self._get_file_path(epoch, batch, logs or {})
        if self.save_best_only:
            before = "" if self.best is None else f" from {self.best:.5f}"
            if not self._is_improvement(current, self.best):
                self._say(epoch, f"{self.monitor} did not improve{before}")
                return
            self._write(path)
            self.best = current
            self._say(epoch, f"{self.monitor} improved{before} to {current:.5f}, saved to {path}")
        else:
            self._write(path)
            self._say(epoch, f"saved to {path}")

    def _say(self, epoch: int, text: str) -> None:
        if self.verbose > 0:
            say(f"Epoch {epoch + 1}: {text}")

    def _write(self, path: str) -> None:
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            if self.save_weights_only:
                self.model.save_weights(path, overwrite=True)
            else:
                self.model.save(path, overwrite=True)
        except OSError as error:
            kept = ", and the file that was there is as it was" if os.path.isfile(path) else ""
            raise OSError(
                error.errno,
                explain(
                    "ModelCheckpoint",
                    f"expected to be able to write {path}",
                    str(error.strerror or error),
                    f"the model keeps what it has learned{kept}",
                ),
            ) from error

    def _get_file_path(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> str:
        """Return the path with its names filled in."""
        known = {"epoch": epoch + 1, **({} if batch is None else {"batch": batch + 1}), **logs}
        try:
            return self.filepath.format_map(_Names(known))
        except KeyError as error:
            near = nearest(str(error.args[0]), known)
            raise ValueError(
                explain(
                    "ModelCheckpoint",
                    f"expected names in `filepath` that are there: {', '.join(known)}",
                    self.filepath,
                    f"write {{{near}}}" if near else None,
                )
            ) from None


class _Names(dict):
    """What a path may name; metrics by each name that they have."""

    def __missing__(self, name: str) -> Any:
        for other in also(name):
            if other in self:
                return self[other]
        raise KeyError(name)
