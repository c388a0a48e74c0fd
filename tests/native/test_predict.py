"""predict of one batch: machine code where it pays, XLA for the rest, the same numbers."""

import numpy as np

import lamina
from lamina import config, layers

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")


def engines(model):
    return [call is not None for call in model._programs["predict"]._forward._native.values()]


def test_one_batch_is_machine_code_with_the_numbers_of_xla():
    model = lamina.Sequential(
        [lamina.Input((3,)), layers.Dense(4, activation="relu"), layers.Dense(2, "softmax")]
    )
    config.disable_native_steps()
    try:
        expected = model.predict(X[:5], verbose=0)
        assert engines(model) == [False]
    finally:
        config.enable_native_steps()
    model._forget_programs()
    for _ in range(2):
        np.testing.assert_allclose(model.predict(X[:5], verbose=0), expected, rtol=1e-5)
    assert engines(model) == [True]
    model.set_weights([w * 2 for w in model.get_weights()])
    np.testing.assert_allclose(
        model.predict(X[:5], verbose=0), model.predict(X, verbose=0)[:5], rtol=1e-5
    )


def test_what_a_call_changes_is_left_to_xla():
    class Counter(layers.Layer):
        def build(self, shape):
            self.calls = self.add_weight((), "zeros", trainable=False)

        def call(self, x):
            self.calls.assign_add(1.0)
            return x + self.calls

    model = lamina.Sequential([lamina.Input((3,)), Counter()])
    for n in (1, 2):
        np.testing.assert_allclose(model.predict(X[:4], verbose=0), X[:4] + n, rtol=1e-6)
    assert engines(model) == [False]
