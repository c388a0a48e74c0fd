"""ONNX files, by the package jax2onnx, checked with onnxruntime."""

import os
from typing import Any

import jax
import numpy as np
from jax.extend import core

from lamina._core import tree
from lamina._core.errors import explain
from lamina.export import _artifact
from lamina.export._signature import leaves, symbolic
from lamina.ops._window_passes import slide_largest
from lamina.utils._atomic import atomic_write


def write(
    model: Any, endpoint: Any, filepath: Any, opset_version: int | None = None, check: bool = True
) -> None:
    """Write a model as ONNX, its weights as constants.

    Args:
        model: the model.
        endpoint: its call and signature.
        filepath: of the file.
        opset_version: of ONNX's operators; by default what jax2onnx takes.
        check: whether to run it with onnxruntime and compare the outputs, on random inputs.

    Raises:
        ImportError: jax2onnx is not there.
        ValueError: an operation that jax2onnx has no ONNX for, or outputs that differ.
    """
    jax2onnx, onnxruntime = _libraries()
    specs = list(leaves(endpoint.signature))
    names = [spec.name for spec in specs]
    options: dict[str, Any] = {} if opset_version is None else {"opset": int(opset_version)}
    if all(names) and len(set(names)) == len(names):
        options["input_names"] = names

    def flat(*arrays: Any) -> Any:
        rest = iter(arrays)
        args = [tree.map_structure(lambda _: next(rest), part) for part in endpoint.signature]
        return tuple(jax.tree.leaves(endpoint.fn(*args)))

    shapes = [x for part in symbolic(endpoint.signature) for x in tree.flatten(part)]
    with atomic_write(filepath) as temporary:
        try:
            jax2onnx.to_onnx(
                _plain(flat, shapes), shapes, model_name=model.name, return_mode="file",
                output_path=os.fspath(temporary), **options,
            )  # fmt: skip
            if check:
                session = onnxruntime.InferenceSession(os.fspath(temporary))
                inputs = [i.name for i in session.get_inputs()]
                _artifact.compare(
                    "serve", endpoint, lambda _, *args: endpoint.fn(*args), (),
                    lambda *args: _run(session, inputs, args),
                )  # fmt: skip
        except Exception as error:
            if str(error).startswith("export of"):
                raise
            said = str(error).split("\n")[0][:300]
            raise ValueError(
                explain(
                    f"{model.name}.export",
                    "expected operations that jax2onnx and onnxruntime know",
                    f"{type(error).__name__}: {said}",
                    "give input_signature=[InputSpec(shape=...)] with fixed sizes, or "
                    "format='stablehlo', which holds every model",
                )
            ) from error


def _plain(fn: Any, shapes: list[Any]) -> Any:
    """Return `fn` as operations that jax2onnx knows, traced before it puts its own in their place.

    Calls are written out, and windows are slid by slices: jax2onnx makes of `reduce_window` a
    MaxPool along all axes, which onnxruntime has not.
    """
    closed = jax.make_jaxpr(fn)(*shapes)
    return lambda *arrays: tuple(_evaluate(closed.jaxpr, closed.consts, arrays))


def _evaluate(jaxpr: Any, consts: Any, arrays: Any) -> list[Any]:
    values = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *arrays], strict=True))

    def read(variable: Any) -> Any:
        return variable.val if isinstance(variable, core.Literal) else values[variable]

    for equation in jaxpr.eqns:
        given, params = [read(v) for v in equation.invars], equation.params
        inner = params.get("call_jaxpr") or params.get("jaxpr")
        name = equation.primitive.name
        if inner is not None and name in _CALLS:
            found = _evaluate(inner.jaxpr, inner.consts, given)
        elif name == "reduce_window_max" and not {*params["base_dilation"]} - {1}:
            window = params["window_dimensions"], params["window_strides"], params["padding"]
            found = [slide_largest(given[0], *window)]
        else:
            options = equation.primitive.get_bind_params(params)
            result = equation.primitive.bind(*given, **options)
            found = result if equation.primitive.multiple_results else [result]
        values.update(zip(equation.outvars, found, strict=True))
    return [read(v) for v in jaxpr.outvars]


_CALLS = ("jit", "closed_call", "custom_jvp_call", "custom_vjp_call", "checkpoint")


def _run(session: Any, names: list[str], args: Any) -> Any:
    arrays = [np.asarray(x) for part in args for x in tree.flatten(part)]
    return session.run(None, dict(zip(names, arrays, strict=True)))


def _libraries() -> tuple[Any, Any]:
    try:
        import jax2onnx
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            explain("export", "expected the packages jax2onnx and onnxruntime", str(error),
                    "pip install lamina[onnx], or use format='stablehlo'")
        ) from None  # fmt: skip
    return jax2onnx, onnxruntime
