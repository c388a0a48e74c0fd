"""HashedCrossing: pairs (or more) of categories as one, by a hash."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core import config
from lamina._core.configurable import PositiveInt
from lamina._core.errors import describe, explain
from lamina._core.graph import has_tensor
from lamina._core.layer import Layer
from lamina.layers._checks import check_choice
from lamina.layers.preprocessing._category_encoding import encode, refuse_sparse
from lamina.layers.preprocessing._fingerprint import join_fingerprints
from lamina.layers.preprocessing._hashing import hash_texts

_START = np.uint64(0xDECAFCAFFE)  # TensorFlow's key of hashes of crossings


class HashedCrossing(Layer):
    """hash(x1, x2, ...) modulo num_bins: one category for what several features are together.

    The hashes are the same on every machine and the same as Keras'.

    Args:
        num_bins: number of bins, which are 0 up to, not including, this.
        output_mode: 'int', or 'one_hot' for vectors of num_bins.
        sparse: False; arrays are always dense.

    Shapes:
        'int': (N,) or (N, 1) for each feature -> the same, int32;
        'one_hot': (N,) or (N, 1) for each feature -> (N, num_bins).

    Features are strings or whole numbers. Numbers in compiled code are hashed on the host.

    Raises:
        ValueError: fewer than two features, of different or of other shapes, or of floats.

    Reference:
        Pike, FarmHash, 2014.

    Example:
        >>> letters, numbers = ["A", "B", "A", "B", "A"], [101, 101, 101, 102, 102]
        >>> HashedCrossing(num_bins=5)((letters, numbers)).tolist()
        [1, 4, 1, 1, 3]
    """

    def __init__(
        self,
        num_bins: PositiveInt,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        check_choice(type(self).__name__, "output_mode", output_mode, ("int", "one_hot"))
        if dtype is None:
            dtype = "int64" if output_mode == "int" else config.floatx()
        super().__init__(name=name, dtype=dtype, **kwargs)
        refuse_sparse(type(self).__name__, sparse)
        self.num_bins = num_bins
        self.output_mode = output_mode
        self.sparse = sparse
        self.autocast = False
        self.built = True

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ValueError(
                explain(
                    self._where(),
                    "expected a list of two or more features",
                    describe(inputs),
                    "call layer((first, second))",
                )
            )
        if has_tensor(inputs) or any(isinstance(x, jax.core.Tracer) for x in inputs):
            return super().__call__(inputs, **kwargs)
        features = [np.asarray(x) for x in inputs]
        self._check(features)
        return self._encoded(jnp.asarray(self.bins(*features)))

    def call(self, inputs: Any) -> Any:
        self._check(inputs)
        result = jax.ShapeDtypeStruct(inputs[0].shape, jnp.int32)
        bins = jax.pure_callback(self.bins, result, *inputs, vmap_method="expand_dims")
        return self._encoded(bins)

    def _encoded(self, bins: Any) -> Any:
        return encode(bins, self.output_mode, self.num_bins, self.dtype)

    def bins(self, *features: Any) -> np.ndarray:
        """Return the bins of features (arrays of one shape), int32, on the host."""
        arrays = [np.asarray(x) for x in features]
        hashed = np.full(arrays[0].size, _START)
        for x in arrays:
            # Numbers are their own fingerprints, negative ones as in two's complement.
            own = x.astype("int64").view("uint64").ravel() if x.dtype.kind in "iu" else None
            hashed = join_fingerprints(hashed, hash_texts(x) if own is None else own)
        return (hashed % np.uint64(self.num_bins)).astype("int32").reshape(arrays[0].shape)

    def _check(self, features: Any) -> None:
        shapes = [tuple(x.shape) for x in features]
        if len(set(shapes)) > 1 or not (len(shapes[0]) < 2 or shapes[0][1:] == (1,)):
            raise ValueError(
                explain(
                    self._where(),
                    "expected features of one shape: (), (N,) or (N, 1)",
                    f"shapes {', '.join(map(str, shapes))}",
                    "one value of each feature for each sample makes a crossing",
                )
            )
        for x in features:
            texts = x.dtype == object and all(isinstance(v, (str, bytes)) for v in x.flat)
            if not texts and getattr(x.dtype, "kind", "") not in "iuSUT":
                raise ValueError(
                    explain(
                        self._where(),
                        "expected features of strings or whole numbers",
                        describe(x),
                        "Discretization makes bins of floats",
                    )
                )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["trainable"]  # Keras leaves it out, and names the dtype
        return {**config, "dtype": self.dtype}
