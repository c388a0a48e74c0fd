"""Pooling of windows, of all of space, and adaptively, beside real Keras."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest

import lamina
from lamina import layers

from .side_by_side import (
    Case,
    check_config,
    check_mixed,
    check_shapes,
    check_values,
    first_of_each,
    with_mask,
)

FIRST = {"data_format": "channels_first"}
SHAPES = {1: (2, 7, 3), 2: (2, 7, 6, 3), 3: (1, 4, 6, 5, 2)}
CASES = [
    *(
        Case(f"{kind}Pooling{rank}D", options, SHAPES[rank])
        for kind in ("Max", "Average")
        for rank, options in (
            (1, {"pool_size": 2}),
            (1, {"pool_size": 3, "strides": 1, "padding": "same"}),
            (1, {"pool_size": 2, "strides": 3, **FIRST}),
            (2, {"pool_size": (2, 3)}),
            (2, {"pool_size": 3, "strides": 2, "padding": "same"}),
            (2, {"pool_size": 2, "strides": (1, 2), **FIRST}),
            (3, {"pool_size": 2}),
            (3, {"pool_size": (2, 3, 1), "strides": 2, "padding": "same", **FIRST}),
        )
    ),
    *(
        Case(f"Global{kind}Pooling{rank}D", options, SHAPES[rank])
        for kind in ("Max", "Average")
        for rank in (1, 2, 3)
        for options in ({}, {"keepdims": True, **FIRST})
    ),
    *(
        Case(f"Adaptive{kind}Pooling{rank}D", options, SHAPES[rank])
        for kind in ("Max", "Average")
        for rank, options in (
            (1, {"output_size": 3}),
            (1, {"output_size": 2, **FIRST}),
            (2, {"output_size": (4, 3)}),
            (2, {"output_size": 3, **FIRST}),
            (3, {"output_size": 2}),
        )
    ),
]
each = pytest.mark.parametrize("case", CASES, ids=str)


@each
def test_values_and_gradients(case):
    check_values(case)


@each
def test_shapes(case):
    check_shapes(case)


@each
def test_config(case):
    check_config(case)


@pytest.mark.parametrize("case", first_of_each(CASES), ids=str)
def test_mixed_precision(case):
    check_mixed(case)


@pytest.mark.parametrize("options", [{}, {"keepdims": True, **FIRST}], ids=str)
def test_the_global_mean_leaves_out_what_a_mask_hides(options):
    x = np.random.normal(size=(2, 3, 3)).astype("float32")
    mask = [[True, True, False], [True, False, False]]
    mine, his = (
        library.layers.GlobalAveragePooling1D(**options)(with_mask(x, mask))
        for library in (lamina, keras)
    )
    np.testing.assert_allclose(mine, his, rtol=1e-6)
    assert getattr(mine, "_keras_mask", None) is None
    layer = layers.GlobalAveragePooling1D(**options)
    np.testing.assert_allclose(layer(x, mask=jnp.array(mask)), his, rtol=1e-6)


def test_windows_of_images_do_not_take_masks():
    with pytest.warns(UserWarning, match="got a mask that it does not use"):
        layers.MaxPooling1D(2)(with_mask(np.ones((1, 4, 1)), [[True, True, True, False]]))


def test_second_names():
    for rank in (1, 2, 3):
        for short, long in (
            ("AvgPool", "AveragePooling"),
            ("MaxPool", "MaxPooling"),
            ("GlobalAvgPool", "GlobalAveragePooling"),
            ("GlobalMaxPool", "GlobalMaxPooling"),
        ):
            assert getattr(layers, f"{short}{rank}D") is getattr(layers, f"{long}{rank}D")
    assert layers.MaxPool2D().name == "max_pooling2d"
    assert layers.MaxPool2D().pool_size == layers.MaxPool2D().strides == (2, 2)


@pytest.mark.parametrize("make", [layers.MaxPooling2D, layers.AveragePooling2D], ids=str)
def test_edges_of_a_window_are_not_counted(make):
    """Negative inputs: zeros around the edge would win the maximum and shift the mean."""
    y = make(2, padding="same")(np.full((1, 3, 3, 1), -2.0, "float32"))
    assert y.ravel().tolist() == [-2.0] * 4


def test_whole_numbers_keep_their_dtype():
    x = np.arange(6, dtype="int32").reshape(1, 6, 1)
    y = layers.MaxPooling1D(2, dtype="int32")(x)
    assert (y.dtype, y.ravel().tolist()) == (jnp.int32, [1, 3, 5])


@pytest.mark.parametrize(
    ("make", "shape", "words"),
    [
        (lambda: layers.MaxPooling2D(), (2, 5, 5), "an input of 4 axes"),
        (lambda: layers.GlobalMaxPooling1D(), (2, 5, 5, 3), "an input of 3 axes"),
        (lambda: layers.AdaptiveMaxPooling2D(2), (2, 5, 5), "an input of 4 axes"),
        (lambda: layers.MaxPooling2D(3), (2, 2, 5, 3), "at least as large as a window"),
        (lambda: layers.AveragePooling1D(3, **FIRST), (2, 5, 2), "at least as large as a window"),
    ],
)
def test_bad_shapes(make, shape, words):
    with lamina._core.context.using(path=("net",)):
        layer = make()
        with pytest.raises(ValueError, match=words) as caught:
            layer(layers.Input(batch_shape=shape))
    assert str(caught.value).startswith(f"net/{layer.name} ({type(layer).__name__}): expected ")
    assert "Got " in str(caught.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.MaxPooling2D(0), "`pool_size`"),
        (lambda: layers.MaxPooling2D((2, 2, 2)), "an integer or 2 integers"),
        (lambda: layers.AveragePooling1D(2, strides=0), "`strides`"),
        (lambda: layers.AveragePooling1D(2, padding="causal"), "one of valid, same as `padding`"),
        (lambda: layers.AdaptiveAveragePooling2D((2, 0)), "`output_size`"),
        (lambda: layers.GlobalMaxPooling2D("channels"), "channels_last"),
    ],
)
def test_bad_arguments(make, words):
    with pytest.raises(ValueError, match=words):
        make()
