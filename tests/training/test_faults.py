"""Losses that stop being numbers: the step and the layer are found, and the weights are good."""

import re

import numpy as np
import pytest

import lamina
from lamina import layers, ops

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def net(*middle, name="net"):
    return lamina.Sequential([lamina.Input((3,)), *middle, layers.Dense(1, name="last")], name=name)


def fault(model, x=X, y=Y, loss="mse", rate=0.01, **options):
    """The text of the error of a fit in batches of 4; the weights are finite after it."""
    model.compile(lamina.optimizers.SGD(rate), loss)
    with pytest.raises(FloatingPointError, match=r"(?s)finite loss.*Got .*Help: ") as caught:
        model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0, **options)
    assert all(np.isfinite(w).all() for w in model.get_weights())
    return str(caught.value)


class Roots(layers.Layer):
    """Zeros, whose square root has no slope."""

    def call(self, x):
        return ops.sqrt(ops.abs(x * 0.0))


@pytest.mark.usefixtures("both_paths")
@pytest.mark.parametrize("hooks", [False, True], ids=["epochs", "single steps"])
def test_the_step_is_found_wherever_it_is(hooks):
    """One row of the 30th batch has a label whose square is too large."""
    x, y = np.ones((160, 3), "float32"), np.zeros((160, 1), "float32")
    y[117] = 3e37
    callbacks = [lamina.callbacks.LambdaCallback(on_train_batch_end=lambda *a: None)] * hooks
    text = fault(net(), x, y, callbacks=callbacks)
    assert "epoch 1, step 30" in text
    assert "all layers are finite, the loss" in text


@pytest.mark.usefixtures("both_paths")
def test_the_weights_are_those_before_the_step():
    x, y = X.copy(), Y.copy()
    x[13] = np.inf
    wanted, model = net(), net()
    model.set_weights(wanted.get_weights())
    wanted.compile(lamina.optimizers.SGD(0.01), "mse")
    wanted.fit(x[:12], y[:12], batch_size=4, shuffle=False, verbose=0)
    text = fault(model, x, y)
    assert "epoch 1, step 4: `x` of this batch" in text
    assert int(model.optimizer.iterations) == 3
    for a, b in zip(wanted.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(a, b)


WHERE = {
    "output": (lambda: [layers.Lambda(lambda x: ops.log(-ops.abs(x)), name="logs")],
               r"the output of 'net/logs' \(Lambda\) is the first .*: nan in 12 of 12"),
    "output inside": (lambda: [lamina.Sequential([layers.Dense(2), Roots(name="roots"),
                               layers.Lambda(lambda x: 1 / x, name="inverse")], name="part")],
                      r"the output of 'net/part/inverse' .*: inf in 8 of 8"),
    "gradient": (lambda: [layers.Dense(2, name="first"), Roots(name="roots")],
                 r"all outputs are finite, but the gradient at the output of 'net/first' \(Dense\)"
                 r" is the first .*: nan in 8 of 8"),
    "recurrent": (lambda: [layers.Reshape((3, 1)), layers.SimpleRNN(
                      2, activation="linear", recurrent_initializer=lambda s, dtype=None:
                      np.full(s, 3e38, dtype), name="rnn")],
                  r"the output of 'net/rnn"),
}  # fmt: skip


@pytest.mark.parametrize("case", WHERE)
def test_the_first_layer_is_named(case):
    make, pattern = WHERE[case]
    assert re.search(pattern, fault(net(*make())))


def test_a_loss_of_ones_own_that_is_no_number():
    text = fault(net(), loss=lambda y, p: ops.mean(ops.log(p - 100.0), axis=-1))
    assert "step 1: the outputs of all layers are finite, the loss made of them is not" in text


class Own(lamina.Model):
    def __init__(self):
        super().__init__()
        self.head = layers.Dense(1, name="head")

    def call(self, x):
        return self.head(x)

    def train_step(self, data):
        x, y = data
        loss, grads = lamina.value_and_grad(
            lambda: ops.mean((self(x) - y) ** 2), self.trainable_variables
        )
        self.optimizer.apply(grads, self.trainable_variables)
        return {"own_loss": loss}


@pytest.mark.parametrize("eager", [False, True])
def test_steps_of_ones_own(eager):
    model = Own()
    model.compile(lamina.optimizers.SGD(1e15), run_eagerly=eager)
    with pytest.raises(FloatingPointError, match=r"own_loss = (nan|inf) in epoch 1, step \d+: "):
        model.fit(X, Y, batch_size=4, shuffle=False, verbose=0)
    assert all(np.isfinite(w).all() for w in model.get_weights())
    assert "call" not in vars(model.head)


def test_who_wants_to_go_on_can():
    def losses(**options):
        model = net()
        model.compile(lamina.optimizers.SGD(1e15), "mse")
        return model.fit(X, Y, epochs=2, verbose=0, **options).history["loss"]

    lamina.config.disable_nan_stop()
    try:
        assert not np.isfinite(losses()[1])
    finally:
        lamina.config.enable_nan_stop()
    losses(callbacks=[lamina.callbacks.TerminateOnNaN(), lamina.callbacks.History()])
