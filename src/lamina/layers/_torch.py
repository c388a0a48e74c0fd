"""TorchModuleWrapper and TFSMLayer: modules of PyTorch as layers, and why SavedModels are not."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core.errors import describe, explain
from lamina._core.layer import Layer
from lamina._core.random import SeedGenerator
from lamina._core.state import Variable

_Arrays = Mapping[str, Any]


class TorchModuleWrapper(Layer):
    """A module of PyTorch as a layer: its parameters are the layer's weights, and are trained.

    PyTorch computes it on the CPU, forwards and for the gradient backwards; XLA computes all
    around it. That is for modules there is no layer for, not for speed.

    Args:
        module: a `torch.nn.Module`; its parameters and buffers are copied.
        output_shape: shape (N, ...) of the outputs; None to have PyTorch tell it.

    Shapes:
        those of the module: mind that PyTorch's images are (N, C, H, W).

    Weights:
        the module's parameters, trained if they require a gradient, then its buffers.

    Raises:
        ValueError: no module of PyTorch, or one whose parameters have no shape yet.

    Example:
        >>> layer = TorchModuleWrapper(torch.nn.Linear(4, 2))  # doctest: +SKIP
        >>> layer(np.ones((3, 4), "float32")).shape  # doctest: +SKIP
        (3, 2)
    """

    _unwalked = (*Layer._unwalked, "_module", "_parameters", "_buffers")

    def __init__(
        self, module: Any, name: str | None = None, output_shape: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        if not all(hasattr(module, part) for part in ("named_parameters", "named_buffers")):
            expected = "expected a torch.nn.Module"
            raise ValueError(explain("TorchModuleWrapper", expected, describe(module)))
        if getattr(module, "has_uninitialized_params", bool)():
            raise ValueError(
                explain(
                    "TorchModuleWrapper",
                    "expected a module whose parameters have shapes",
                    f"{type(module).__name__}, some of whose have none yet",
                    "call the module on a batch first",
                )
            )
        self._module = module
        self._shape = output_shape
        self.seed_generator = SeedGenerator()
        self._parameters = {
            n: self._weight(n, p, p.requires_grad) for n, p in module.named_parameters()
        }
        self._buffers = {n: self._weight(n, b, False) for n, b in module.named_buffers()}
        self.weights_in_order = [*self._parameters.values(), *self._buffers.values()]
        self.built = True

    def _weight(self, name: str, tensor: Any, trainable: bool) -> Variable:
        value = tensor.detach().cpu().numpy()
        floats = np.issubdtype(value.dtype, np.floating)
        return self.add_weight(
            value.shape,
            lambda shape, dtype: jnp.asarray(value, dtype),
            None if floats else {"int64": "int32"}.get(value.dtype.name, value.dtype.name),
            trainable,
            name=name.replace(".", "_"),
        )

    @property
    def module(self) -> Any:
        """The module, with the weights as they are now."""
        import torch

        state = dict(self._module.named_parameters()) | dict(self._module.named_buffers())
        with torch.no_grad():
            for name, variable in (self._parameters | self._buffers).items():
                state[name].copy_(torch.from_numpy(np.array(variable.value)))
        return self._module

    def call(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Call the module; `kwargs` are given to it as they are."""
        run = _Run(self._module, bool(training), kwargs)
        parameters = {n: v.value for n, v in self._parameters.items()}
        buffers = {n: v.value for n, v in self._buffers.items()}
        seed = self.seed_generator.next()[-1] if training else jnp.zeros((), "uint32")
        outputs, buffers = _call(run, parameters, buffers, args, seed)
        if training:
            for name, value in buffers.items():
                self._buffers[name].assign(value)
        return outputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self._shape is not None:
            return tuple(self._shape)
        return super().compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        # A module is code: a file has the weights, and who loads it brings the module.
        return {**super().get_config(), "module": None, "output_shape": self._shape}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        if config.get("module") is None or isinstance(config["module"], str):
            raise ValueError(
                explain(
                    "TorchModuleWrapper",
                    "expected a module: files hold no code",
                    f"the record of {config.get('name')!r} without one",
                    "build the model as it was built and use model.load_weights(file)",
                )
            )
        return super().from_config(config)


