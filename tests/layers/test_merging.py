"""Layers that make one array of several."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest

import lamina
from lamina import layers

from .side_by_side import (
    Case,
    assert_close,
    check_config,
    check_masks,
    check_mixed,
    check_shapes,
    check_values,
    first_of_each,
    refused,
    with_mask,
)  # fmt: skip

ELEMENTWISE = ["Add", "Multiply", "Average", "Maximum", "Minimum"]
CASES = [
    *(Case(kind, {}, [(2, 3, 4)] * 3) for kind in ELEMENTWISE),
    *(Case(kind, {}, [(2, 4), (2, 3, 1), (2, 1, 4)]) for kind in ELEMENTWISE),
    *(Case(kind, {}, [(2, 3)]) for kind in ("Add", "Average")),
    Case("Subtract", {}, [(2, 3, 4)] * 2),
    Case("Subtract", {}, [(2, 1), (2, 3)]),
    Case("Concatenate", {}, [(2, 3, 4), (2, 3, 1)]),
    Case("Concatenate", {"axis": 1}, [(2, 3, 4), (2, 1, 4), (2, 2, 4)]),
    Case("Concatenate", {"axis": -2}, [(2, 3, 4), (2, 1, 4)]),
    Case("Concatenate", {"axis": 0}, [(2, 3), (2, 3)]),
    Case("Dot", {"axes": 1}, [(2, 3), (2, 3)]),
    Case("Dot", {"axes": -1, "normalize": True}, [(2, 3), (2, 3)]),
    Case("Dot", {"axes": (1, 2)}, [(2, 3, 4), (2, 5, 3)]),
    Case("Dot", {"axes": (2, 1), "normalize": True}, [(2, 4, 3), (2, 3, 5)]),
    Case("Dot", {"axes": (1, 2)}, [(2, 3), (2, 5, 3)]),
    Case("Dot", {"axes": (2, 1)}, [(2, 4, 3), (2, 3)]),
    Case("Dot", {"axes": (2, 1)}, [(2, 4, 3), (2, 3, 2, 5)]),
    Case("Dot", {"axes": [3, -1]}, [(2, 1, 4, 3), (2, 5, 3)]),
]
each = pytest.mark.parametrize("case", CASES, ids=str)


@each
def test_values_and_gradients(case):
    check_values(case)


@each
def test_shapes(case):
    check_shapes(case)


@pytest.mark.parametrize(
    "case", [*first_of_each(CASES), Case("Dot", {"axes": [1, 2], "normalize": True})], ids=str
)
def test_config(case):
    check_config(case)


@pytest.mark.parametrize("case", first_of_each(CASES), ids=str)
def test_mixed_precision(case):
    check_mixed(case)


# --- masks --------------------------------------------------------------------------------------

A = [[True, True, False], [True, False, False]]
B = [[True, False, False], [True, True, True]]
C = [[False, True, False], [False, False, False]]
TWO, THREE = [(2, 3, 4)] * 2, [(2, 3, 4)] * 3


@pytest.mark.parametrize(
    ("case", "masks"),
    [
        *((Case(kind, {}, THREE), masks) for kind in ELEMENTWISE for masks in (
            [A, B, C], [A, None, C], [None, None, B], [C, C, C]
        )),
        *((Case("Subtract", {}, TWO), masks) for masks in ([A, B], [None, B])),
        *((Case("Concatenate", {"axis": axis}, TWO), masks)
          for axis in (-1, 1) for masks in ([A, B], [None, B], [A, None])),
        (Case("Concatenate", {"axis": 0}, TWO), [A, None]),
        (Case("Concatenate", {"axis": 2}, [(2, 2, 3, 4)] * 2), [np.array([A, B])] * 2),
        (Case("Dot", {"axes": (2, 2)}, TWO), [A, B]),
    ],
    ids=lambda x: str(x) if isinstance(x, Case) else "",
)  # fmt: skip
def test_masks_as_in_keras(case, masks):
    check_masks(case, masks)


# --- functions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shapes", "options"),
    [
        *((kind.lower(), THREE, {}) for kind in ELEMENTWISE),
        ("subtract", TWO, {}),
        ("concatenate", TWO, {}),
        ("concatenate", TWO, {"axis": 1}),
        ("dot", TWO, {}),
        ("dot", TWO, {"axes": 2, "normalize": True}),
    ],
)
def test_functions_are_the_layers(name, shapes, options):
    inputs = Case("", {}, shapes).inputs()
    function, peer = getattr(layers, name), getattr(keras.layers, name)
    if name == "dot":  # where Keras' default axis, -1, is the layer's as well
        options = {"axes": -1, **options}
    assert_close(function(inputs, **options), peer(inputs, **options))
    symbols = [lamina.Input(s[1:]) for s in shapes]
    out = function(symbols, name="merged", **options)
    assert lamina.Model(symbols, out).layers[-1].name == "merged"


def test_inputs_of_two_dtypes_are_brought_to_the_layers():
    ours = layers.Add()([np.ones((1, 2), "float64"), np.ones((1, 2), "float16")])
    assert ours.dtype == jnp.float32


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "shapes", "words"),
    [
        (layers.Add, [(2, 3), (2, 4)], "equal sizes"),
        (layers.Maximum, [(2, 3, 4), (2, 5, 4)], "(2, 3, 4), (2, 5, 4)"),
        (layers.Multiply, [(2, 3), (3, 3)], "of the batch"),
        (layers.Subtract, [(2, 3)] * 3, "a list of 2 arrays"),
        (layers.Subtract, [(2, 3)], "a list of 2 arrays"),
        (layers.Average, (2, 3), "a list of arrays"),
        (layers.Concatenate, (2, 3), "a list of arrays"),
        (layers.Concatenate, [(2, 3), (2, 3, 1)], "but for axis -1"),
        (lambda: layers.Concatenate(axis=1), [(2, 3, 4), (2, 3, 5)], "but for axis 1"),
        (lambda: layers.Concatenate(axis=2), [(2, 3), (2, 3)], "has axis 2"),
        (lambda: layers.Dot(axes=1), [(2, 3), (2, 4)], "one size of the two axes"),
        (lambda: layers.Dot(axes=0), [(2, 2), (2, 2)], "may not be the batch's"),
        (lambda: layers.Dot(axes=3), [(2, 2), (2, 2)], "has axis 3"),
        (lambda: layers.Dot(axes=1), [(2, 3), (4, 3)], "of the batch"),
        (lambda: layers.Dot(axes=1), [(2, 3)] * 3, "a list of 2 arrays"),
    ],
)
def test_shapes_that_do_not_fit(make, shapes, words):
    layer = make()
    with refused(f"{layer.name} ({type(layer).__name__})", words):
        layer(Case("", {}, shapes).inputs())
    with refused(words):
        make()(
            [lamina.Input(batch_shape=s) for s in shapes]
            if isinstance(shapes, list)
            else lamina.Input(batch_shape=shapes)
        )


def test_an_empty_list_is_refused():
    with refused("add (Add)", "a list of arrays"):
        layers.Add()([])


@pytest.mark.parametrize("axes", ["last", 1.5, (1, 2, 3), None])
def test_axes_that_are_none(axes):
    with refused("Dot", "the number of an axis"):
        layers.Dot(axes=axes)


@pytest.mark.parametrize("kind", [*ELEMENTWISE, "Subtract", "Concatenate"])
def test_masks_that_do_not_fit(kind):
    layer, x = getattr(layers, kind)(), jnp.ones((2, 3, 4))
    with refused(f"{kind.lower()} ({kind})", "a mask of shape (2, 5)"):
        layer([with_mask(x, np.ones((2, 5), bool)), x])
    with refused("a mask, or None, for each of 2 inputs"):
        layer([x, x], mask=[np.ones((2, 3), bool)])
