"""Layer: configuration plus variables, and a call of five steps.

1. standardize: arrays from whatever holds numbers, in the layer's compute dtype
2. ensure_built: make the variables that depend on the input's shape
3. fill context arguments: `training` and masks from the calls around
4. call: the subclass's own code
5. finish: activity losses and the masks of the outputs
"""

import inspect
import warnings
from collections.abc import Callable, Iterator
from functools import wraps
from itertools import count
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina import constraints, dtype_policies, initializers, regularizers
from lamina._core import dtypes, tree, walk
from lamina._core.configurable import Configurable, unknown_arguments
from lamina._core.context import context, using
from lamina._core.errors import describe, explain
from lamina._core.graph import Node, WeakList, as_array, has_tensor, infer
from lamina._core.input_spec import check_input
from lamina._core.masks import get_mask, set_mask
from lamina._core.naming import auto_name
from lamina._core.signature import (
    CallSignature,
    all_arrays,
    as_numbers,
    call_signature,
    map_shapes,
    shape_hint,
    shape_tuples,
    shapes_of,
    unwrap_single,
)
from lamina._core.state import Variable, pure
from lamina._core.tensor import KerasTensor

_calls = count(1)  # numbers the outermost calls, so that losses of an older call are told apart


class Layer(Configurable):
    """A function with variables: subclasses write `build(input_shape)` and `call(inputs)`.

    Args:
        activity_regularizer: regularizer of the output, by name, instance or function.
        trainable: whether `fit` changes its trainable variables.
        dtype: dtype or policy, as 'float32' or 'mixed_bfloat16' (default: the global policy).
        autocast: whether float inputs and variables are cast to the compute dtype.
        name: by default the class in snake case, counted.

    Example:
        >>> class Scale(Layer):
        ...     def build(self, input_shape):
        ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones")
        ...     def call(self, inputs):
        ...         return inputs * self.factor
        >>> Scale()(np.array([[1.0, 2.0]])).tolist()
        [[1.0, 2.0]]
    """

    _unwalked: tuple[str, ...] = ("_given", "_input_shape_hint")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _building(vars(cls)["build"])  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self._weights: list[Variable] = []
        self._input_shape_hint = shape_hint(kwargs)
        if kwargs:
            raise ValueError(unknown_arguments(type(self), kwargs))
        if not isinstance(trainable, bool):
            raise ValueError(
                explain(
                    type(self).__name__,
                    "expected True or False as `trainable`",
                    describe(trainable),
                )
            )
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(
                explain(
                    type(self).__name__, "expected a name without '/'", describe(name), "use '_'"
                )
            )
        self.name = name or auto_name(type(self))
        self._policy = dtype_policies.get(dtype)
        self._remat = context().remat
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.autocast = autocast
        self.built = False
        self.input_spec: Any = None
        self.supports_jit = True
        self._trainable = trainable
        self._path: tuple[str, ...] | None = None
        self._build_shapes: Any = None
        self._losses: list[tuple[int, Any]] = []  # (number of the outermost call, loss)
        self._nodes = WeakList()
        self._supports_masking = type(self).compute_mask is not Layer.compute_mask

    # --- what subclasses override ---------------------------------------------------------------

    def build(self, input_shape: Any = None) -> None:
        """Make the variables; the default builds the layers inside by a trial call."""
        if input_shape is not None and self._has_unbuilt_children():
            inputs = map_shapes(lambda s: KerasTensor(s, self.input_dtype), input_shape)
            with self._entered(None):
                infer(self.call, inputs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; every subclass has its own."""
        raise NotImplementedError(
            explain(
                type(self).__name__,
                "expected a `call` method",
                None,
                "write `def call(self, inputs)`",
            )
        )

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the mask of the outputs: by default the one of the inputs."""
        return previous_mask

    # --- calling --------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not hasattr(self, "_policy"):
            raise RuntimeError(
                explain(
                    type(self).__name__,
                    "expected its `__init__` to call `super().__init__()` first",
                    "a layer without the base's attributes",
                )
            )
        if has_tensor(args, kwargs):
            return self._call_symbolic(args, kwargs)
        return self._call_arrays(*args, **kwargs)

    def _call_symbolic(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        bound = self._bind(args, kwargs)
        self._check_input(bound)
        self._ensure_built(bound)
        outputs = self.compute_output_spec(*args, **kwargs)
        self._nodes.append(Node(self, args, kwargs, outputs))
        return outputs

    def _call_arrays(self, *args: Any, **kwargs: Any) -> Any:
        signature = call_signature(type(self))
        training = kwargs.pop("training", None)
        args, kwargs = self._standardize(args, kwargs)
        bound = self._bind(args, kwargs)
        self._check_input(bound)
        self._ensure_built(bound)
        if training is None:
            training = context().training
        if training is None:
            training = signature.training
        first = next(iter(bound.values()), None)
        with self._entered(training) as now:
            if signature.has_training:
                kwargs["training"] = now.training
            self._fill_masks(signature, bound, kwargs)
            mask = kwargs.get("mask")
            if mask is None:
                mask = tree.map_structure(get_mask, first)
            try:
                outputs = self._run_call(*args, **kwargs)
            except Exception as error:
                _note(error, self, bound)
                raise
            self._finish(outputs, first, mask)
        return outputs

    def _run_call(self, *args: Any, **kwargs: Any) -> Any:
        remat = self._remat
        return self.call(*args, **kwargs) if remat is None else remat(self, args, kwargs)

    def _entered(self, training: bool | None) -> Any:
        """Return the context in which this layer's own code runs."""
        now = context()
        if self._path is None:
            self._path = (*now.path, self.name)
        compute = self._policy.compute_dtype
        if not self.autocast or not dtypes.is_float(compute):
            cast = None
        elif now.compute_dtype is not None or compute != self._policy.variable_dtype:
            cast = compute
        else:
            cast = None
        return using(
            training=training,
            path=self._path,
            call=now.call or next(_calls),
            compute_dtype=cast,
            masks={} if now.masks is None else now.masks,
        )

    def _standardize(self, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        if len(args) == 1 and not kwargs and isinstance(args[0], jax.Array):
            return (self._cast(args[0]),), kwargs
        args = tuple(as_numbers(a) for a in args)
        for leaf in tree.flatten(args):
            known = leaf is None or isinstance(leaf, (jax.Array, np.ndarray, Variable))
            if not known or getattr(getattr(leaf, "dtype", None), "kind", "") in ("O", "S", "U"):
                self._refuse_argument(leaf)
        return tree.map_structure(self._cast, args), tree.map_structure(self._cast, kwargs)

    def _refuse_argument(self, leaf: Any) -> None:
        raise ValueError(
            explain(
                self._where(),
                "expected arrays of numbers as positional arguments",
                describe(leaf),
                "give data as numpy or jax arrays, and options by keyword",
            )
        )

    def _cast(self, x: Any) -> Any:
        if isinstance(x, (np.ndarray, Variable)):
            x = as_array(x)
        elif not isinstance(x, jax.Array):
            return x
        if self.autocast and jnp.issubdtype(x.dtype, jnp.floating):
            target = self.input_dtype
            if x.dtype != target and dtypes.is_float(target):
                mask = get_mask(x)
                x = x.astype(target)
                if mask is not None:
                    set_mask(x, mask)
        return x

    def _bind(self, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of a call by name."""
        names = call_signature(type(self)).names
        if len(names) < len(args):
            names = (*names, *(f"arg{i}" for i in range(len(names), len(args))))
        return {**dict(zip(names, args, strict=False)), **kwargs}

    def _fill_masks(
        self, signature: CallSignature, bound: dict[str, Any], kwargs: dict[str, Any]
    ) -> None:
        tensors = {k: v for k, v in bound.items() if all_arrays(v) and k != "mask"}
        for name, value in tensors.items():
            wanted = "mask" if len(tensors) == 1 else f"{name}_mask"
            if wanted in signature.parameters and bound.get(wanted) is None:
                kwargs[wanted] = tree.map_structure(get_mask, value)

    def _finish(self, outputs: Any, inputs: Any, mask: Any) -> None:
        if self.activity_regularizer is not None:
            for output in tree.flatten(outputs):
                batch = output.shape[0] if output.ndim else 1
                self.add_loss(self.activity_regularizer(output) / batch)
        has_mask = any(m is not None for m in tree.flatten(mask))
        if self._supports_masking:
            self._set_masks(outputs, inputs, mask if has_mask or tree.is_nested(mask) else None)
        elif has_mask:
            warnings.warn(
                f"Layer '{self.name}' ({type(self).__name__}) got a mask that it does not use: "
                "layers after it will treat padded time steps as data.",
                stacklevel=3,
            )

    def _set_masks(self, outputs: Any, inputs: Any, mask: Any) -> None:
        flat = [o for o in tree.flatten(outputs) if isinstance(o, jax.Array)]
        if all(get_mask(o) is not None for o in flat):
            return
        masks = self.compute_mask(inputs, mask)
        if masks is None:
            return
        for output, one in zip(flat, tree.flatten(masks), strict=False):
            if one is not None and get_mask(output) is None:
                set_mask(output, one)

    # --- building -------------------------------------------------------------------------------

    def _ensure_built(self, bound: dict[str, Any]) -> None:
        if self.built:
            return
        shapes = {k: shapes_of(v) for k, v in bound.items() if all_arrays(v)}
        if not shapes or type(self).build is Layer.build:
            # Layers inside build themselves when the call reaches them.
            self._enter_path()
            self._build_shapes = {"input_shape": next(iter(shapes.values()))} if shapes else None
            self.built = True
            return
        accepted = [
            p for p in inspect.signature(self.build).parameters.values() if p.kind != p.VAR_KEYWORD
        ]
        if len(accepted) == 1 or accepted[0].name in ("input_shape", "input_shapes"):
            self.build(next(iter(shapes.values())))
        else:
            named = {f"{k}_shape": v for k, v in shapes.items()}
            wanted = {p.name for p in accepted}
            self.build(**{k: v for k, v in named.items() if k in wanted})
        self._check_input(bound)

    def _enter_path(self) -> None:
        if self._path is None:
            self._path = (*context().path, self.name)

    def _has_unbuilt_children(self) -> bool:
        return any(not child.built or child._has_unbuilt_children() for child in self._children())

    def get_build_config(self) -> dict[str, Any] | None:
        """Return the shapes that the layer was built for."""
        shapes = self._build_shapes
        if not shapes:
            return None
        if set(shapes) == {"input_shape"}:
            return dict(shapes)
        return (
            {"shapes_dict": dict(shapes)}
            if len(shapes) > 1
            else {"input_shape": next(iter(shapes.values()))}
        )

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build for the shapes that `get_build_config` returned."""
        if "shapes_dict" in config:
            self.build(**config["shapes_dict"])
        elif "input_shape" in config:
            self.build(shape_tuples(config["input_shape"]))

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a variable of the layer.

        Args:
            shape: its shape; () by default.
            initializer: name, instance, function or array (default: glorot_uniform, zeros for
                integers).
            dtype: by default the layer's variable dtype.
            trainable: whether training changes it.
            autocast: whether it is seen in the compute dtype.
            regularizer, constraint: by name, instance or function.
            name: for its path, as 'kernel'.
        """
        dtype = dtypes.standardize_dtype(dtype or self.variable_dtype)
        if initializer is None:
            initializer = "glorot_uniform" if dtypes.is_float(dtype) else "zeros"
        if context().blank is not None and type(self).__module__.startswith("lamina."):
            initializer = context().blank  # the library's own layers save all that they add
        shape = () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
        self._enter_path()
        with using(path=self._path):
            variable = Variable(
                initializers.get(initializer),
                shape=shape,
                dtype=dtype,
                trainable=trainable,
                autocast=autocast,
                aggregation=aggregation,
                name=name,
            )
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        variable.overwrite_with_gradient = overwrite_with_gradient
        if not self._trainable:
            variable.trainable = False
        self._weights.append(variable)
        return variable

    def add_variable(self, *args: Any, **kwargs: Any) -> Variable:
        """The old name of `add_weight`, which took the name first."""
        return self.add_weight(*args, **kwargs)

    # --- shapes ---------------------------------------------------------------------------------

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return the outputs for symbolic inputs, as symbolic tensors."""
        return infer(self._call_arrays, *args, **kwargs)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Return the shape of the outputs for a shape (or structure of shapes) of the inputs."""
        tensors = [map_shapes(lambda s: KerasTensor(s, self.input_dtype), a) for a in args]
        named = {
            k.removesuffix("_shape"): map_shapes(lambda s: KerasTensor(s, self.input_dtype), v)
            for k, v in kwargs.items()
        }
        return tree.map_structure(lambda t: t.shape, self.compute_output_spec(*tensors, **named))

    def _check_input(self, bound: dict[str, Any]) -> None:
        if self.input_spec is not None and bound:
            check_input(self._where(), self.input_spec, next(iter(bound.values())))

    def _where(self) -> str:
        return f"{self.path} ({type(self).__name__})"

    def _first_call(self, side: str) -> Node:
        for node in self._nodes:
            return node
        raise AttributeError(
            explain(
                f"{self.name}.{side}",
                "expected a layer that is part of a graph",
                "one that was never called on a symbolic tensor",
                "call it on `Input(shape=...)`, or on what other layers return for it",
            )
        )

    @property
    def input(self) -> Any:
        """The symbolic input of the first call that made this layer part of a graph."""
        return unwrap_single(self._first_call("input").args)

    @property
    def output(self) -> Any:
        """The symbolic output of the first call that made this layer part of a graph."""
        return unwrap_single(self._first_call("output").outputs)

    # --- variables ------------------------------------------------------------------------------

    _edition = 0

    def _outdate(self) -> None:
        """Say that something changed which calls read and no variable holds: a vocabulary, say."""
        self._edition += 1
        Variable.made += 1

    def _children(self) -> Iterator["Layer"]:
        return walk.members(self, (Layer,))

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list["Layer"]:
        found: dict[int, Layer] = {id(self): self} if include_self else {}
        for child in self._children():
            for layer in child._flatten_layers() if recursive else [child]:
                found.setdefault(id(layer), layer)
        return list(found.values())

    @property
    def variables(self) -> list[Variable]:
        """All variables: own trainable, own others, seeds, then those of the layers inside."""
        found = [walk.own_variables(layer) for layer in self._flatten_layers()]
        return walk.unique(v for variables in found for v in variables)

    @property
    def weights(self) -> list[Variable]:
        """All variables but the states of seed generators."""
        return [v for v in self.variables if not walk.is_seed_state(v)]

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that training changes; none while the layer is frozen."""
        return [v for v in self.variables if v.trainable] if self._trainable else []

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that training leaves alone."""
        return [v for v in self.variables if not (self._trainable and v.trainable)]

    @property
    def trainable_weights(self) -> list[Variable]:
        return [v for v in self.weights if v.trainable] if self._trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        return [v for v in self.weights if not (self._trainable and v.trainable)]

    @property
    def metrics(self) -> list[Any]:
        """The metrics that are attributes of this layer and of the layers inside."""
        found = (walk.members(layer, walk.metric_classes()) for layer in self._flatten_layers())
        return walk.unique(m for metrics in found for m in metrics)

    @property
    def metrics_variables(self) -> list[Variable]:
        return walk.unique(v for metric in self.metrics for v in metric.variables)

    @property
    def trainable(self) -> bool:
        """Whether training changes the layer; setting it sets it for everything inside."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = bool(value)
        self._trainable = value
        for layer in self._flatten_layers(include_self=False):
            layer._trainable = value
        for variable in self.variables:
            if variable.born_trainable:
                variable.trainable = value

    def count_params(self) -> int:
        """Return how many numbers the weights hold."""
        if not self.built:
            raise ValueError(
                explain(
                    f"{self.name}.count_params",
                    "expected a built layer",
                    "one whose input shape is not known yet",
                    "call it on data, or call build(input_shape)",
                )
            )
        return sum(int(np.prod(w.shape)) for w in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """Return the weights as numpy arrays of your own."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Any) -> None:
        """Set all weights, in the order of `get_weights`; nothing changes if any does not fit."""
        targets, weights = self.weights, [np.asarray(w) for w in weights]
        if len(targets) != len(weights):
            raise ValueError(
                explain(
                    f"{self.name}.set_weights",
                    f"expected {len(targets)} arrays ({', '.join(v.path for v in targets)})",
                    f"{len(weights)}",
                )
            )
        for variable, value in zip(targets, weights, strict=True):
            if variable.shape != value.shape:
                raise ValueError(
                    explain(
                        f"{self.name}.set_weights",
                        f"expected an array of shape {variable.shape} for {variable.path}",
                        describe(value),
                    )
                )
        for variable, value in zip(targets, weights, strict=True):
            variable.assign(value)

    def save_own_variables(self, store: Any) -> None:
        """Put the layer's own weights into `store`, numbered."""
        for i, variable in enumerate(self._own_weights()):
            store[str(i)] = np.asarray(variable.raw())  # not copied

    def load_own_variables(self, store: Any) -> None:
        """Take the layer's own weights from `store`, as `save_own_variables` put them."""
        own = self._own_weights()
        if len(store.keys()) != len(own):
            raise ValueError(
                explain(
                    self._where(),
                    f"expected {len(own)} arrays ({', '.join(v.name for v in own) or 'none'})",
                    f"{len(store.keys())}",
                    None
                    if self.built
                    else "the layer is not built: call it, or build(input_shape), first",
                )
            )
        for i, variable in enumerate(own):
            variable.assign(np.asarray(store[str(i)]))

    def _own_weights(self) -> list[Variable]:
        return [v for v in walk.own_variables(self) if not walk.is_seed_state(v)]

    # --- losses ---------------------------------------------------------------------------------

    def add_loss(self, loss: Any) -> None:
        """Add a scalar (or a list of them) to what training minimizes, for the call that runs."""
        scope = context().scope
        if scope is not None:
            scope.losses.setdefault(self, []).extend(tree.flatten(loss))
            return
        call = context().call
        kept = [entry for entry in self._losses if entry[0] in (0, call)]
        self._losses = kept + [(call, one) for one in tree.flatten(loss)]

    @property
    def losses(self) -> list[Any]:
        """What the last call added, here and in the layers inside, and regularizers of weights."""
        layers = self._flatten_layers()
        scope = context().scope
        if scope is not None:
            added = [loss for layer in layers for loss in scope.losses.get(layer, ())]
        else:
            entries = [entry for layer in layers for entry in layer._losses]
            newest = max((call for call, _ in entries), default=0)
            added = [loss for call, loss in entries if call in (0, newest)]
        return added + [
            v.regularizer(v.value) for v in self.trainable_weights if v.regularizer is not None
        ]

    def stateless_call(
        self,
        trainable_variables: Any,
        non_trainable_variables: Any,
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Call the layer with the given values of its variables, changing nothing.

        Returns:
            `(outputs, non_trainable_variables)`, and the losses with `return_losses`.
        """
        trainable, others = self.trainable_variables, self.non_trainable_variables

        def run() -> Any:
            outputs = self(*args, **kwargs)
            return outputs, self.losses if return_losses else None

        (outputs, losses), values, _ = pure(run, trainable + others)(
            [as_array(v) for v in (*trainable_variables, *non_trainable_variables)]
        )
        updated = values[len(trainable) :]
        return (outputs, updated, losses) if return_losses else (outputs, updated)

    # --- dtypes, names, configuration -----------------------------------------------------------

    @property
    def path(self) -> str:
        """Names of the layers around and its own, joined by '/'."""
        return "/".join(self._path or (*context().path, self.name))

    @property
    def dtype_policy(self) -> dtype_policies.DTypePolicy:
        return self._policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        self._policy = dtype_policies.get(value)

    @property
    def dtype(self) -> str:
        """The dtype of the variables."""
        return self._policy.variable_dtype

    variable_dtype = dtype

    @property
    def compute_dtype(self) -> str:
        return self._policy.compute_dtype

    @property
    def input_dtype(self) -> str:
        """The dtype to which float inputs are cast."""
        return self._policy.compute_dtype

    @property
    def supports_masking(self) -> bool:
        """Whether masks pass through this layer."""
        return self._supports_masking

    @supports_masking.setter
    def supports_masking(self, value: bool) -> None:
        self._supports_masking = value

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("autocast", None)
        if self.activity_regularizer is None and not _takes(type(self), "activity_regularizer"):
            config.pop("activity_regularizer", None)
        head = {"name": self.name, "trainable": self._trainable, "dtype": config.pop("dtype", None)}
        return {**head, **{k: v for k, v in config.items() if k not in head}}

    def _argument(self, name: str) -> Any:
        return self._policy if name == "dtype" else super()._argument(name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _takes(cls: type, name: str) -> bool:
    """Whether the constructor of the class itself has a parameter of that name."""
    return name in inspect.signature(cls.__init__).parameters  # type: ignore[misc]


def _building(build: Callable[..., None]) -> Callable[..., None]:
    """Wrap a class' `build`: variables get the layer's path, and the shapes are remembered."""
    signature = inspect.signature(build)

    @wraps(build)
    def wrapper(self: Layer, *args: Any, **kwargs: Any) -> None:
        self._enter_path()
        with using(path=self._path):
            build(self, *args, **kwargs)
        shapes = dict(list(signature.bind(self, *args, **kwargs).arguments.items())[1:])
        self._build_shapes = shapes
        self.built = True

    return wrapper


def _note(error: Exception, layer: Layer, bound: dict[str, Any]) -> None:
    """Say in which layer an error arose, once, at the innermost."""
    if getattr(error, "__notes__", None) or str(error).startswith(layer.path):
        return
    shapes = ", ".join(f"{k}: {shapes_of(v)}" for k, v in bound.items() if all_arrays(v))
    error.add_note(
        f"In layer {layer.path} ({type(layer).__name__}), called on {shapes or 'nothing'}."
    )
