"""A layer here beside the same one of real Keras: config, weights, shapes, values, gradients."""

import json
import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import lamina

INITIALIZERS = ("VarianceScaling", "RandomUniform", "TruncatedNormal", "Zeros", "Ones")


@contextmanager
def simple_starts():
    """Keras compiles its initializers for every shape; here all give ones, values are set later."""
    with ExitStack() as stack:
        for name in INITIALIZERS:
            stack.enter_context(
                mock.patch.object(getattr(keras.initializers, name), "__call__", _ones)
            )
        yield


def _ones(self, shape, dtype=None):
    return np.ones(shape, dtype or "float32")


@dataclass
class Case:
    """One layer with its options, and what it is called on.

    `options` may be a function of the library, where they hold its objects. `shape` is the shape
    of the input, or a list of shapes; `ints` is the number of whole numbers that inputs are drawn
    from, None for floats.
    """

    kind: str
    options: Any = field(default_factory=dict)
    shape: Any = (3, 4)
    ints: int | None = None
    call: dict = field(default_factory=dict)

    def __str__(self) -> str:
        shown = (
            "" if callable(self.options) else ",".join(f"{k}={v}" for k, v in self.options.items())
        )
        return f"{self.kind}({shown}){self.shape}".replace(" ", "")

    def make(self, library, **more):
        options = self.options(library) if callable(self.options) else self.options
        return getattr(library.layers, self.kind)(**options, **more)

    def pair(self, **more):
        ours, theirs = self.make(lamina, **more), self.make(keras, **more)
        ours.build(self.shape)
        with simple_starts():
            theirs.build(self.shape)
        return ours, theirs

    def inputs(self, seed=0):
        rng = np.random.default_rng(seed)

        def draw(shape):
            if self.ints is not None:
                return jnp.asarray(rng.integers(0, self.ints, shape), "int32")
            return jnp.asarray(rng.normal(size=shape), "float32")

        return [draw(s) for s in self.shape] if isinstance(self.shape, list) else draw(self.shape)


def share_weights(ours, theirs, seed=1):
    """Give both layers the same random weights, after a look at names, order and shapes."""
    names = [(w.path.split("/")[1:], tuple(w.shape), w.trainable) for w in theirs.weights]
    assert [(w.path.split("/")[1:], w.shape, w.trainable) for w in ours.weights] == names
    rng = np.random.default_rng(seed)
    values = [
        rng.uniform(0.5, 1.5, w.shape) if "variance" in w.name or "stddev" in w.name
        else rng.normal(size=w.shape) if "float" in str(w.dtype) else np.zeros(w.shape, "int32")
        for w in theirs.weights
    ]  # fmt: skip
    for layer in (ours, theirs):
        layer.set_weights(values)
        if hasattr(layer, "finalize_state"):  # Keras' Normalization copies its weights
            layer.finalize_state()
    for mine, his in zip(*map(seeds, (ours, theirs)), strict=True):
        mine.assign(np.asarray(his.value))


def seeds(layer):
    return [v for v in layer.variables if v.name == "seed_generator_state"]


def stateless(layer, weights, x, **call):
    """Return the outputs for these weights, and what the call writes to other variables."""
    trained, others = layer.trainable_variables, layer.non_trainable_variables
    if isinstance(layer, lamina.layers.Layer):
        return layer.stateless_call(weights, [v.value for v in others], x, **call)
    # Keras' own stateless_call leaves out what __call__ does: casts and masks.
    with keras.StatelessScope(state_mapping=list(zip(trained, weights, strict=True))) as scope:
        y = layer(x, **call)
    written = [scope.get_current_value(v) for v in others]
    return y, [v.value if w is None else w for v, w in zip(others, written, strict=True)]


def run(layer, x, gradients=True, **call):
    """Return outputs, written variables, and gradients of a sum with respect to weights and x."""

    def outputs(weights, x):
        y, written = stateless(layer, weights, x, **call)
        return sum(weighted(part) for part in jax.tree.leaves(y)), (y, written)

    def weighted(y):
        factors = jnp.cos(jnp.arange(y.size, dtype="float32")).reshape(y.shape)
        return jnp.sum(y.astype("float32") * factors)

    weights = [v.value for v in layer.trainable_variables]
    if not gradients:
        return jax.jit(outputs)(weights, x)[1]
    floats = all(a.dtype == jnp.float32 for a in jax.tree.leaves(x))
    take = jax.value_and_grad(outputs, argnums=(0, 1) if floats else 0, has_aux=True)
    (_, results), grads = jax.jit(take)(weights, x)
    return *results, grads


