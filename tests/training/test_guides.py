"""Models of which subclasses write the steps, as Keras' guides have them."""

import jax
import numpy as np
import pytest

import lamina
from lamina import layers, metrics, ops


class Gan(lamina.Model):
    """A model without `call`: two nets, two optimizers, one step."""

    def __init__(self, discriminator, generator):
        super().__init__()
        self.discriminator, self.generator = discriminator, generator
        self.seed = lamina.random.SeedGenerator(1)
        self.d_loss, self.g_loss = metrics.Mean(name="d_loss"), metrics.Mean(name="g_loss")

    @property
    def metrics(self):
        return [self.d_loss, self.g_loss]

    def compile(self, d_optimizer, g_optimizer, loss_fn, **options):
        super().compile(**options)
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn

    def train_step(self, real):
        rows = ops.shape(real)[0]
        fake = self.generator(lamina.random.normal((rows, 2), seed=self.seed))
        both = ops.concatenate([fake, real], axis=0)
        labels = ops.concatenate([ops.ones((rows, 1)), ops.zeros((rows, 1))], axis=0)
        d_loss, grads = lamina.value_and_grad(
            lambda: self.loss_fn(labels, self.discriminator(both)),
            self.discriminator.trainable_weights,
        )
        self.d_optimizer.apply(grads, self.discriminator.trainable_weights)
        noise = lamina.random.normal((rows, 2), seed=self.seed)
        g_loss, grads = lamina.value_and_grad(
            lambda: self.loss_fn(ops.zeros((rows, 1)), self.discriminator(self.generator(noise))),
            self.generator.trainable_weights,
        )
        self.g_optimizer.apply_gradients(zip(grads, self.generator.trainable_weights, strict=True))
        self.d_loss.update_state(d_loss)
        self.g_loss.update_state(g_loss)
        return {metric.name: metric.result() for metric in self.metrics}


@pytest.mark.parametrize("known", [True, False], ids=["inputs known", "inputs unknown"])
def test_a_gan_with_two_optimizers(people, known):
    first = [lamina.Input((3,))] if known else []
    discriminator = lamina.Sequential([*first, layers.Dense(1)])
    generator = lamina.Sequential([*([lamina.Input((2,))] if known else []), layers.Dense(3)])
    gan = Gan(discriminator, generator)
    rates = [lamina.optimizers.SGD(0.1), lamina.optimizers.Adam(0.1)]
    gan.compile(*rates, lamina.losses.BinaryCrossentropy(from_logits=True))
    history = gan.fit(people.x[:20], epochs=2, batch_size=10, verbose=0).history
    assert set(history) == {"d_loss", "g_loss"}
    assert [int(o.iterations) for o in rates] == [4, 4]
    before = gan.get_weights()
    gan.train_on_batch(people.x)
    assert all(np.any(a != b) for a, b in zip(before, gan.get_weights(), strict=True))


class Autoencoder(lamina.Model):
    """A VAE: losses of layers, sampling, trackers of its own."""

    def __init__(self):
        super().__init__()
        self.mean, self.log_var, self.decoder = layers.Dense(2), layers.Dense(2), layers.Dense(3)
        self.seed = lamina.random.SeedGenerator(1)
        self.parts = {"kl": metrics.Mean(name="kl")}

    def call(self, x):
        mean, log_var = self.mean(x), self.log_var(x)
        noise = lamina.random.normal(ops.shape(mean), seed=self.seed)
        kl = -0.5 * ops.mean(1 + log_var - mean**2 - ops.exp(log_var))
        self.add_loss(kl)
        self.parts["kl"].update_state(kl)
        return self.decoder(mean + ops.exp(0.5 * log_var) * noise)


def test_a_variational_autoencoder(people):
    model = Autoencoder()
    model.compile(lamina.optimizers.Adam(0.05), "mse")
    history = model.fit(people.x, people.x, epochs=8, batch_size=11, verbose=0).history
    assert set(history) == {"loss", "kl"}
    assert history["loss"][-1] < history["loss"][0]
    assert all(loss > kl > 0 for loss, kl in zip(history["loss"], history["kl"], strict=True))
    assert model.predict(people.x, verbose=0).shape == (22, 3)


