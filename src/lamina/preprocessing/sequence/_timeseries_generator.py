"""TimeseriesGenerator: windows of a time series, as Keras 2 had it."""

import json
from typing import Any

import numpy as np

from lamina._core.errors import explain
from lamina.utils import PyDataset


class TimeseriesGenerator(PyDataset):
    """Batches of windows, each with the target of the step after it.

    New code uses `utils.timeseries_dataset_from_array`.

    Args:
        data: the series, a row per step.
        targets: a value per step.
        length: steps of a window.
        sampling_rate: steps between two rows of a window.
        stride: steps between two windows.
        start_index, end_index: first and last step that is used.
        shuffle: whether windows are drawn at random.
        reverse: whether windows run backwards.
        batch_size: windows of a batch.
        kwargs: see `utils.PyDataset`.

    Raises:
        ValueError: other numbers of targets, or no window left.

    Example:
        >>> x, y = TimeseriesGenerator([1, 2, 3, 4], [10, 20, 30, 40], length=2)[0]
        >>> x.tolist(), y.tolist()
        ([[1, 2], [2, 3]], [30, 40])
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        where = "TimeseriesGenerator"
        if len(data) != len(targets):
            got = f"{len(data)} steps and {len(targets)} targets"
            raise ValueError(explain(where, "expected a target per step", got))
        self.data, self.targets, self.length = data, targets, length
        self.sampling_rate, self.stride = sampling_rate, stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse, self.batch_size = shuffle, reverse, batch_size
        if self.start_index > self.end_index:
            got = f"windows of {length} in the steps from {start_index} to {self.end_index}"
            raise ValueError(explain(where, "expected at least one window", got))

    def __len__(self) -> int:
        windows = (self.end_index - self.start_index) // self.stride + 1
        return -(-windows // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        first, stop = self.start_index, self.end_index + 1
        if self.shuffle:
            ends = np.random.randint(first, stop, size=self.batch_size)  # noqa: NPY002
        else:
            ends = np.arange(first, stop, self.stride)
            ends = ends[self.batch_size * index : self.batch_size * (index + 1)]
        x = np.array([self.data[e - self.length : e : self.sampling_rate] for e in ends])
        y = np.array([self.targets[e] for e in ends])
        return x[:, ::-1] if self.reverse else x, y

    def get_config(self) -> dict[str, Any]:
        """Return the arguments; the data as JSON texts."""
        names = "length sampling_rate stride start_index end_index shuffle reverse batch_size"
        config = {name: getattr(self, name) for name in names.split()}
        lists = {"data": self.data, "targets": self.targets}
        return {k: json.dumps(np.asarray(v).tolist()) for k, v in lists.items()} | config

    def to_json(self, **kwargs: Any) -> str:
        """Return all of it as JSON."""
        config = {"class_name": type(self).__name__, "config": self.get_config()}
        return json.dumps(config, **kwargs)
