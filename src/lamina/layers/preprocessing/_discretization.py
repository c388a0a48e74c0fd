"""Discretization: numbers by the bin in which they lie."""

from itertools import islice
from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np

from lamina._core import config
from lamina._core.configurable import Check, PositiveInt
from lamina._core.errors import explain
from lamina._core.layer import Layer
from lamina.layers._checks import NonNegative, check_choice
from lamina.layers.preprocessing._category_encoding import VECTOR_MODES, encode, refuse_sparse
from lamina.layers.preprocessing._normalization import batches


def _ascend(boundaries: Any) -> bool:
    try:
        numbers = np.asarray(boundaries, "float64")
    except (TypeError, ValueError):
        return False
    return numbers.ndim == 1 and bool((np.diff(numbers) >= 0).all())


Boundaries = Annotated[
    Any, Check("numbers in ascending order", _ascend, "as [0.0, 1.0, 2.0]; sorted(...) orders them")
]


class Discretization(Layer):
    """The number of the bin in which x lies: how many boundaries are at x or below it.

    Args:
        bin_boundaries: boundaries in ascending order; n of them make n + 1 bins.
        num_bins: instead, how many bins `adapt` shall find, each with as many of the data.
        epsilon: fraction of the data by which the boundaries that `adapt` finds may be off.
        output_mode: 'int', or as vectors: 'one_hot', 'multi_hot', 'count' (see
            `CategoryEncoding`).
        sparse: False; arrays are always dense.

    Shapes:
        'int': (N, ...) -> (N, ...), int32; others: see `CategoryEncoding`.

    Example:
        >>> import numpy as np
        >>> Discretization([0.0, 1.0, 2.0])(np.array([[-1.5, 1.0, 3.4, 0.5]])).tolist()
        [[0, 2, 3, 1]]
    """

    def __init__(
        self,
        bin_boundaries: Boundaries | None = None,
        num_bins: PositiveInt | None = None,
        epsilon: NonNegative = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if (num_bins is None) == (bin_boundaries is None):
            raise ValueError(
                explain(
                    type(self).__name__,
                    "expected either `bin_boundaries` or `num_bins`",
                    f"bin_boundaries={bin_boundaries}, num_bins={num_bins}",
                    "with num_bins, adapt(data) finds the boundaries",
                )
            )
        check_choice(type(self).__name__, "output_mode", output_mode, ("int", *VECTOR_MODES))
        refuse_sparse(type(self).__name__, sparse)
        self.bin_boundaries = bin_boundaries
        self.num_bins = num_bins
        self.epsilon = epsilon
        self.output_mode = output_mode
        self.sparse = sparse
        self.reset_state()

    @property
    def input_dtype(self) -> str:
        return config.floatx()

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Find boundaries that share the data out equally.

        Args:
            data: an array, or an iterable of batches.
            steps: batches to look at (default: all).
        """
        if self.num_bins is None:
            raise ValueError(
                explain(
                    f"{self.name}.adapt",
                    "expected a layer made with `num_bins`",
                    "one that was given bin_boundaries",
                    "Discretization(num_bins=...) finds boundaries in data",
                )
            )
        self.reset_state()
        for batch in islice(batches(f"{self.name}.adapt", data), steps):
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forget the data seen."""
        self.summary = np.zeros((2, 0), "float32")

    def update_state(self, data: Any) -> None:
        """Add data to what the boundaries are found from."""
        added = summarize(np.asarray(data), self.epsilon)
        merged = np.concatenate([added, self.summary], axis=1)
        order = np.argsort(merged[0])
        self.summary = compress(merged[:, order], self.epsilon)

    def finalize_state(self) -> None:
        """Set the boundaries from the data seen."""
        if self.num_bins is not None:
            self.bin_boundaries = compress(self.summary, 1.0 / self.num_bins)[0, :-1].tolist()
            self._outdate()

    def call(self, inputs: Any) -> Any:
        if self.bin_boundaries is None:
            raise ValueError(
                explain(self._where(), "expected boundaries", "a layer that was not adapted",
                        "call adapt(data) first, or pass bin_boundaries")
            )  # fmt: skip
        bins = jnp.digitize(inputs, jnp.asarray(self.bin_boundaries, config.floatx()))
        dtype = "int32" if self.output_mode == "int" else self.compute_dtype
        return encode(bins, self.output_mode, len(self.bin_boundaries) + 1, dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["trainable"]  # Keras' constructor does not take it
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Discretization":
        if config.get("num_bins") is None or config.get("bin_boundaries") is None:
            return super().from_config(config)
        layer = super().from_config({**config, "bin_boundaries": None})
        layer.bin_boundaries = list(config["bin_boundaries"])  # adapted before
        return layer


def summarize(values: np.ndarray, epsilon: float) -> np.ndarray:
    """Return about 1 / epsilon of the values, evenly spread, over how many each stands for."""
    ordered = np.sort(values.astype("float32"), axis=None)
    step = max(ordered.size * epsilon, 1.0)
    chosen = ordered[int(step - 1) :: int(step)]
    return np.stack([chosen, np.full_like(chosen, step)])  # (2, K)


def compress(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """Return a summary of about 1 / epsilon columns, by interpolation between its own."""
    if summary.shape[1] * epsilon < 1:
        return summary
    values, weights = summary
    total = np.cumsum(weights)
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    new_total = np.interp(shares, total / total[-1], total)
    new_values = np.interp(shares, total / total[-1], values)
    return np.stack([new_values, np.diff(new_total, prepend=0)]).astype("float32")