class Contrastive(lamina.Model):
    """Its loss compares the rows of a batch with each other; `metrics` has no 'loss'."""

    def __init__(self):
        super().__init__()
        self.encoder = lamina.Sequential([layers.Dense(4, activation="tanh"), layers.Dense(3)])
        self.noise, self.hits = layers.GaussianNoise(0.05), metrics.Mean(name="hits")

    @property
    def metrics(self):
        return [self.hits]

    def call(self, x, training=False):
        return ops.normalize(self.encoder(self.noise(x, training=training)))

    def compute_loss(self, x, y, y_pred, sample_weight, training=True):
        likeness = ops.matmul(y_pred, ops.transpose(self(x, training=training))) / 0.1
        rows = ops.arange(ops.shape(likeness)[0])
        self.hits.update_state(ops.argmax(likeness, axis=1) == rows)
        return ops.mean(
            lamina.losses.sparse_categorical_crossentropy(rows, likeness, from_logits=True)
        )


def test_a_contrastive_model(people):
    model = Contrastive()
    model.compile("adam")
    history = model.fit(people.x, epochs=3, verbose=0).history
    assert set(history) == {"hits"}
    # of the last epoch, not of all: the state is set back even if `metrics` is the user's
    assert history["hits"][-1] == pytest.approx(float(model.hits.result()))
    assert model.evaluate(people.x, verbose=0) == pytest.approx(1.0)


def test_compute_loss_of_before_it_was_given_training(people):
    class Old(lamina.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return ops.mean((y - y_pred) ** 2) + sum(self.losses)

    inputs = lamina.Input((3,))
    head = layers.Dense(2, kernel_initializer="ones", kernel_regularizer="l2")
    model = Old(inputs, head(inputs))
    model.compile("sgd")
    x = people.x
    wanted = np.mean((people.y - x.sum(1, keepdims=True)) ** 2) + 0.01 * 6
    assert model.evaluate(x, people.y, verbose=0) == pytest.approx(wanted, rel=1e-5)
    assert model.fit(x, people.y, verbose=0).history["loss"][0] == pytest.approx(wanted, rel=1e-5)


def test_the_loss_as_a_function_of_values(people):
    inputs = lamina.Input((3,))
    model = lamina.Model(inputs, layers.Dense(2, kernel_regularizer="l2")(inputs))
    model.compile("sgd", "mse", metrics=["mae"])
    model.fit(people.x, people.y, verbose=0)
    state = [v.value for v in model.trainable_variables]
    tracked = [v.value for v in model.metrics_variables]

    def objective(trained):
        y_pred, _ = model.stateless_call(trained, [], people.x)
        return model.stateless_compute_loss(trained, [], tracked, people.x, people.y, y_pred)

    (loss, groups), grads = jax.value_and_grad(objective, has_aux=True)(state)
    assert [len(group) for group in groups] == [2, 0, len(tracked)]
    assert float(loss) == pytest.approx(model.evaluate(people.x, people.y, verbose=0)[0], rel=1e-5)
    kernel = model.layers[1].kernel
    error = np.asarray(model(people.x)) - people.y
    wanted = people.x.T @ error / 22 + 0.02 * np.asarray(kernel)
    assert np.allclose(grads[0], wanted, atol=1e-6)


def test_a_step_that_only_passes_on(people, net):
    class Passing(lamina.Sequential):
        def train_step(self, *args, **kwargs):
            return super().train_step(*args, **kwargs)

    wanted = net()
    model = Passing(
        [lamina.Input((3,)), layers.Dense(4, activation="relu"),
         layers.Dense(2, activation="softmax")]
    )  # fmt: skip
    model.set_weights(wanted.get_weights())
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    histories = [
        m.fit(people.x, people.y, shuffle=False, batch_size=11, epochs=2, verbose=0).history
        for m in (wanted, model)
    ]
    assert histories[1]["accuracy"] == histories[0]["accuracy"]
    assert histories[1]["loss"] == pytest.approx(histories[0]["loss"])
