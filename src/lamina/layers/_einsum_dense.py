"""EinsumDense: Dense over any axes, as an equation says."""

import copy
import re
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from lamina import activations, constraints, initializers, regularizers
from lamina._core import serialize
from lamina._core.configurable import PositiveInt
from lamina._core.errors import explain
from lamina._core.input_spec import InputSpec
from lamina._core.layer import Layer
from lamina.layers._checks import NonNegative, Unquantized
from lamina.layers._lora import LowRank

_FORMS = re.compile(r"(\.{3})?([a-zA-Z]+)(\.{3})?,([a-zA-Z]+)->(\.{3})?([a-zA-Z]+)(\.{3})?")


class EinsumDense(LowRank, Layer):
    """activation(einsum(equation, inputs, kernel) + bias).

    Args:
        equation: as 'abc,cd->abd': axes of the inputs, of the kernel, and of the outputs;
            '...' on the left or on the right stands for axes that are kept.
        output_shape: shape of the outputs without the batch axis, None for sizes that follow the
            inputs; axes that '...' stands for are left out.
        activation: name or function, None for none.
        bias_axes: letters of the outputs' axes that the bias has; None for no bias.
        kernel_initializer, bias_initializer: where the weights start; the axes of the kernel that
            are summed over count as its inputs.
        kernel_regularizer, bias_regularizer: penalties added to the loss.
        kernel_constraint, bias_constraint: what the weights must satisfy after every step.
        lora_rank, lora_alpha: see `enable_lora`; the correction is lora_a @ lora_b over the
            kernel's last axis.
        gptq_unpacked_column_size, quantization_config: None; quantization is not supported.

    Shapes:
        as the equation says.

    Weights:
        kernel, bias: with the axes of the equation; axes between those of the bias have size 1.

    Raises:
        ValueError: the equation has another form, or does not fit the shapes.

    Example:
        >>> import numpy as np
        >>> layer = EinsumDense("abc,cd->abd", output_shape=(None, 64), bias_axes="d")
        >>> layer(np.zeros((2, 32, 128))).shape, layer.kernel.shape, layer.bias.shape
        ((2, 32, 64), (128, 64), (64,))
    """

    _adapted = "kernel"

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: PositiveInt | None = None,
        lora_alpha: NonNegative | None = None,
        gptq_unpacked_column_size: Unquantized = None,
        quantization_config: Unquantized = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.equation = equation
        self.partial_output_shape = (
            (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        )
        self.activation = activations.get(activation)
        self.bias_axes = bias_axes
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.lora_rank = lora_rank
        self.lora_alpha = lora_rank if lora_alpha is None else lora_alpha
        self.quantization_config = quantization_config
        self.bias: Any = None

    def build(self, input_shape: Any) -> None:
        plan = plan_einsum(
            self._where(), self.equation, self.bias_axes, input_shape, self.partial_output_shape
        )
        axes = {a: input_shape[a] for a in _axes_of_kernel(self.equation)}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)
        initializer = self.kernel_initializer
        if getattr(initializer, "input_axes", 0) is None:  # scales by the sizes of these axes
            initializer = copy.copy(initializer)
            initializer.input_axes, initializer.output_axes = plan.input_axes, plan.output_axes
        self._kernel = self.add_weight(
            name="kernel",
            shape=plan.kernel_shape,
            initializer=initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if plan.bias_shape is not None:
            self.bias = self.add_weight(
                name="bias",
                shape=plan.bias_shape,
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.built = True
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    @property
    def kernel(self) -> Any:
        """The weights: a Variable, or with LoRA their sum with the correction."""
        return self._effective() if self.lora_enabled else self._weight()

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        x = jnp.einsum(self.equation, inputs, self._effective())
        if self.bias is not None:
            x = x + self.bias.value
        return self.activation(x)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["gptq_unpacked_column_size"]
        config["output_shape"] = self.partial_output_shape
        config["activity_regularizer"] = serialize.serialize_keras_object(self.activity_regularizer)
        return config


@dataclass(frozen=True)
class EinsumPlan:
    """The shapes that an equation asks for."""

    kernel_shape: tuple[int, ...]
    bias_shape: tuple[int, ...] | None
    output_shape: tuple[int | None, ...]
    input_axes: list[int]  # of the kernel: those that are summed over
    output_axes: list[int]


def plan_einsum(
    where: str, equation: str, bias_axes: str | None, input_shape: Any, output_shape: Any
) -> EinsumPlan:
    """Return the shapes of the weights for an equation and the shapes around it.

    Args:
        where: for errors.
        equation: see `EinsumDense`.
        bias_axes: letters of the bias, or None.
        input_shape: with the batch axis.
        output_shape: without the batch axis and the axes of '...'.

    Example:
        >>> plan = plan_einsum("e", "abc,cde->abde", "de", (None, 5, 6), (None, 2, 3))
        >>> plan.kernel_shape, plan.bias_shape, plan.output_shape
        ((6, 2, 3), (2, 3), (None, 5, 2, 3))
    """
    inputs, weights, outputs, side = _parse(where, equation)
    elided = len(input_shape) - len(inputs)
    left = elided if side == "left" else 0
    kept = input_shape[1:elided] if side == "left" else ()
    full = (input_shape[0], *kept, *output_shape)
    if side == "right":
        full = (*full, *input_shape[len(inputs) :])
    if elided < 0 or (elided and not side) or len(full) != len(outputs) + elided:
        raise ValueError(
            explain(where, f"expected an input and output_shape with the axes of '{equation}'",
                    f"input {tuple(input_shape)}, output_shape {tuple(output_shape)}",
                    "output_shape leaves out the batch axis and those that '...' stands for")
        )  # fmt: skip
    sizes_in = dict(zip(inputs, input_shape[left:], strict=False))
    sizes_out = dict(zip(outputs, full[left:], strict=False))
    _check_letters(where, equation, sizes_in, sizes_out, weights, outputs)
    sizes = {w: sizes_in.get(w) if s is None else s for w, s in {**sizes_in, **sizes_out}.items()}
    full = (*full[:left], *(sizes[w] for w in outputs), *full[left + len(outputs) :])
    kernel = tuple(sizes[w] for w in weights)
    if None in kernel:
        raise ValueError(
            explain(where, f"expected fixed sizes for the kernel's axes '{weights}'",
                    f"sizes {kernel} from input {tuple(input_shape)}, output {tuple(output_shape)}",
                    "give them in output_shape, or in Input(shape=...)")
        )  # fmt: skip
    return EinsumPlan(
        kernel_shape=kernel,  # type: ignore[arg-type]
        bias_shape=_bias_shape(where, bias_axes, outputs, full[left:], elided - left),
        output_shape=full,
        input_axes=[i for i, w in enumerate(weights) if w not in outputs],
        output_axes=[i for i, w in enumerate(weights) if w in outputs],
    )


def _parse(where: str, equation: str) -> tuple[str, str, str, str]:
    """Return the letters of inputs, kernel and outputs, and the side on which '...' stands."""
    match = _FORMS.fullmatch(equation.replace(" ", ""))
    if match is not None:
        dots_left, inputs, dots_right, weights, out_left, outputs, out_right = match.groups()
        both = bool(dots_left) + bool(dots_right) < 2
        if both and dots_left == out_left and dots_right == out_right:
            return inputs, weights, outputs, "left" if dots_left else "right" if dots_right else ""
    raise ValueError(
        explain(
            where,
            "expected an equation of the form 'ab,bc->ac', '...b,bc->...c' or 'ab...,bc->ac...'",
            repr(equation),
        )
    )


def _check_letters(
    where: str, equation: str, sizes_in: Any, sizes_out: Any, weights: str, outputs: str
) -> None:
    for letter in weights + outputs:
        if letter not in sizes_in and (letter not in sizes_out or letter not in weights):
            raise ValueError(
                explain(where, f"expected every axis of '{equation}' to have a size",
                        f"'{letter}', which neither the inputs have, nor both the kernel and "
                        "output_shape")
            )  # fmt: skip
        a, b = sizes_in.get(letter), sizes_out.get(letter)
        if a is not None and b is not None and a != b:
            raise ValueError(
                explain(where, f"expected one size for axis '{letter}' of '{equation}'",
                        f"{a} in the inputs, {b} in output_shape")
            )  # fmt: skip


def _bias_shape(
    where: str, bias_axes: str | None, outputs: str, sizes: Any, after: int
) -> tuple[int, ...] | None:
    """Return the bias' shape: from the first of its axes on, 1 where it has none."""
    if not bias_axes:
        return None
    for letter in bias_axes:
        if letter not in outputs or sizes[outputs.index(letter)] is None:
            raise ValueError(
                explain(where, "expected as bias_axes letters of outputs' axes of fixed size",
                        f"'{letter}' of '{bias_axes}', where the outputs are '{outputs}'")
            )  # fmt: skip
    first = min(outputs.index(letter) for letter in bias_axes)
    shape = [
        sizes[i] if letter in bias_axes else 1 for i, letter in enumerate(outputs) if i >= first
    ]
    return (*shape, *[1] * after)


def _axes_of_kernel(equation: str) -> list[int]:
    """Return the axes of the inputs that the kernel has, too.

    Example:
        >>> _axes_of_kernel("ab...x,xb->a...b")
        [1, -1]
    """
    inputs, kernel = equation.replace(" ", "").split("->")[0].split(",")
    before, _, after = inputs.partition("...")
    places = [*enumerate(before), *enumerate(after, -len(after))]
    return [axis for axis, letter in places if letter in kernel]
