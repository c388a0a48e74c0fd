"""Steps of the user's own: compiled like the built-in ones, stateful or in Keras-JAX's form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import layers, metrics

pytestmark = pytest.mark.usefixtures("both_paths")


class Plain(lamina.Model):
    def __init__(self):
        super().__init__()
        self.head = layers.Dense(2, activation="softmax", kernel_initializer="ones")

    def call(self, x):
        return self.head(x)


class Stateful(Plain):
    """The step of the design: gradients, update and counters, all in variables."""

    def __init__(self):
        super().__init__()
        self.count = lamina.Variable(0, trainable=False, name="count")
        self.mean = metrics.Mean(name="own_loss")

    def train_step(self, data):
        x, y = data
        loss, grads = lamina.value_and_grad(
            lambda: self.compute_loss(x, y, self(x, training=True)), self.trainable_variables
        )
        self.optimizer.apply(grads, self.trainable_variables)
        self.count.assign_add(1)
        self.mean.update_state(loss)
        return {"own_loss": self.mean.result(), "count": self.count.value}


class Stateless(Plain):
    """The step of Keras on JAX."""

    def train_step(self, state, data):
        trained, others, slots, tracked = state
        x, y = data

        def objective(trained):
            y_pred, updated = self.stateless_call(trained, others, x, training=True)
            return self.compute_loss(x, y, y_pred), (y_pred, updated)

        (loss, (y_pred, others)), grads = jax.value_and_grad(objective, has_aux=True)(trained)
        trained, slots = self.optimizer.stateless_apply(slots, grads, trained)
        new, logs = [], {}
        for metric in self.metrics:
            mine, tracked = tracked[: len(metric.variables)], tracked[len(metric.variables) :]
            if metric.name == "loss":
                mine = metric.stateless_update_state(mine, loss)
            else:
                mine = metric.stateless_update_state(mine, y, y_pred)
            logs[metric.name] = metric.stateless_result(mine)
            new += mine
        return logs, (trained, others, slots, new)


def trained(model, people, eager=False):
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"], run_eagerly=eager)
    history = model.fit(
        people.x[:20], people.y[:20], batch_size=5, epochs=2, shuffle=False, verbose=0
    )
    return history.history


def close(a, b):
    return all(
        np.allclose(u, v, atol=1e-6) for u, v in zip(a.get_weights(), b.get_weights(), strict=True)
    )


@pytest.mark.parametrize("eager", [False, True])
def test_a_stateful_step(people, eager):
    plain, own = Plain(), Stateful()
    wanted, history = trained(plain, people), trained(own, people, eager)
    assert close(plain.head, own.head)
    assert int(own.count) == 8
    assert history["count"] == [4, 8]
    assert history["own_loss"] == pytest.approx(wanted["loss"])  # reset at each epoch
    assert set(history) == {"own_loss", "count"}


def test_a_step_in_keras_jax_form(people):
    plain, own = Plain(), Stateless()
    wanted, history = trained(plain, people), trained(own, people)
    assert close(plain, own)
    assert history["loss"] == pytest.approx(wanted["loss"])
    assert history["accuracy"] == pytest.approx(wanted["accuracy"])


def test_steps_are_given_what_fit_was_given(people):
    seen = []

    class Look(Plain):
        def train_step(self, data):
            seen.append(jax.tree.map(jnp.shape, data))
            return {"loss": 0.0}

        def test_step(self, data):
            return self.train_step(data)

    weight = np.ones(22, "float32")
    for y, w, wanted in [
        (people.y, None, ((22, 3), (22, 2))),
        (people.y, weight, ((22, 3), (22, 2), (22,))),
        (None, None, (22, 3)),
    ]:
        model = Look()
        model.compile("sgd", "mse")
        model.fit(people.x, y, sample_weight=w, batch_size=22, verbose=0)
        model.evaluate(people.x, y, sample_weight=w, batch_size=22, verbose=0)
        assert seen
        assert all(shapes == wanted for shapes in seen)  # traced, maybe more than once
        seen.clear()


def test_a_loss_of_ones_own(people):
    class Twice(Plain):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            assert x.shape[1] == 3
            return 2 * super().compute_loss(x, y, y_pred, sample_weight, training)

    plain, twice = Plain(), Twice()
    plain.compile(lamina.optimizers.SGD(0.02), "mse")
    twice.compile(lamina.optimizers.SGD(0.01), "mse")
    for model in (plain, twice):
        model.fit(people.x, people.y, epochs=3, shuffle=False, verbose=0)
    assert close(plain, twice)
    loss = plain.evaluate(people.x, people.y, verbose=0)
    assert twice.evaluate(people.x, people.y, verbose=0) == pytest.approx(2 * loss, rel=1e-5)


def test_metrics_of_ones_own(people):
    class More(Plain):
        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            logs = super().compute_metrics(x, y, y_pred, sample_weight)
            return {**logs, "rows": float(x.shape[0])}

    model = More()
    history = trained(model, people)
    assert set(history) == {"loss", "accuracy", "rows"}
    assert history["rows"] == [5.0, 5.0]
    logs = model.evaluate(people.x[:20], people.y[:20], batch_size=5, verbose=0, return_dict=True)
    assert logs["rows"] == 5
    assert logs["loss"] < history["loss"][0]


def test_results_of_ones_own(people):
    class Renamed(Plain):
        def get_metrics_result(self):
            return {f"my_{k}": v for k, v in super().get_metrics_result().items()}

    assert set(trained(Renamed(), people)) == {"my_loss", "my_accuracy"}


def test_test_and_predict_steps_of_ones_own(people):
    class Own(Plain):
        def test_step(self, data):
            x, _ = data
            return {"first": x[0, 0]}

        def predict_step(self, data):
            x, y, weight = lamina.utils.unpack_x_y_sample_weight(data)
            assert y is weight is None
            return {"twice": 2 * self(x), "rows": x[:, 0]}

    model = Own()
    model.compile("sgd", "mse")
    logs = model.evaluate(people.x, people.y, verbose=0, return_dict=True)
    assert logs == {"first": pytest.approx(people.x[0, 0])}
    outputs = model.predict(people.x, verbose=0)
    assert np.allclose(outputs["twice"], 2 * np.asarray(model(people.x)), atol=1e-6)
    assert np.array_equal(outputs["rows"], people.x[:, 0])


def test_a_metric_of_the_model_is_reset_each_epoch_and_listed_once(people):
    class Tracking(Plain):
        def __init__(self):
            super().__init__()
            self.size = metrics.Mean(name="size")

        def call(self, x):
            y = super().call(x)
            self.size.update_state(jnp.ones(()) * x.shape[0])
            return y

    model = Tracking()
    history = trained(model, people)
    assert [m.name for m in model.metrics] == ["loss", "accuracy", "size"]
    assert history["size"] == [5.0, 5.0]


def test_added_losses_and_regularizers_are_minimized(people):
    class Added(lamina.layers.Layer):
        def __init__(self):
            super().__init__()
            self.scale = self.add_weight(shape=(), initializer="ones", regularizer="l2")

        def call(self, x):
            self.add_loss(jnp.mean(self.scale.value) * 3.0)
            return x * self.scale

    model = lamina.Sequential([lamina.Input((3,)), Added()])
    model.compile(lamina.optimizers.SGD(0.1))
    history = model.fit(people.x, verbose=0, batch_size=22, epochs=2).history
    # loss = 3 s + 0.01 s^2 from s = 1, slope 3.02
    assert history["loss"][0] == pytest.approx(3.01)
    assert float(model.layers[0].scale.numpy()) < 1 - 0.1 * 3.02
    s = float(model.layers[0].scale.numpy())
    assert model.evaluate(people.x, verbose=0) == pytest.approx(3 * s + 0.01 * s * s, rel=1e-5)


def test_two_models_of_one_layer_share_its_weights(people):
    shared = layers.Dense(2)
    a = lamina.Sequential([lamina.Input((3,)), shared])
    b = lamina.Sequential([lamina.Input((3,)), shared, layers.Activation("softmax")])
    for model in (a, b):
        model.compile("sgd", "mse")
    before = a.predict(people.x, verbose=0)
    b.fit(people.x, people.y, epochs=2, verbose=0)
    after = a.predict(people.x, verbose=0)
    assert not np.allclose(before, after, atol=1e-5)
    assert np.array_equal(a.get_weights()[0], b.get_weights()[0])
    a.fit(people.x, people.y, verbose=0)
    assert np.array_equal(a.get_weights()[0], b.get_weights()[0])


def test_variables_nobody_owns_may_not_be_changed(people):
    stray = lamina.Variable(0.0, name="stray")

    class Careless(Plain):
        def train_step(self, data):
            stray.assign_add(1.0)
            return {"loss": 0.0}

    model = Careless()
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"(?s)model, layer or metric owns.*Got .*stray.*Help"):
        model.fit(people.x, people.y, verbose=0)
    assert float(stray) == 0


def test_a_second_optimizer_as_attribute(people):
    """As a GAN has it: one compiled step with two optimizers."""

    class Two(Plain):
        def __init__(self):
            super().__init__()
            self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
            self.slow = lamina.optimizers.SGD(0.001)

        def call(self, x):
            return self.head(x) * self.scale

        def train_step(self, data):
            x, y = data
            loss, grads = lamina.value_and_grad(
                lambda: jnp.mean((self(x) - y) ** 2), self.trainable_variables
            )
            self.slow.apply(grads[:1], self.trainable_variables[:1])
            self.optimizer.apply(grads[1:], self.trainable_variables[1:])
            return {"loss": loss}

    model = Two()
    model(people.x)
    model.slow.build(model.trainable_variables[:1])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables[1:])
    model.fit(people.x, people.y, batch_size=22, verbose=0)
    assert int(model.slow.iterations) == int(model.optimizer.iterations) == 1
    assert abs(float(model.scale.numpy()) - 1) < 0.001
