"""CSVLogger: the logs of every epoch as lines of a file."""

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from lamina.callbacks._callback import Callback


class CSVLogger(Callback):
    """Writes the logs of every epoch to a CSV file: 'epoch', then the metrics by name.

    Each line is on its way to the disk when the epoch ends. A run that goes on where another
    stopped (see `BackupAndRestore`) goes on in the same file: no line is lost or doubled.

    Args:
        filename: path of the file.
        separator: between two values.
        append: whether to add to a file that is there, instead of writing it anew.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp(), "log.csv")
        >>> log = CSVLogger(path); log.on_train_begin()
        >>> log.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.25}); log.on_train_end()
        >>> path.read_text().split()
        ['epoch,loss,val_loss', '0,0.5,0.25']
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.separator, self.append = separator, append
        self.keys: list[str] | None = None
        self.csv_file: TextIO | None = None
        self._keep_up_to: int | None = None  # bytes of the file that stay when it is opened
        self._header = True

    @property
    def sep(self) -> str:
        """The separator, by its name in Keras."""
        return self.separator

    def on_train_begin(self, logs: Any = None) -> None:
        self._close()
        self.keys = None
        there = self.append and os.path.exists(self.filename)
        self._keep_up_to = os.path.getsize(self.filename) if there else 0
        self._header = self._keep_up_to == 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = logs or {}
        file = self._open()
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(key.startswith("val_") for key in self.keys):
                self.keys += [f"val_{key}" for key in self.keys]
        writer = csv.DictWriter(file, ["epoch", *self.keys], delimiter=self.separator)
        if self._header:
            writer.writeheader()
            self._header = False
        row = {key: _shown(logs.get(key, "NA")) for key in self.keys}
        writer.writerow({"epoch": epoch, **row})
        file.flush()

    def _open(self) -> TextIO:
        """Return the file, opened behind what stays of it."""
        if self.csv_file is None:
            Path(self.filename).parent.mkdir(parents=True, exist_ok=True)
            self.csv_file = Path(self.filename).open("a", newline="", encoding="utf-8")  # noqa: SIM115
            if self.csv_file.tell() > (self._keep_up_to or 0):
                self.csv_file.truncate(self._keep_up_to or 0)
        return self.csv_file

    def _close(self) -> None:
        if self.csv_file is not None:
            self.csv_file.close()
            self.csv_file = None

    def on_train_end(self, logs: Any = None) -> None:
        self._open()
        self._close()

    def on_interrupt(self) -> None:
        """Called when training ends by an exception."""
        self._close()

    def state_dict(self) -> dict[str, Any]:
        size = self._keep_up_to if self.csv_file is None else self.csv_file.tell()
        return {"keys": self.keys, "header": self._header, "size": size}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._close()
        self.keys, self._header, self._keep_up_to = state["keys"], state["header"], state["size"]


def _shown(value: Any) -> Any:
    if isinstance(value, str) or np.ndim(value) == 0 or not isinstance(value, Iterable):
        return value
    return f'"[{", ".join(map(str, value))}]"'
