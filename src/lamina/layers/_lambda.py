"""Lambda: a function as a layer."""

import inspect
from typing import Any

from lamina._core import serialize, tree
from lamina._core.errors import describe, explain
from lamina._core.layer import Layer
from lamina._core.signature import map_shapes
from lamina._core.tensor import KerasTensor


class Lambda(Layer):
    """function(inputs, **arguments).

    Saved by the function's name: a function without one, or one that is not registered with
    `lamina.utils.register_keras_serializable`, cannot be saved. Variables that the function uses
    are not found; write a subclass of `Layer` for those.

    Args:
        function: takes the inputs first, and `mask` or `training` if it has parameters so named.
        output_shape: shape of the outputs without the batch axis, or a function of the inputs'
            shape; needed only where it cannot be inferred.
        mask: the mask of the outputs, or a function of the inputs and their mask.
        arguments: further keyword arguments of the function.

    Example:
        >>> import numpy as np
        >>> Lambda(lambda x: x**2)(np.array([1.0, 2.0])).tolist()
        [1.0, 4.0]
    """

    def __init__(
        self,
        function: Any,
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.function = _function(function)
        self.arguments = dict(arguments or {})
        self.mask = _function(mask) if isinstance(mask, str) else mask
        self.supports_masking = mask is not None
        self._output_shape = output_shape
        self._wanted = _context_parameters(self.function)

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        given = {"mask": mask, "training": training}
        return self.function(inputs, **self.arguments, **{k: given[k] for k in self._wanted})

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        outputs = super().compute_output_spec(*args, **kwargs)
        if self._output_shape is None:
            return outputs
        input_shape = tree.map_structure(lambda t: t.shape, args[0])
        if callable(self._output_shape):
            shapes = self._output_shape(input_shape)
        else:
            batch = tree.flatten(args[0])[0].shape[0]
            shapes = map_shapes(lambda shape: (batch, *shape), self._output_shape)
        tensors = iter(tree.flatten(outputs))
        return map_shapes(lambda shape: KerasTensor(shape, next(tensors).dtype), shapes)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for name in ("output_shape", "mask"):
            if config[name] is None:
                del config[name]
        return config

    def _argument(self, name: str) -> Any:
        return self._output_shape if name == "output_shape" else super()._argument(name)


def _function(given: Any) -> Any:
    """Return a function, or the one of that name: the library's own are saved by name alone."""
    function = serialize.find(given) if isinstance(given, str) else given
    # A class takes arguments that a record of it could not have, as the path of a vocabulary.
    made_from_config = isinstance(function, type) and hasattr(function, "from_config")
    if not callable(function) or made_from_config:
        raise ValueError(
            explain("Lambda", "expected a function", describe(given), "write it as lambda x: ...")
        )
    return function


def _context_parameters(function: Any) -> set[str]:
    try:
        return {"mask", "training"} & set(inspect.signature(function).parameters)
    except ValueError:  # built-in functions may have no signature
        return set()
