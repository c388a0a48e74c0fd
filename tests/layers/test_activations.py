"""Activation functions as layers."""

import jax.numpy as jnp
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
    run,
)  # fmt: skip

CASES = [
    Case("Activation", {"activation": "tanh"}, (3, 4)),
    Case("Activation", {"activation": "softmax"}, (2, 3, 4)),
    Case("Activation", {"activation": None}, (3, 4)),
    Case("Activation", lambda library: {"activation": library.activations.gelu}, (3, 4)),
    Case("ReLU", {}, (3, 4)),
    Case("ReLU", {"max_value": 0.7, "negative_slope": 0.1, "threshold": 0.2}, (3, 4)),
    Case("ReLU", {"threshold": 0.5}, (3, 4)),
    Case("LeakyReLU", {}, (3, 4)),
    Case("LeakyReLU", {"negative_slope": 0.02}, (3, 4)),
    Case("ELU", {}, (3, 4)),
    Case("ELU", {"alpha": 0.3}, (3, 4)),
    Case("PReLU", {"alpha_regularizer": "l2", "alpha_constraint": "non_neg"}, (2, 3, 4)),
    Case("PReLU", {"shared_axes": [1, 2], "alpha_initializer": "ones"}, (2, 3, 4, 2)),
    Case("PReLU", {"shared_axes": (2,)}, (2, 3, 4)),
    Case("Softmax", {}, (3, 4)),
    Case("Softmax", {"axis": 1}, (2, 3, 4)),
    Case("Softmax", {"axis": [1, 2]}, (2, 3, 4)),
    Case("Softmax", {"axis": (-1,)}, (2, 3, 4)),
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


@pytest.mark.parametrize(
    "case", [c for c in first_of_each(CASES) if c.kind != "Softmax"], ids=str
)  # fmt: skip
def test_masks_pass_through(case):
    mask = np.random.default_rng(0).random(case.shape[:-1]) > 0.5
    assert check_masks(case, mask) is not None


@pytest.mark.parametrize("axis", [-1, 1, (1, 2)])
@pytest.mark.parametrize("kind", [bool, "float32"])
def test_softmax_of_what_a_mask_keeps(axis, kind):
    case = Case("Softmax", {"axis": axis}, (2, 3, 4))
    mask = np.random.default_rng(0).random((2, 3, 4)) > 0.4
    mask[0, 0] = False  # a row that is masked whole
    check_values(case, mask=jnp.asarray(mask, kind))


def test_prelu_of_sizes_it_was_not_built_for():
    layer = layers.PReLU(shared_axes=[1], name="bent")
    layer(np.ones((2, 3, 4)))
    assert layer(np.ones((2, 7, 4))).shape == (2, 7, 4)  # shared axes may vary
    with refused("bent (PReLU)", "axis 2 of size 4, as at build", "(2, 3, 5)"):
        layer(np.ones((2, 3, 5)))
    with refused("bent (PReLU)", "an input of 3 axes"):
        layer(np.ones((2, 4)))
    with refused("a fixed size"):
        layers.PReLU()(lamina.Input((None, 3)))


def test_prelu_gradient_of_alpha_is_of_negative_inputs_alone():
    layer = layers.PReLU()
    layer.build((None, 2))
    _, _, (gradients, _) = run(layer, jnp.array([[-3.0, 3.0]]))
    assert gradients[0].tolist() == [-3.0, 0.0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.ReLU(max_value=-1.0), "0 or more as `max_value`"),
        (lambda: layers.ReLU(negative_slope=-1.0), "0 or more as `negative_slope`"),
        (lambda: layers.ReLU(negative_slope=None), "0 or more as `negative_slope`"),
        (lambda: layers.ReLU(threshold=-1.0), "0 or more as `threshold`"),
        (lambda: layers.LeakyReLU(-0.1), "0 or more as `negative_slope`"),
        (lambda: layers.LeakyReLU(None), "0 or more as `negative_slope`"),
        (lambda: layers.ELU("1"), "a number as `alpha`"),
        (lambda: layers.PReLU(shared_axes=[0]), "1 or more as `shared_axes`"),
        (lambda: layers.Softmax(axis=1.5), "`axis`"),
        (lambda: layers.Activation("rleu"), "'relu'"),
    ],
)
def test_arguments_that_are_none(make, words):
    with refused(words):
        make()


def test_masks_of_softmax_that_do_not_broadcast():
    with refused("softmax (Softmax)", "broadcasts to inputs of shape (2, 3)"):
        layers.Softmax()(np.ones((2, 3)), mask=np.ones((2, 4), bool))


def test_an_axis_that_softmax_has_not():
    with refused("softmax (Softmax)", "has axis 2"):
        layers.Softmax(axis=2)(np.ones((2, 3)))
