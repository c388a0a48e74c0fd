"""Hashing: categories without a list of them, by a hash."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core import config
from lamina._core.configurable import PositiveInt, is_integer
from lamina._core.errors import describe, explain
from lamina._core.graph import has_tensor
from lamina._core.layer import Layer
from lamina.layers._checks import check_choice
from lamina.layers.preprocessing._category_encoding import VECTOR_MODES, encode, refuse_sparse
from lamina.layers.preprocessing._fingerprint import farm_fingerprint, sip_hash


class Hashing(Layer):
    """hash(x) modulo num_bins, for strings and whole numbers (hashed as they are written).

    The hashes are the same on every machine and the same as Keras'.

    Args:
        num_bins: number of bins, which are 0 up to, not including, this.
        mask_value: a value that alone gets bin 0.
        salt: one or two whole numbers that change the hash: then it is SipHash, else FarmHash.
        output_mode: 'int', or as vectors: 'one_hot', 'multi_hot', 'count' (see
            `CategoryEncoding`).
        sparse: False; arrays are always dense.

    Shapes:
        'int': (N, ...) -> (N, ...), int32; others: see `CategoryEncoding`.

    Numbers in compiled code are hashed on the host.

    Reference:
        Pike, FarmHash, 2014; Aumasson and Bernstein, SipHash, 2012.

    Example:
        >>> Hashing(3)([["A"], ["B"], ["C"], ["D"], ["E"]]).ravel().tolist()
        [1, 0, 1, 1, 2]
    """

    def __init__(
        self,
        num_bins: PositiveInt,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        check_choice(type(self).__name__, "output_mode", output_mode, ("int", *VECTOR_MODES))
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else config.floatx()
        super().__init__(**kwargs)
        if output_mode == "int" and self.dtype not in ("int32", "int64"):
            raise ValueError(
                explain(
                    type(self).__name__,
                    "expected an integer dtype with output_mode='int'",
                    f"dtype={self.dtype!r}",
                    "leave dtype out, or use 'int32' or 'int64'",
                )
            )
        refuse_sparse(type(self).__name__, sparse)
        self.num_bins = num_bins
        self.mask_value = mask_value
        self.salt = two_numbers(type(self).__name__, salt)
        self.output_mode = output_mode
        self.sparse = sparse
        self.autocast = False
        self.supports_jit = False
        self.built = True

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        if has_tensor(inputs) or isinstance(inputs, jax.core.Tracer):
            return super().__call__(inputs, **kwargs)
        return self._encoded(jnp.asarray(self.bins(np.asarray(inputs))))

    def call(self, inputs: Any) -> Any:
        result = jax.ShapeDtypeStruct(inputs.shape, jnp.int32)
        bins = jax.pure_callback(self.bins, result, inputs, vmap_method="expand_dims")
        return self._encoded(bins)

    def _encoded(self, bins: Any) -> Any:
        return encode(bins, self.output_mode, self.num_bins, self.dtype)

    def bins(self, values: Any) -> np.ndarray:
        """Return the bins of an array of strings, bytes or numbers, int32, on the host."""
        values = np.asarray(values)
        masked = self.mask_value is not None and self.num_bins > 1
        found = hash_bins(values, self.num_bins - masked, self.salt)
        if not masked:
            return found
        same = values == (self.mask_value.encode() if values.dtype.kind == "S" else self.mask_value)
        return np.where(same, 0, found + 1).astype("int32")


def two_numbers(where: str, salt: Any) -> list[int] | None:
    """Return what a salt stands for: two numbers, of which one may be given for both."""
    if salt is None:
        return None
    numbers = [salt, salt] if is_integer(salt) else salt
    if isinstance(numbers, (list, tuple)) and len(numbers) == 2 and all(map(is_integer, numbers)):
        return list(numbers)
    raise ValueError(
        explain(
            where,
            "expected a whole number or two as `salt`",
            describe(salt),
            "as salt=133, or [133, 137]",
        )
    )


def hash_bins(values: np.ndarray, count: int, salt: list[int] | None) -> np.ndarray:
    """Return hash modulo `count` of each of an array of strings, bytes or numbers, int32."""
    hashes = hash_texts(values, salt) % np.uint64(count)
    return hashes.astype("int32").reshape(values.shape)


def hash_texts(values: np.ndarray, salt: list[int] | None = None) -> np.ndarray:
    """Return the hashes (N,) of values as they are written: of texts of one length together."""
    texts = _as_texts(values)
    sizes = np.array([len(t) for t in texts], dtype=int)
    result = np.zeros(len(texts), "uint64")
    for size in np.unique(sizes):
        places = np.flatnonzero(sizes == size)
        joined = b"".join(texts[i] for i in places)
        rows = np.frombuffer(joined, "uint8").reshape(len(places), size)
        result[places] = farm_fingerprint(rows) if salt is None else sip_hash(rows, *salt)
    return result


def _as_texts(values: np.ndarray) -> list[bytes]:
    """Return every value as it is written."""
    flat = values.ravel()
    if flat.dtype.kind == "f":
        flat = flat.astype("int64")
    if flat.dtype.kind in "iub":
        flat = flat.astype("S21")
    return [v if isinstance(v, bytes) else str(v).encode() for v in flat.tolist()]
