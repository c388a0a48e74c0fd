"""The symbolic tensor: a shape (None where unknown), a dtype, and the node that made it."""

from typing import TYPE_CHECKING, Any, NoReturn

from lamina._core.dtypes import standardize_dtype
from lamina._core.errors import describe, explain
from lamina._core.naming import auto_name

if TYPE_CHECKING:
    from lamina._core.graph import Node


class KerasTensor:
    """A placeholder for an array: what `Input` returns and what layers and ops of it return.

    Args:
        shape: sizes of the axes, None where any size will do.
        dtype: name of the dtype.
        name: by default counted: 'keras_tensor', 'keras_tensor_1', ...

    Example:
        >>> KerasTensor((None, 3), name="x")
        <KerasTensor shape=(None, 3), dtype=float32, name=x>
    """

    __array_priority__ = 1000  # numpy arrays leave `array + tensor` to us

    def __init__(
        self,
        shape: Any,
        dtype: Any = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if sparse or ragged or kwargs:
            raise ValueError(
                explain(
                    "KerasTensor", "expected a dense tensor", f"sparse={sparse}, ragged={ragged}"
                )
            )
        self.shape: tuple[int | None, ...] = standardize_shape(shape)
        self.dtype: str = standardize_dtype(dtype)
        self.name = name or auto_name(type(self))
        self.record_history = record_history
        self.node: Node | None = None
        self.index = 0

    sparse = False
    ragged = False

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"

    def _refuse(self, use: str, instead: str) -> NoReturn:
        raise TypeError(
            explain(
                f"KerasTensor '{self.name}'",
                f"expected real numbers for {use}",
                f"a symbolic tensor of shape {self.shape}, which has no values yet",
                instead,
            )
        )

    def __bool__(self) -> bool:
        self._refuse("a truth value (`if`, `and`, `not`)", "use `ops.where` or `ops.cond`")

    def __float__(self) -> float:
        self._refuse("float()", "use `ops.cast(x, 'float32')`")

    def __int__(self) -> int:
        self._refuse("int()", "use `ops.cast(x, 'int32')`")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        self._refuse(
            "a numpy function", "use the function of that name in `lamina.ops`, or a layer"
        )

    @property  # so that asking for it is refused already, and jax has no error of its own to add
    def __jax_array__(self) -> Any:
        self._refuse("a jax function", "use the function of that name in `lamina.ops`, or a layer")

    def __len__(self) -> int:
        self._refuse("len()", "use `x.shape[0]`, which may be None")

    def __iter__(self) -> Any:
        self._refuse("iteration", "use `ops.unstack`, `ops.split` or indexing")

    __hash__ = object.__hash__


def standardize_shape(shape: Any) -> tuple[int | None, ...]:
    """Return `shape` as a tuple of sizes and None."""
    try:
        sizes = tuple(None if s is None else int(s) for s in shape)
        if any(
            s is not None and (s < 0 or s != given) for s, given in zip(sizes, shape, strict=True)
        ):
            raise ValueError
    except (TypeError, ValueError):
        raise ValueError(
            explain(
                "shape",
                "expected a tuple of sizes, each a whole number of 0 or more, or None",
                describe(shape),
                "for one axis write (3,), with the comma",
            )
        ) from None
    return sizes
