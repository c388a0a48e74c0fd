"""fit on arrays: what it sees, in which order, and what it returns."""

import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import callbacks, config, layers

pytestmark = pytest.mark.usefixtures("both_paths")


class Recorder(lamina.Model):
    """A model that learns nothing and notes which rows its steps see, compiled like any other."""

    def __init__(self, room: int = 200):
        super().__init__()
        self.head = layers.Dense(1)
        self.seen = lamina.Variable(np.full(room, -1, "int32"), trainable=False, name="seen")
        self.steps = lamina.Variable(0, trainable=False, name="steps")
        self.rows = lamina.Variable(0, trainable=False, name="rows")

    def call(self, x):
        return self.head(x)

    def note(self, x):
        at = self.rows.value + jnp.arange(x.shape[0])
        self.seen.assign(self.seen.value.at[at].set(x[:, 0].astype("int32")))
        self.rows.assign_add(x.shape[0])
        self.steps.assign_add(1)
        return {"rows": self.rows.value}

    def train_step(self, data):
        return self.note(data[0])

    def test_step(self, data):
        return self.note(data[0])

    @property
    def order(self):
        return self.seen.numpy()[: int(self.rows)].tolist()


@pytest.fixture
def recorder():
    model = Recorder()
    model.compile("sgd", "mse")
    return model


@pytest.fixture(scope="module")
def numbered():
    x = np.zeros((22, 3), "float32")
    x[:, 0] = np.arange(22)
    return x, np.zeros((22, 1), "float32")


@pytest.mark.parametrize(("batch", "steps"), [(5, 5), (22, 1), (1000, 1), (1, 22)])
def test_every_row_once_with_an_exact_last_batch(recorder, numbered, batch, steps):
    recorder.fit(*numbered, batch_size=batch, shuffle=False, verbose=0)
    assert recorder.order == list(range(22))
    assert int(recorder.steps) == steps


def test_shuffling(recorder, numbered):
    np.random.seed(3)
    recorder.fit(*numbered, batch_size=5, epochs=2, verbose=0)
    first, second = recorder.order[:22], recorder.order[22:]
    assert sorted(first) == sorted(second) == list(range(22))
    assert first != second
    assert first != list(range(22))
    recorder.rows.assign(0)
    np.random.seed(3)
    recorder.fit(*numbered, batch_size=5, epochs=1, verbose=0)
    assert recorder.order == first  # numpy's seed repeats it


def test_steps_per_epoch_goes_on_where_the_last_epoch_stopped(recorder, numbered):
    recorder.fit(*numbered, batch_size=5, steps_per_epoch=2, epochs=3, shuffle=False, verbose=0)
    assert recorder.order == list(range(22))  # 10, 10, then the 2 that are left
    assert int(recorder.steps) == 5
    recorder.fit(*numbered, batch_size=5, steps_per_epoch=2, shuffle=False, verbose=0)
    assert recorder.order[22:] == list(range(10))


def test_steps_per_epoch_shuffles_once_a_pass(recorder, numbered):
    recorder.fit(*numbered, batch_size=5, steps_per_epoch=2, epochs=3, verbose=0)
    assert sorted(recorder.order) == list(range(22))


def test_validation_split_takes_the_last_rows_before_shuffling(recorder, numbered):
    recorder.fit(*numbered, batch_size=5, validation_split=0.2, verbose=0)
    assert sorted(recorder.order[:17]) == list(range(17))
    assert recorder.order[17:] == [17, 18, 19, 20, 21]


def test_validation_data_wins_over_validation_split(recorder, numbered):
    x, y = numbered
    recorder.fit(
        x, y, batch_size=5, validation_split=0.2, validation_data=(x[:3], y[:3]), verbose=0
    )
    assert sorted(recorder.order[:22]) == list(range(22))
    assert recorder.order[22:] == [0, 1, 2]


def test_validation_steps_and_batch_size(recorder, numbered):
    recorder.fit(
        *numbered, batch_size=22, validation_data=numbered, validation_batch_size=5,
        validation_steps=2, epochs=2, shuffle=False, verbose=0,
    )  # fmt: skip
    epoch = [*range(22), *range(10)]
    assert recorder.order == epoch * 2  # validation starts anew each time


