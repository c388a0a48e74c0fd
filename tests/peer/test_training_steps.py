"""Code of Keras' guides for JAX, run by real Keras and by lamina: the same numbers."""

import jax
import keras
import numpy as np
import pytest

import lamina

X = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")
Y = X[:, :1] - X[:, 1:2]


def layers_of(api):
    inputs = api.Input((6,))
    hidden = api.layers.Dense(4, activation="tanh")(inputs)
    normal = api.layers.BatchNormalization()(hidden)
    return inputs, api.layers.Dense(1)(normal)


def start(model):
    draw = np.random.default_rng(1)
    model.set_weights([np.abs(draw.normal(size=w.shape)) for w in model.get_weights()])
    return model


def stateless_step(api):
    """From 'Customizing what happens in fit() with JAX'."""

    class CustomModel(api.Model):
        def compute_loss_and_updates(
            self, trainable_variables, non_trainable_variables, x, y, training=False
        ):
            y_pred, non_trainable_variables = self.stateless_call(
                trainable_variables, non_trainable_variables, x, training=training
            )
            loss = self.compute_loss(x, y, y_pred)
            return loss, (y_pred, non_trainable_variables)

        def train_step(self, state, data):
            trainable, others, slots, tracked = state
            x, y = data
            grad_fn = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
            (loss, (y_pred, others)), grads = grad_fn(trainable, others, x, y, training=True)
            trainable, slots = self.optimizer.stateless_apply(slots, grads, trainable)
            new_tracked, logs = [], {}
            for metric in self.metrics:
                mine = tracked[len(new_tracked) : len(new_tracked) + len(metric.variables)]
                if metric.name == "loss":
                    mine = metric.stateless_update_state(mine, loss)
                else:
                    mine = metric.stateless_update_state(mine, y, y_pred)
                result = metric.stateless_result(mine)
                logs.update(result if isinstance(result, dict) else {metric.name: result})
                new_tracked += mine
            return logs, (trainable, others, slots, new_tracked)

        def test_step(self, state, data):
            trainable, others, tracked = state
            x, y = data
            y_pred, others = self.stateless_call(trainable, others, x, training=False)
            loss = self.compute_loss(x, y, y_pred)
            new = self.metrics[0].stateless_update_state(tracked[:2], loss)
            return {"loss": self.metrics[0].stateless_result(new)}, (
                trainable, others, [*new, *tracked[2:]],
            )  # fmt: skip

    model = start(CustomModel(*layers_of(api)))
    model.compile(optimizer=api.optimizers.Adam(0.01), loss="mse", metrics=["mae"])
    history = model.fit(X, Y, batch_size=10, epochs=3, shuffle=False, verbose=0).history
    evaluated = model.evaluate(X, Y, batch_size=40, verbose=0, return_dict=True)
    return {**history, "evaluated": evaluated["loss"]}, model.get_weights()


def own_loop(api):
    """From 'Writing a training loop from scratch in JAX'."""
    model, optimizer = start(api.Model(*layers_of(api))), api.optimizers.SGD(0.1, momentum=0.9)
    loss_fn, error = api.losses.MeanSquaredError(), api.metrics.MeanAbsoluteError()

    def compute_loss_and_updates(trainable, others, tracked, x, y):
        y_pred, others = model.stateless_call(trainable, others, x, training=True)
        tracked = error.stateless_update_state(tracked, y, y_pred)
        return loss_fn(y, y_pred), (others, tracked)

    grad_fn = jax.value_and_grad(compute_loss_and_updates, has_aux=True)

    @jax.jit
    def train_step(state, data):
        trainable, others, slots, tracked = state
        (loss, (others, tracked)), grads = grad_fn(trainable, others, tracked, *data)
        trainable, slots = optimizer.stateless_apply(slots, grads, trainable)
        return loss, (trainable, others, slots, tracked)

    optimizer.build(model.trainable_variables)
    groups = (
        model.trainable_variables, model.non_trainable_variables, optimizer.variables,
        error.variables,
    )  # fmt: skip
    state, losses = tuple([v.value for v in group] for group in groups), []
    for i in range(4):
        loss, state = train_step(state, (X[10 * i : 10 * i + 10], Y[10 * i : 10 * i + 10]))
        losses.append(float(loss))
    for group, values in zip(groups, state, strict=True):
        for variable, value in zip(group, values, strict=True):
            variable.assign(value)
    return {"loss": losses, "error": float(error.result())}, model.get_weights()


def stateful_pieces(api):
    """A loss, a metric, a layer and an optimizer of the user's own, as the guides write them."""
    ops = api.ops

    class Scaled(api.losses.Loss):
        def __init__(self, factor=1.0, name="scaled"):
            super().__init__(name=name)
            self.factor = factor

        def call(self, y_true, y_pred):
            return self.factor * ops.mean(ops.square(y_true - y_pred), axis=-1)

    class Positive(api.metrics.Metric):
        def __init__(self, name="positive", **kwargs):
            super().__init__(name=name, **kwargs)
            self.count = self.add_variable(shape=(), initializer="zeros", name="count")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.count.assign_add(ops.sum(ops.cast(y_pred > 0, "float32")))

        def result(self):
            return self.count.value

        def reset_state(self):
            self.count.assign(0.0)

    class Linear(api.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1], 1), initializer="ones")

        def call(self, inputs):
            return ops.matmul(inputs, ops.convert_to_tensor(self.w))

    class Momentum(api.optimizers.Optimizer):
        def build(self, variables):
            super().build(variables)
            self.m = [self.add_variable_from_reference(v, name="m") for v in variables]

        def update_step(self, gradient, variable, learning_rate):
            m = self.m[self._get_variable_index(variable)]
            self.assign(m, ops.convert_to_tensor(m) * 0.9 + gradient)
            self.assign_sub(variable, learning_rate * ops.convert_to_tensor(m))

    model = api.Sequential([api.Input((6,)), Linear()])
    model.compile(Momentum(learning_rate=0.05), Scaled(2.0), metrics=[Positive()])
    history = model.fit(X, Y, batch_size=10, epochs=2, shuffle=False, verbose=0).history
    return history, model.get_weights()


@pytest.mark.parametrize("code", [stateless_step, own_loop, stateful_pieces])
def test_the_same_code_gives_the_same_numbers(code):
    (theirs, their_weights), (ours, our_weights) = code(keras), code(lamina)
    assert ours.keys() == theirs.keys()
    for key, values in theirs.items():
        assert ours[key] == pytest.approx(values, abs=1e-4), key
    for a, b in zip(our_weights, their_weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