class _Run:
    """One way to call a module, on numpy arrays: what jax calls back."""

    def __init__(self, module: Any, training: bool, options: dict[str, Any]) -> None:
        self.module, self.training, self.options = module, training, options

    def forward(self, parameters: _Arrays, buffers: _Arrays, args: Any, seed: Any) -> Any:
        """Return the outputs and the buffers after them."""
        import torch

        with torch.no_grad():
            outputs, buffers = self._run(_tensors((parameters, buffers, args)), seed)
        return jax.tree.map(_array, (outputs, buffers))

    def backward(
        self, parameters: _Arrays, buffers: _Arrays, args: Any, seed: Any, slopes: Any
    ) -> Any:
        """Return the gradients of parameters and arguments, of floats only."""
        import torch

        given = _tensors((parameters, buffers, args))
        wanted = [t for t in jax.tree.leaves((given[0], given[2])) if t.is_floating_point()]
        for tensor in wanted:
            tensor.requires_grad_()
        with torch.enable_grad():
            outputs, _ = self._run(given, seed)
        pairs = zip(jax.tree.leaves(outputs), jax.tree.leaves(_tensors(slopes)), strict=True)
        pairs = [(y, slope) for y, slope in pairs if y.requires_grad]
        found = torch.autograd.grad(
            [y for y, _ in pairs], wanted, [slope for _, slope in pairs], allow_unused=True
        )
        return [
            _array(torch.zeros_like(t) if g is None else g)
            for t, g in zip(wanted, found, strict=True)
        ]

    def shapes(self, parameters: _Arrays, buffers: _Arrays, args: Any) -> Any:
        """Return what `forward` returns as shapes and dtypes; nothing is computed."""
        import torch

        def empty(a: Any) -> Any:
            dtype = torch.from_numpy(np.zeros((), a.dtype)).dtype
            return torch.empty(tuple(int(n) for n in a.shape), dtype=dtype, device="meta")

        given = jax.tree.map(empty, (parameters, buffers, args))
        outputs, _ = self._run(given, None)
        numpy_of = lambda t: torch.empty((), dtype=t.dtype).numpy().dtype  # noqa: E731
        like = jax.tree.map(lambda t: jax.ShapeDtypeStruct(tuple(t.shape), numpy_of(t)), outputs)
        same = {n: jax.ShapeDtypeStruct(b.shape, b.dtype) for n, b in buffers.items()}
        return like, same

    def _run(self, given: Any, seed: Any) -> Any:
        import torch

        parameters, buffers, args = given
        buffers = {n: b.clone() for n, b in buffers.items()}
        was = self.module.training
        self.module.train(self.training)
        try:
            with torch.random.fork_rng(devices=[]):
                if seed is not None:
                    torch.manual_seed(int(seed))
                outputs = torch.func.functional_call(
                    self.module, {**parameters, **buffers}, args, self.options
                )
        finally:
            self.module.train(was)
        return outputs, buffers


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _call(run: _Run, parameters: _Arrays, buffers: _Arrays, args: Any, seed: Any) -> Any:
    shapes = run.shapes(parameters, buffers, args)
    return _ask(run.forward, shapes, parameters, buffers, args, seed)


def _call_forward(run: _Run, *given: Any) -> Any:
    return _call(run, *given), given


def _call_backward(run: _Run, given: Any, slopes: Any) -> Any:
    parameters, buffers, args, seed = given
    leaves, form = jax.tree.flatten((parameters, args))
    floats = [jnp.issubdtype(a.dtype, jnp.floating) for a in leaves]
    shapes = [
        jax.ShapeDtypeStruct(a.shape, a.dtype)
        for a, is_float in zip(leaves, floats, strict=True)
        if is_float
    ]
    found = iter(_ask(run.backward, shapes, parameters, buffers, args, seed, slopes[0]))
    both = [next(found) if is_float else None for is_float in floats]
    of_parameters, of_args = jax.tree.unflatten(form, both)
    return of_parameters, None, of_args, None


_call.defvjp(_call_forward, _call_backward)


def _ask(fn: Callable[..., Any], shapes: Any, *given: Any) -> Any:
    return jax.pure_callback(fn, shapes, *given, vmap_method="sequential")


def _tensors(structure: Any) -> Any:
    import torch

    return jax.tree.map(lambda a: torch.from_numpy(np.array(a)), structure)


def _array(tensor: Any) -> np.ndarray:
    array = tensor.detach().numpy()
    return array.astype(np.int32) if array.dtype == np.int64 else array


class TFSMLayer(Layer):
    """A SavedModel of TensorFlow as a layer, which lamina refuses: it holds TensorFlow's graphs.

    Args:
        filepath: folder of the SavedModel.
        call_endpoint, call_training_endpoint: names of its functions.
        trainable, name, dtype: as for all layers.

    Raises:
        NotImplementedError: always, as Keras does on JAX; the message says how to bring the model.

    Example:
        >>> TFSMLayer("folder")  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        NotImplementedError: TFSMLayer: expected a model that JAX can run
    """

    def __init__(
        self,
        filepath: Any,
        call_endpoint: str = "serve",
        call_training_endpoint: str | None = None,
        trainable: bool = True,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        raise NotImplementedError(
            explain(
                "TFSMLayer",
                "expected a model that JAX can run",
                f"the SavedModel {str(filepath)!r}, which only TensorFlow can run",
                "save the model as .keras or .h5 where it was made, and load that with "
                "lamina.models.load_model",
            )
        )