@pytest.mark.parametrize(
    ("frequency", "epochs"), [(1, [0, 1, 2]), (2, [1]), ([1, 3], [0, 2]), (5, [])]
)
def test_validation_freq(net, people, frequency, epochs):
    seen = []
    watch = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(epoch) if "val_loss" in logs else None
    )
    net().fit(
        people.x, people.y, epochs=3, validation_data=(people.x, people.y),
        validation_freq=frequency, callbacks=[watch], verbose=0,
    )  # fmt: skip
    assert seen == epochs


def test_evaluate_takes_every_row_once(recorder, numbered):
    recorder.evaluate(*numbered, batch_size=5, verbose=0)
    assert recorder.order == list(range(22))
    recorder.evaluate(*numbered, batch_size=5, steps=2, verbose=0)
    assert recorder.order[22:] == list(range(10))


def weights_after(model, x, y, **options):
    model.fit(x, y, batch_size=5, epochs=2, shuffle=False, verbose=0, **options)
    return model.get_weights()


def same(a, b, tolerance=0.0):
    return all(np.allclose(u, v, rtol=0, atol=tolerance) for u, v in zip(a, b, strict=True))


def test_all_kinds_of_data_train_alike(net, people):
    wanted = weights_after(net(), people.x, people.y)
    for x, y in [
        (people.x.astype("float64"), people.y.astype("int64")),
        (people.x.tolist(), people.y.tolist()),
        (tuple(map(tuple, people.x.tolist())), people.y > 0),
        (jnp.asarray(people.x), jnp.asarray(people.y)),
        ([people.x], [people.y]),
        ({"input_layer": people.x}, people.y),
    ]:
        lamina._core.naming.reset_names()
        assert same(weights_after(net(), x, y), wanted)


def test_eager_and_compiled_train_alike(net, people):
    options = {"sample_weight": np.linspace(0, 1, 22), "validation_split": 0.2}
    compiled, eager = net("adam"), net("adam", run_eagerly=True)
    wanted = weights_after(compiled, people.x, people.y, **options)
    assert same(weights_after(eager, people.x, people.y, **options), wanted, 1e-6)
    for name, values in compiled.history.history.items():
        assert np.allclose(eager.history.history[name], values, atol=1e-6), name


@pytest.mark.parametrize("steps", [2, 3, 100])
def test_steps_per_execution_changes_nothing_but_the_pace(net, people, steps):
    wanted = weights_after(net(), people.x, people.y)
    ends = []
    watch = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: ends.append(batch))
    model = net(steps_per_execution=steps)
    assert same(weights_after(model, people.x, people.y, callbacks=[watch]), wanted)
    assert ends == {2: [1, 3, 4], 3: [2, 3, 4], 100: [3, 4]}[steps] * 2


def test_a_sample_weight_of_zero_takes_samples_out(net, people):
    weight = np.ones(22)
    weight[5:] = 0  # batches 2 to 5 change nothing under plain gradient descent
    model, few = net(), net()
    model.fit(people.x, people.y, batch_size=5, sample_weight=weight, shuffle=False, verbose=0)
    few.fit(people.x[:5], people.y[:5], batch_size=5, verbose=0)
    assert same(model.get_weights(), few.get_weights(), 1e-7)


@pytest.mark.parametrize("labels", ["y", "number"])
def test_class_weight_is_a_sample_weight_per_class(net, people, labels):
    loss = {"y": "categorical_crossentropy", "number": "sparse_categorical_crossentropy"}[labels]
    weighted, plain = net(), net()
    for model in (weighted, plain):
        model.compile("sgd", loss)
    y = getattr(people, labels)
    wanted = weights_after(plain, people.x, y, sample_weight=1.0 + 2 * people.number)
    assert same(weights_after(weighted, people.x, y, class_weight={0: 1, 1: 3.0}), wanted)


def test_class_weight_does_not_touch_the_validation_split(net, people):
    model = net("sgd")
    model.fit(people.x, people.y, class_weight={0: 9.0, 1: 9.0}, validation_split=0.3, verbose=0)
    rows = slice(15, None)  # floor(22 * 0.7) = 15
    loss, _ = model.evaluate(people.x[rows], people.y[rows], verbose=0)
    assert model.history.history["val_loss"][0] == pytest.approx(loss, rel=1e-6)


