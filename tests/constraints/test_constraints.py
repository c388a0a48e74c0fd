"""Constraints against real Keras."""

import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import constraints

keras = pytest.importorskip("keras")

CASES = [
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 0.5, "axis": 1}),
    ("MaxNorm", {"max_value": 0.5, "axis": [0, 1]}),
    ("MinMaxNorm", {"min_value": 0.5, "max_value": 1.0, "rate": 0.7}),
    ("MinMaxNorm", {"min_value": 2.0, "max_value": 3.0, "axis": 1}),
    ("NonNeg", {}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": 1}),
]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_values_and_configs_are_keras(name, options):
    w = np.random.default_rng(0).normal(size=(4, 6)).astype("float32") * 3
    w[:, 1] = 0
    ours, theirs = (getattr(k.constraints, name)(**options) for k in (lamina, keras))
    np.testing.assert_allclose(ours(w), np.asarray(theirs(w)), rtol=1e-5, atol=1e-6)
    assert ours.get_config() == theirs.get_config()
    record = constraints.serialize(ours)
    assert (record["module"], record["class_name"]) == ("keras.constraints", name)
    assert constraints.deserialize(record).get_config() == ours.get_config()
    assert ours(jnp.asarray(w, "bfloat16")).dtype == "bfloat16"


def test_extremes():
    w = jnp.asarray([[-np.inf, 1e-40], [np.inf, 0.0]])
    assert np.asarray(constraints.NonNeg()(w)).tolist() == [
        [0, pytest.approx(1e-40, abs=1e-38)],
        [np.inf, 0],
    ]
    assert np.isfinite(constraints.MaxNorm()(jnp.zeros((2, 2)))).all()


def test_names():
    names = {
        "max_norm": "MaxNorm", "MaxNorm": "MaxNorm", "maxnorm": "MaxNorm", "non_neg": "NonNeg",
        "nonneg": "NonNeg", "unit_norm": "UnitNorm", "unitnorm": "UnitNorm",
        "min_max_norm": "MinMaxNorm", "minmaxnorm": "MinMaxNorm",
    }  # fmt: skip
    for name, cls in names.items():
        assert type(constraints.get(name)) is getattr(constraints, cls)
    assert constraints.max_norm is constraints.MaxNorm
    assert constraints.get(None) is None
    with pytest.raises(ValueError, match="did you mean 'max_norm'"):
        constraints.get("max_nrom")
    with pytest.raises(ValueError, match="expected the name of a known constraint"):
        constraints.get(2.0)
    assert np.array_equal(constraints.Constraint()(np.eye(2)), np.eye(2))


def test_constraints_hold_after_a_compiled_fit():
    layer = lamina.layers.Dense(3, input_shape=(2,), kernel_constraint=constraints.UnitNorm(axis=0))
    model = lamina.Sequential([layer])
    model.compile("sgd", "mse")
    model.fit(np.ones((8, 2)), np.ones((8, 3)), batch_size=4, verbose=0)
    np.testing.assert_allclose(np.linalg.norm(layer.kernel.numpy(), axis=0), 1, rtol=1e-5)
