"""Layers that change the shape: flatten, permute, repeat, crop, pad, upsample."""

import itertools

import numpy as np
import pytest

import lamina
from lamina import layers

from .side_by_side import (
    Case,
    check_config,
    check_masks,
    check_mixed,
    check_shapes,
    check_values,
    first_of_each,
    refused,
)  # fmt: skip

FIRST = {"data_format": "channels_first"}
CASES = [
    Case("Flatten", {}, (2, 3, 4)),
    Case("Flatten", {}, (3,)),
    Case("Flatten", FIRST, (2, 3, 4, 2)),
    Case("Identity", {}, (2, 3)),
    Case("Permute", {"dims": (2, 1)}, (2, 3, 4)),
    Case("Permute", {"dims": (3, 1, 2)}, (2, 3, 4, 2)),
    Case("RepeatVector", {"n": 3}, (2, 4)),
    Case("Reshape", {"target_shape": (3, 4)}, (2, 12)),
    Case("Reshape", {"target_shape": (-1, 2, 2)}, (2, 3, 4)),
    Case("Reshape", {"target_shape": (12,)}, (2, 3, 4)),
    Case("Reshape", {"target_shape": ()}, (3, 1)),
    Case("Cropping1D", {"cropping": 1}, (2, 5, 3)),
    Case("Cropping1D", {"cropping": (0, 2)}, (2, 5, 3)),
    Case("Cropping2D", {}, (2, 4, 5, 3)),
    Case("Cropping2D", {"cropping": 1}, (2, 4, 5, 3)),
    Case("Cropping2D", {"cropping": (1, 2)}, (2, 4, 5, 3)),
    Case("Cropping2D", {"cropping": ((1, 0), (0, 3)), **FIRST}, (2, 3, 4, 5)),
    Case("Cropping3D", {}, (2, 4, 5, 3, 2)),
    Case("Cropping3D", {"cropping": (1, 2, 0)}, (2, 4, 5, 3, 2)),
    Case("Cropping3D", {"cropping": ((1, 0), (0, 3), (1, 1)), **FIRST}, (2, 2, 3, 4, 5)),
    Case("ZeroPadding1D", {"padding": 2}, (2, 3, 4)),
    Case("ZeroPadding1D", {"padding": (0, 1)}, (2, 3, 4)),
    Case("ZeroPadding2D", {}, (2, 3, 4, 2)),
    Case("ZeroPadding2D", {"padding": (1, 0)}, (2, 3, 4, 2)),
    Case("ZeroPadding2D", {"padding": ((1, 0), (0, 3)), **FIRST}, (2, 2, 3, 4)),
    Case("ZeroPadding3D", {}, (2, 2, 3, 4, 2)),
    Case("ZeroPadding3D", {"padding": (1, 0, 2)}, (2, 2, 3, 4, 2)),
    Case("ZeroPadding3D", {"padding": ((1, 0), (0, 3), (1, 1)), **FIRST}, (2, 2, 2, 3, 4)),
    Case("UpSampling1D", {"size": 3}, (2, 3, 4)),
    Case("UpSampling2D", {}, (2, 3, 4, 2)),
    Case("UpSampling2D", {"size": 3, **FIRST}, (2, 2, 3, 4)),
    *(
        Case("UpSampling2D", {"size": (2, 3), "interpolation": method}, (2, 3, 4, 2))
        for method in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
    ),
    Case("UpSampling2D", {"size": 2, "interpolation": "bilinear", **FIRST}, (2, 2, 3, 4)),
    Case("UpSampling3D", {}, (2, 2, 3, 1, 2)),
    Case("UpSampling3D", {"size": (1, 2, 3), **FIRST}, (2, 2, 2, 1, 2)),
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


@pytest.mark.parametrize("case", [CASES[0], CASES[4], CASES[11], CASES[28]], ids=str)
def test_whole_numbers_stay_whole(case):
    ints = Case(case.kind, case.options, case.shape, ints=9)
    ours, theirs = ints.pair()
    x = ints.inputs()
    mine = ours(x)
    assert mine.dtype == theirs(x).dtype == np.int32
    assert np.array_equal(mine, theirs(x))


def test_unknown_sizes_stay_unknown():
    x = lamina.Input((None, 4))
    assert layers.Flatten()(x).shape == (None, None)
    assert layers.Permute((2, 1))(x).shape == (None, 4, None)
    assert layers.Reshape((-1, 2))(x).shape == (None, None, 2)
    assert layers.Cropping1D(1)(x).shape == (None, None, 4)
    assert layers.ZeroPadding1D(1)(x).shape == (None, None, 4)
    assert layers.UpSampling1D(2)(x).shape == (None, None, 4)
    assert layers.UpSampling2D(interpolation="bilinear")(lamina.Input((None, None, 1))).shape == (
        None, None, None, 1,
    )  # fmt: skip


# --- masks --------------------------------------------------------------------------------------


def test_identity_passes_masks_and_structures_on():
    check_masks(CASES[3], [[True, False, True]] * 2)
    x = {"a": np.ones(2, "float32"), "b": [np.zeros(3, "float32")]}
    y = layers.Identity()(x)
    assert y["a"].tolist() == [1.0, 1.0]
    assert y["b"][0].tolist() == [0.0] * 3


# Cropping2D() takes nothing away: the array, and what travels with it, stays.
MOVING = [c for c in first_of_each(CASES[1:]) if c.kind != "Identity" and c != CASES[13]]


@pytest.mark.parametrize("case", MOVING, ids=str)
def test_masks_end_with_a_warning_where_time_steps_move(case):
    with pytest.warns(UserWarning, match="mask") as caught:
        assert check_masks(case, np.ones(case.shape[:-1], bool)) is None
    assert len(caught) == 2  # ours and theirs


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "shape", "words"),
    [
        (lambda: layers.Permute((2, 1)), (2, 3), "an input of 3 axes"),
        (lambda: layers.RepeatVector(2), (2, 3, 4), "an input of 2 axes"),
        (lambda: layers.Reshape((5, 2)), (2, 3, 4), "samples of 10 numbers"),
        (lambda: layers.Reshape((-1, 5)), (2, 3, 4), "a multiple of 5"),
        (lambda: layers.Cropping1D(2), (2, 4, 3), "more than 4 steps along axis 1"),
        (lambda: layers.Cropping2D(1, **FIRST), (2, 3, 2, 5), "more than 2 steps along axis 2"),
        (lambda: layers.Cropping2D(1), (2, 4, 5), "an input of 4 axes"),
        (lambda: layers.Cropping3D(1), (2, 4, 5, 6), "an input of 5 axes"),
        (lambda: layers.ZeroPadding1D(1), (2, 4), "an input of 3 axes"),
        (lambda: layers.ZeroPadding2D(1), (2, 4, 5), "an input of 4 axes"),
        (lambda: layers.UpSampling2D(2), (2, 4, 5), "an input of 4 axes"),
        (lambda: layers.UpSampling1D(2), (2, 4), "an input of 3 axes"),
    ],
)
def test_shapes_that_do_not_fit(make, shape, words):
    layer = make()
    with refused(f"{layer.name} ({type(layer).__name__})", words):
        layer(np.ones(shape))
    with refused(words):
        make()(lamina.Input(batch_shape=(None, *shape[1:])))