def test_history(net, people):
    model = net()
    history = model.fit(
        people.x, people.y, epochs=4, initial_epoch=2, validation_split=0.2, verbose=0
    )
    assert history is model.history
    assert history.epoch == [2, 3]
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert all(type(v) is float for values in history.history.values() for v in values)
    assert history.params == {"epochs": 4, "steps": 1, "verbose": 0}
    loss, accuracy = model.evaluate(people.x[17:], people.y[17:], verbose=0)
    assert history.history["val_loss"][-1] == pytest.approx(loss)
    assert history.history["val_accuracy"][-1] == pytest.approx(accuracy)
    assert model.fit(people.x, people.y, epochs=0, verbose=0).history == {}


def test_the_loss_in_logs_is_the_mean_over_rows(net, people):
    """Batches of 5, 5, 5, 5 and 2 rows: the last counts for less."""
    model = net(lamina.optimizers.SGD(0.0))
    loss = model.fit(people.x, people.y, batch_size=5, verbose=0).history["loss"][0]
    p = np.asarray(model(people.x))
    assert loss == pytest.approx(-np.mean(np.log((p * people.y).sum(1))), rel=1e-5)
    assert model.evaluate(people.x, people.y, batch_size=5, verbose=0)[0] == pytest.approx(loss)


def test_batch_sizes_and_data_may_change_between_fits(net, people):
    model = net()
    for batch in (5, 7, 5):
        model.fit(people.x, people.y, batch_size=batch, verbose=0)
    model.fit(people.x[:9], people.y[:9], batch_size=5, verbose=0)
    assert int(model.optimizer.iterations) == 5 + 4 + 5 + 2


def test_frozen_layers_stay_as_they_are(net, people):
    model = net("adam")
    first, _last = model.layers
    first.trainable = False
    model.compile("adam", "categorical_crossentropy")
    before = model.get_weights()
    model.fit(people.x, people.y, epochs=2, verbose=0)
    after = model.get_weights()
    assert same(before[:2], after[:2])
    assert not same(before[2:], after[2:], 1e-4)
    first.trainable = True
    with pytest.raises(ValueError, match=r"(?s)built for.*Got .*Help: .*compile"):
        model.fit(people.x, people.y, verbose=0)
    model.compile("adam", "categorical_crossentropy")
    model.fit(people.x, people.y, verbose=0)
    assert not same(before[:2], model.get_weights()[:2], 1e-4)


def test_compiling_again_keeps_weights_and_starts_a_new_optimizer(net, people):
    model = net("adam")
    model.fit(people.x, people.y, verbose=0)
    before = model.get_weights()
    model.compile("sgd", "mse", metrics=["mae"])
    assert same(before, model.get_weights())
    assert list(model.fit(people.x, people.y, verbose=0).history) == ["loss", "mae"]
    assert int(model.optimizer.iterations) == 1


def test_references_to_old_values_stay_good(net, people):
    """Also of a state that is donated: what somebody else holds is copied first."""
    model = net("adam")
    model.fit(people.x, people.y, batch_size=5, verbose=0)
    held = [v.value for v in (*model.weights, *model.optimizer.variables)]
    copies = [np.array(a) for a in held]
    model.fit(people.x, people.y, batch_size=5, epochs=2, verbose=0)
    model.train_on_batch(people.x, people.y)
    assert all(np.array_equal(a, b) for a, b in zip(held, copies, strict=True))
    assert not same(copies[:4], model.get_weights(), 1e-4)


def test_caps_for_quick_trials(net, people):
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(3)
    try:
        model = net()
        history = model.fit(people.x, people.y, epochs=9, batch_size=5, verbose=0)
    finally:
        config.set_max_epochs(None)
        config.set_max_steps_per_epoch(None)
    assert history.epoch == [0, 1]
    assert int(model.optimizer.iterations) == 3 + 3


def test_dropout_draws_anew_in_every_step_and_fit(people):
    """A net of nothing but dropout and a fixed sum: its loss shows what was dropped."""
    model = lamina.Sequential(
        [
            lamina.Input((3,)),
            layers.Dropout(0.5, seed=1),
            layers.Dense(1, kernel_initializer="ones"),
        ]
    )
    model.compile(lamina.optimizers.SGD(0.0), "mse")
    x, y = np.ones((22, 3), "float32"), np.zeros((22, 1), "float32")
    losses = []
    watch = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: losses.append(logs["loss"]))
    for _ in range(2):
        model.fit(x, y, epochs=3, batch_size=5, verbose=0, callbacks=[watch])
    assert len(set(losses)) == 6
    assert model.evaluate(x, y, verbose=0) == pytest.approx(9.0)  # no dropout outside of training
