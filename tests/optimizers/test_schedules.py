"""Every schedule against real Keras, at every step."""

import jax
import numpy as np
import pytest

import lamina
from lamina.optimizers import schedules

from .conftest import keras

STEPS = np.arange(61)

CASES = {
    "exponential": ("ExponentialDecay", (0.1, 10, 0.5), {}),
    "exponential stairs": ("ExponentialDecay", (0.1, 7, 0.9), {"staircase": True}),
    "inverse": ("InverseTimeDecay", (0.1, 10, 0.5), {}),
    "inverse stairs": ("InverseTimeDecay", (0.1, 7, 2.0), {"staircase": True}),
    "polynomial": ("PolynomialDecay", (0.1, 30), {}),
    "polynomial square": ("PolynomialDecay", (0.1, 30), {"power": 2.0, "end_learning_rate": 0.01}),
    "polynomial cycle": ("PolynomialDecay", (0.1, 8), {"cycle": True, "power": 0.5}),
    "piecewise": ("PiecewiseConstantDecay", ([5, 20, 40], [1.0, 0.5, 0.25, 0.1]), {}),
    "piecewise one": ("PiecewiseConstantDecay", ([5.0], [1.0, 0.5]), {}),
    "cosine": ("CosineDecay", (0.1, 40), {"alpha": 0.1}),
    "cosine warm-up": ("CosineDecay", (0.01, 30), {"warmup_target": 0.2, "warmup_steps": 10}),
    "restarts": ("CosineDecayRestarts", (0.1, 9), {}),
    "restarts equal": ("CosineDecayRestarts", (0.1, 9), {"t_mul": 1.0, "m_mul": 0.8}),
    "restarts all": ("CosineDecayRestarts", (0.1, 4), {"t_mul": 1.5, "m_mul": 0.9, "alpha": 0.2}),
}


@pytest.mark.parametrize(("name", "args", "options"), CASES.values(), ids=CASES)
def test_every_step_is_keras(name, args, options):
    ours = getattr(schedules, name)(*args, **options)
    theirs = getattr(keras.optimizers.schedules, name)(*args, **options)
    values = jax.jit(jax.vmap(ours))(STEPS)
    expected = np.array(jax.jit(jax.vmap(theirs))(STEPS))
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-7)
    assert values.dtype == "float32"
    np.testing.assert_allclose(float(ours(7)), expected[7], rtol=1e-5)
    assert ours.get_config() == theirs.get_config()
    record = schedules.serialize(ours)
    assert {k: record[k] for k in ("module", "class_name")} == {
        "module": "keras.optimizers.schedules",
        "class_name": name,
    }
    assert schedules.deserialize(record).get_config() == ours.get_config()


@pytest.mark.parametrize(
    ("name", "args"),
    [("ExponentialDecay", (0.1, 0, 0.5)), ("CosineDecay", (0.1, -1)),
     ("CosineDecayRestarts", (0.1, 0)), ("PolynomialDecay", (0.1, "ten")),
     ("PiecewiseConstantDecay", ([1, 2], [0.1, 0.2]))],
)  # fmt: skip
def test_bad_arguments_are_explained(name, args):
    with pytest.raises(ValueError, match=rf"{name}: expected [\s\S]* Got "):
        getattr(schedules, name)(*args)


def test_a_schedule_is_saved_with_its_optimizer():
    optimizer = lamina.optimizers.Adam(schedules.CosineDecay(0.1, 100))
    assert [v.name for v in optimizer.variables] == ["iteration"]
    again = lamina.optimizers.deserialize(lamina.optimizers.serialize(optimizer))
    assert again.get_config() == optimizer.get_config()
    np.testing.assert_allclose(float(again.learning_rate), 0.1, rtol=1e-6)


def test_a_schedule_of_ones_own():
    class Linear(schedules.LearningRateSchedule):
        def __init__(self, slope=0.5):
            self.slope = slope

        def __call__(self, step):
            return self.slope * lamina.ops.add(step, 1)

    w = lamina.Variable([0.0])
    optimizer = lamina.optimizers.SGD(Linear())
    for _ in range(3):
        optimizer.apply([[1.0]], [w])
    assert float(w[0]) == -(0.5 + 1.0 + 1.5)
    assert Linear(2.0).get_config() == {"slope": 2.0}