def assert_close(ours, theirs, tolerance=1e-5):
    """Compare two structures of arrays; sizes count, so that large numbers may differ more."""
    a, b = jax.tree.leaves(ours), jax.tree.leaves(theirs)
    assert [x.shape for x in a] == [x.shape for x in b]
    assert [x.dtype for x in a] == [x.dtype for x in b]
    for x, y in zip(a, b, strict=True):
        x, y = np.asarray(x, "float64"), np.asarray(y, "float64")
        np.testing.assert_allclose(
            x, y, rtol=tolerance, atol=tolerance * max(1, np.abs(y).max(initial=0))
        )


def unknown_sizes(shape):
    """The shape of a symbolic input: of an unknown batch."""
    return [unknown_sizes(s) for s in shape] if isinstance(shape, list) else (None, *shape[1:])


def first_of_each(cases):
    """One case of each kind, for checks that options change little."""
    return list({case.kind: case for case in reversed(cases)}.values())[::-1]


def with_mask(x, mask):
    """A new array of the same numbers, with a mask, as both libraries carry it."""
    x = jnp.array(x, copy=True)
    if mask is not None:
        x._keras_mask = jnp.asarray(mask)
    return x


def check_values(case, tolerance=1e-5, **call):
    ours, theirs = case.pair()
    share_weights(ours, theirs)
    x = case.inputs()
    mine = run(ours, x, **case.call, **call)
    assert_close(mine, run(theirs, x, **case.call, **call), tolerance)
    assert all(np.isfinite(np.asarray(a)).all() for a in jax.tree.leaves(mine))


def check_shapes(case):
    """The symbolic output, with an unknown batch, is as Keras' and as the real one."""
    ours, theirs = case.make(lamina), case.make(keras)
    shape, dtype = unknown_sizes(case.shape), "float32" if case.ints is None else "int32"
    symbols = [
        [library.Input(batch_shape=s, dtype=dtype) for s in shape]
        if isinstance(shape, list)
        else library.Input(batch_shape=shape, dtype=dtype)
        for library in (lamina, keras)
    ]
    mine = ours(symbols[0], **case.call)
    with simple_starts():
        his = theirs(symbols[1], **case.call)
    assert mine.dtype == his.dtype
    for ours_shape, theirs_shape in (
        (mine.shape, his.shape),
        (ours.compute_output_shape(shape), theirs.compute_output_shape(shape)),
    ):
        assert len(ours_shape) == len(theirs_shape)
        assert all(t in (o, None) for o, t in zip(ours_shape, theirs_shape, strict=True))
    y = run(ours, case.inputs(), gradients=False, **case.call)[0]
    assert tuple(n for n, s in zip(y.shape, mine.shape, strict=True) if s) == tuple(
        filter(None, mine.shape)
    )
    assert str(y.dtype) == mine.dtype


def plain(config):
    """A config without what differs by right: names of modules, tuples beside lists, and floats.

    Keras keeps some factors in float32, and the policies of some layers by name.
    """
    text = json.dumps(config, sort_keys=True).replace('"lamina', '"keras')
    return json.loads(
        text,
        parse_float=lambda number: float(f"{float(number):.6g}"),
        object_hook=lambda d: d["config"]["name"] if d.get("class_name") == "DTypePolicy" else d,
    )


def check_config(case):
    """The same keys and values, read by either library, and a layer made from it is the same."""
    ours, theirs = case.make(lamina, name="one"), case.make(keras, name="one")
    mine, his = plain(ours.get_config()), plain(theirs.get_config())
    assert mine == his
    assert (
        plain(type(ours).from_config(json.loads(json.dumps(theirs.get_config()))).get_config())
        == his
    )
    assert (
        plain(type(theirs).from_config(json.loads(json.dumps(ours.get_config()))).get_config())
        == his
    )


def check_mixed(case, tolerance=2e-2):
    """Under mixed precision: dtypes of outputs and weights, and about the same values."""
    ours, theirs = case.pair(dtype="mixed_bfloat16")
    share_weights(ours, theirs)
    x = case.inputs()
    y, written = run(ours, x, gradients=False, **case.call)
    assert_close((y, written), run(theirs, x, gradients=False, **case.call), tolerance)


def check_masks(case, masks, **call):
    """Outputs, and the mask of the outputs, for inputs that carry masks."""
    ours, theirs = case.pair()
    share_weights(ours, theirs)
    x, results = case.inputs(), []
    for layer in (ours, theirs):
        single = not isinstance(x, list)
        masked = with_mask(x, masks) if single else list(map(with_mask, x, masks))
        results.append(layer(masked, **case.call, **call))
    mine, his = results
    assert_close(mine, his)
    mask, expected = (getattr(y, "_keras_mask", None) for y in results)
    assert (mask is None) == (expected is None)
    if expected is not None:
        assert mask.dtype == bool
        assert np.array_equal(mask, expected)
    return mask


@contextmanager
def refused(*words):
    """The code inside is refused by a ValueError of three parts, which says these words."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        yield
    text = str(caught.value)
    missing = [w for w in (*words, "expected ", "\n  Got ", "\n  Help: ") if w not in text]
    assert not missing, f"{missing} not in: {text}"
