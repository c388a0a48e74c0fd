"""BackupAndRestore: a run that was cut off goes on as if it had never stopped."""

import math
import os
import time
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from lamina._core.errors import describe, explain
from lamina.callbacks import _state_file
from lamina.callbacks._callback import Callback, acts_after
from lamina.callbacks._progress import say
from lamina.callbacks._save_frequency import SaveFrequency

# A copy costs two waits for the disk, some 10 ms, so fast epochs are not all written: what came
# since the last copy is written when the run breaks off, and only a kill -9 repeats it.
SECONDS = 1.0

_DAMAGED = (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile)


class BackupAndRestore(SaveFrequency, Callback):
    """Keeps everything that a training run depends on, and goes on from there.

    When `fit` is cut off and called again with the same arguments, in this process or another, it
    goes on at the epoch and step that were kept last, and ends with the same weights and History
    as a run that was never cut off. Kept are the weights, the optimizer, the metrics, all seeds
    (numpy's and Python's global ones too), the order of the data, and the state of the callbacks
    (see `Callback.state_dict`).

    A file takes its name when it is complete, so a process may die at any moment. Ctrl-C and
    SIGTERM keep the state of that moment before they end the run. There is at most one copy a
    second; what came after it is written too when an exception or a signal ends the run.

    Args:
        backup_dir: folder of the run, used for nothing else.
        save_freq: 'epoch', or every how many batches to save; False leaves it at Ctrl-C and
            SIGTERM.
        double_checkpoint: whether to keep the copy before the last too, for a disk that damages
            the last one.
        delete_checkpoint: whether to remove the copies when training is finished.

    Raises:
        OSError: a copy could not be written (the disk is full); the one before it is intact.
        ValueError: the copy is of another model, or all copies are damaged.

    Example:
        >>> import tempfile, numpy as np, lamina
        >>> x, y, folder = np.ones((4, 2)), np.ones((4, 1)), tempfile.mkdtemp()
        >>> model = lamina.Sequential([lamina.layers.Dense(1)]); model.compile("sgd", "mse")
        >>> class PowerCut(Callback):
        ...     def on_epoch_begin(self, epoch, logs=None):
        ...         if epoch == 3: raise RuntimeError("dark")
        >>> backup = BackupAndRestore(folder)
        >>> try: model.fit(x, y, epochs=5, verbose=0, callbacks=[backup, PowerCut()])
        ... except RuntimeError: pass
        >>> model.fit(x, y, epochs=5, verbose=0, callbacks=[backup]).epoch
        [0, 1, 2, 3, 4]
    """

    def __init__(
        self,
        backup_dir: Any,
        save_freq: Any = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not backup_dir or not isinstance(backup_dir, (str, os.PathLike)):
            expected = "expected the path of a folder as `backup_dir` (in fit, as `resume`)"
            help = "give each run a folder of its own, as 'runs/first'"
            raise ValueError(explain("BackupAndRestore", expected, describe(backup_dir), help))
        self.backup_dir, self.save_freq = backup_dir, save_freq
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        if save_freq is not False:
            self._check_save_freq()
        self._due = False
        self._run: Any = None
        self._waiting: Any = None  # a snapshot that is not written yet
        self._written = -math.inf  # when the last one was

    @property
    def latest(self) -> Path:
        """The file of the last copy."""
        return Path(self.backup_dir) / "latest.state"

    @property
    def previous(self) -> Path:
        """The file of the copy before it, with `double_checkpoint`."""
        return Path(self.backup_dir) / "previous.state"

    @property
    def _newest(self) -> Path:
        """The file of a copy for which the latest has not made room yet."""
        return Path(self.backup_dir) / "newest.state"

    def set_run(self, run: Any) -> None:
        """Take the run, which can be asked for a snapshot and given one."""
        self._run = run

    def state_dict(self) -> dict[str, Any]:
        """Return the count of batches; what is due, and since when, is each run's own."""
        return {k: v for k, v in super().state_dict().items() if k in vars(SaveFrequency)}

    # --- going on -------------------------------------------------------------------------------

    def on_train_begin(self, logs: Any = None) -> None:
        self._due, self._waiting, self._written = False, None, -math.inf
        kept = self._load()
        if kept is not None:
            self._run.restore(kept)
            if self.params.get("verbose"):
                steps = f", after {kept['step']} steps of it" * bool(kept["step"])
                say(f"Going on from {self.backup_dir}: epoch {kept['epoch'] + 1}{steps}")

    def _load(self) -> Any:
        """Return the newest copy that can be read, or None if there is none."""
        self._rotate()
        failures: list[str] = []
        damaged: list[Path] = []
        for path in (self.latest, self.previous):
            try:
                kept = _state_file.read(path)
            except FileNotFoundError:
                continue
            except _DAMAGED as error:
                failures.append(f"{path.name}: {str(error).splitlines()[0]}")
                damaged.append(path)
                continue
            for bad in damaged:  # out of the way, so that it never takes the good one's place
                os.replace(bad, bad.with_suffix(".damaged"))
            if failures and self.params.get("verbose"):
                say(f"BackupAndRestore: {failures[0]}; going on from {path.name}")
            return kept
        if failures:
            raise ValueError(
                explain(
                    "BackupAndRestore",
                    f"expected a backup that can be read in {self.backup_dir}",
                    "; ".join(failures),
                    "remove the file to start afresh; double_checkpoint=True keeps a second copy",
                )
            )
        return None

    # --- keeping --------------------------------------------------------------------------------

    @acts_after("_batches_left")
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._due |= self._should_save_on_batch(batch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._due |= self.save_freq == "epoch"

    def wants_snapshot(self) -> bool:
        """Return whether a copy is due, once."""
        due, self._due = self._due, False
        return due

    def keep_snapshot(self, snapshot: dict[str, Any]) -> None:
        """Write what the run depends on, at once or later."""
        self._waiting = snapshot
        if time.monotonic() - self._written >= SECONDS:
            self._write()

    def _write(self) -> None:
        """Write the snapshot that waits, if there is one."""
        snapshot, self._waiting = self._waiting, None
        if snapshot is None:
            return
        try:
            self.latest.parent.mkdir(parents=True, exist_ok=True)
            self._remove_unfinished()
            twice = self.double_checkpoint and self.latest.exists()
            _state_file.write(self._newest if twice else self.latest, snapshot)
            self._rotate()
            self._written = time.monotonic()
        except OSError as error:
            left = [p.name for p in (self.latest, self.previous) if p.exists()]
            raise OSError(
                error.errno,
                explain(
                    "BackupAndRestore",
                    f"expected to be able to write to {self.backup_dir}",
                    error.strerror or str(error),
                    "the model keeps what it has learned"
                    + (f", and the last good copy is {left[0]}" if left else ""),
                ),
            ) from error

    def _rotate(self) -> None:
        """Give the copies their names; what a process that was killed left of this is done too."""
        if self._newest.exists():
            if self.latest.exists():
                os.replace(self.latest, self.previous)
            os.replace(self._newest, self.latest)

    def on_train_end(self, logs: Any = None) -> None:
        if self.delete_checkpoint:
            self._waiting = None
            for path in (self.latest, self.previous):
                path.unlink(missing_ok=True)
            self._remove_unfinished()
            with suppress(OSError):  # somebody else's files are in it
                self.latest.parent.rmdir()
        self._write()

    def on_interrupt(self) -> None:
        """Called when training ends by an exception."""
        try:
            self._write()
        except OSError as error:  # the exception that ends training is the one to be raised
            warnings.warn(str(error), stacklevel=2)

    def _remove_unfinished(self) -> None:
        """Remove the temporary files of a process that was killed while it wrote."""
        for path in self.latest.parent.glob(".*.state"):
            path.unlink(missing_ok=True)