@pytest.mark.parametrize(
    ("kind", "argument", "value"),
    [
        *itertools.product(["Permute"], ["dims"], [(0, 1), (1, 3), (1, 1), 2, "ab"]),
        *itertools.product(["RepeatVector"], ["n"], [0, -1, 1.5, "2"]),
        *itertools.product(["Reshape"], ["target_shape"], [(-1, -1), (-2, 3), (1.5,), 4]),
        *itertools.product(["Cropping1D", "Cropping2D", "Cropping3D"], ["cropping"],
                           [-1, (-1, 0), 1.5, (1, 2, 3, 4), "1"]),
        *itertools.product(["ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"], ["padding"],
                           [-1, (-1, 0), 1.5, (1, 2, 3, 4), ((1, 2, 3),) * 3]),
        *itertools.product(["UpSampling1D", "UpSampling2D", "UpSampling3D"], ["size"],
                           [0, -2, (1, 0), 1.5, (1, 1, 1, 1), None]),
        ("UpSampling2D", "interpolation", "area"),
    ],
)  # fmt: skip
def test_arguments_that_are_none(kind, argument, value):
    with refused(argument):
        getattr(layers, kind)(**{argument: value})


@pytest.mark.parametrize("kind", ["Flatten", "UpSampling2D", "ZeroPadding3D", "Cropping2D"])
def test_a_data_format_that_is_none(kind):
    with pytest.raises(ValueError, match=r"data_format: expected one of channels_last, .*\n.*nhwc"):
        getattr(layers, kind)(data_format="NHWC")
