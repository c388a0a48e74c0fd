"""Where data enters a model."""

from typing import Any

from lamina._core import dtypes
from lamina._core.errors import explain
from lamina._core.graph import Node
from lamina._core.layer import Layer
from lamina._core.tensor import KerasTensor, standardize_shape


class InputLayer(Layer):
    """The layer behind `Input`; it passes its data on.

    Args:
        shape: shape of one sample, without the batch axis.
        batch_size: size of the batch axis, None for any.
        dtype: of the data (default: `config.floatx()`).
        batch_shape: shape with the batch axis, instead of `shape` and `batch_size`.
        input_tensor: a symbolic tensor to use as it is.
        optional: whether None may be given instead of data.
        name: key of the data when inputs come as a dictionary.

    Example:
        >>> InputLayer(shape=(3,)).output.shape
        (None, 3)
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: Any = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if "batch_input_shape" in kwargs:
            batch_shape = kwargs.pop("batch_input_shape")
        kwargs.pop("input_dtype", None)
        super().__init__(name=name, **kwargs)
        if sparse or ragged:
            raise ValueError(
                explain(
                    "Input",
                    "expected dense data",
                    f"sparse={sparse}, ragged={ragged}",
                    "give arrays; sequences of several lengths are padded by pad_sequences",
                )
            )
        self.sparse, self.ragged, self.optional = False, False, optional
        if input_tensor is not None:
            batch_shape, dtype = input_tensor.shape, dtype or input_tensor.dtype
        if (shape is None) == (batch_shape is None):
            raise ValueError(
                explain(
                    "Input",
                    "expected either `shape` (of one sample) or `batch_shape`",
                    f"shape={shape}, batch_shape={batch_shape}",
                    "for samples of 3 numbers write Input(shape=(3,))",
                )
            )
        if batch_shape is None:
            batch_shape = (
                batch_size,
                *standardize_shape((shape,) if isinstance(shape, int) else shape),
            )
        self.batch_shape = standardize_shape(batch_shape)
        self._dtype = dtypes.standardize_dtype(dtype)
        self.supports_masking = True
        self.built = True
        tensor = input_tensor
        if tensor is None:
            tensor = KerasTensor(self.batch_shape, self._dtype, name=self.name)
        self._tensor = tensor
        self._node = Node(self, (), {}, tensor)
        self._nodes.append(self._node)

    def call(self, inputs: Any = None) -> Any:
        return inputs

    @property
    def output(self) -> KerasTensor:
        return self._tensor

    @property
    def input(self) -> KerasTensor:
        return self._tensor

    @property
    def dtype(self) -> str:
        return self._dtype

    def get_build_config(self) -> None:
        return None

    def get_config(self) -> dict[str, Any]:
        return {
            "batch_shape": self.batch_shape,
            "dtype": self._dtype,
            "sparse": False,
            "ragged": False,
            "name": self.name,
            "optional": self.optional,
        }


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> KerasTensor:
    """Return a symbolic tensor: the start of a functional model.

    Args:
        shape: shape of one sample, None where any size will do.
        batch_size: size of the batch axis, None for any.
        dtype: of the data (default: `config.floatx()`).
        batch_shape: shape with the batch axis, instead of `shape` and `batch_size`.
        name: key of the data when inputs come as a dictionary.
        tensor: a symbolic tensor to use as it is.
        optional: whether None may be given instead of data.

    Example:
        >>> Input(shape=(3,), name="person")
        <KerasTensor shape=(None, 3), dtype=float32, name=person>
    """
    layer = InputLayer(
        shape=shape, batch_size=batch_size, dtype=dtype, sparse=sparse, ragged=ragged,
        batch_shape=batch_shape, input_tensor=tensor, optional=optional, name=name,
    )  # fmt: skip
    return layer.output
