"""Callbacks: the order of calls is Keras', and what they see and change counts."""

import numpy as np
import pytest

import lamina
from lamina import callbacks, layers, optimizers

keras = pytest.importorskip("keras")

ENDS = ["on_train", "on_epoch", "on_test", "on_predict"]
BATCHES = ["on_train_batch", "on_test_batch", "on_predict_batch"]


def recorder(library, hooks: list[str]):
    """A callback of `library` that notes its calls: hook, number, names in the logs."""
    calls = []

    def note(name):
        def hook(self, *args, logs=None):
            *number, last = (*args, logs) if logs is not None else args
            calls.append((name, *number, tuple(sorted(last or {}))))

        return hook

    names = [f"{hook}_{end}" for hook in hooks for end in ("begin", "end")]
    cls = type("Recorder", (library.callbacks.Callback,), {name: note(name) for name in names})
    return cls(), calls


def run(library, hooks, people, steps_per_execution, **options):
    layers = library.layers
    model = library.Sequential([library.Input((3,)), layers.Dense(2, activation="softmax")])
    model.compile(
        "sgd", "categorical_crossentropy", metrics=["acc"], steps_per_execution=steps_per_execution
    )
    callback, calls = recorder(library, hooks)
    x, y = people.x[:20], people.y[:20]
    held = (x[:10], y[:10])
    model.fit(x, y, batch_size=5, epochs=3, verbose=0, callbacks=[callback], **options,
              validation_data=held, validation_freq=2)  # fmt: skip
    model.evaluate(*held, batch_size=5, verbose=0, callbacks=[callback])
    if steps_per_execution == 1:
        model.predict(x, batch_size=5, verbose=0, callbacks=[callback])
    return calls


@pytest.mark.parametrize("hooks", [ENDS, ENDS + BATCHES], ids=["epochs", "batches"])
@pytest.mark.parametrize("steps", [1, 2])
def test_calls_come_in_keras_order(people, hooks, steps):
    assert run(lamina, hooks, people, steps) == run(keras, hooks, people, steps)


def test_keras2_names_of_batch_hooks_are_called(people):
    wanted = run(keras, ["on_batch"], people, 1)
    assert run(lamina, ["on_batch"], people, 1) == wanted
    assert len(wanted) == 2 * 4 * 3


class Watch(callbacks.Callback):
    """Keeps the weights it sees after every batch, epoch or dispatch."""

    def __init__(self):
        super().__init__()
        self.kernels = []

    def look(self):
        self.kernels.append(self.model.weights[0].numpy())


class Batches(Watch):
    def on_train_batch_end(self, batch, logs=None):
        self.look()


class Epochs(Watch):
    def on_epoch_end(self, epoch, logs=None):
        self.look()


class Dispatches(Watch):
    def on_dispatch_end(self, step, logs=None):
        assert all(type(v) is float for v in logs.values())
        self.look()


@pytest.mark.usefixtures("both_paths")
class TestModel:
    @pytest.mark.parametrize(("cls", "looks"), [(Batches, 10), (Epochs, 2), (Dispatches, None)])
    def test_callbacks_see_the_current_weights(self, net, people, cls, looks):
        watch, model = cls(), net()
        model.fit(people.x, people.y, batch_size=5, epochs=2, verbose=0, callbacks=[watch])
        assert looks is None or len(watch.kernels) == looks
        assert all(
            not np.array_equal(a, b) for a, b in zip(watch.kernels, watch.kernels[1:], strict=False)
        )
        assert np.array_equal(watch.kernels[-1], model.get_weights()[0])

    def test_what_callbacks_change_counts(self, net, people):
        model = net("adam")
        seen = []

        class Change(callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 1:
                    model.set_weights([np.full_like(w, 7) for w in model.get_weights()])
                    model.optimizer.learning_rate = 0.0

            def on_epoch_end(self, epoch, logs=None):
                seen.append(model.get_weights()[0])

        model.fit(people.x, people.y, epochs=2, verbose=0, callbacks=[Change()])
        assert not np.any(seen[0] == 7)
        assert np.all(seen[1] == 7)
        assert float(model.optimizer.learning_rate) == 0

    def test_a_learning_rate_changed_between_batches_counts(self, net, people):
        model = net()
        watch = Batches()

        class Halt(callbacks.Callback):
            def on_train_batch_begin(self, batch, logs=None):
                model.optimizer.learning_rate = 0.1 if batch < 2 else 0.0

        model.fit(people.x, people.y, batch_size=5, verbose=0, callbacks=[Halt(), watch])
        moved = [
            not np.array_equal(a, b) for a, b in zip(watch.kernels, watch.kernels[1:], strict=False)
        ]
        assert moved == [True, False, False, False]

    def test_stopping_at_a_batch_or_an_epoch(self, net, people):
        class AtBatch(callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                self.model.stop_training = batch == 1

        class AtEpoch(callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                self.model.stop_training = epoch == 1

        model = net()
        options = {"batch_size": 5, "epochs": 5, "verbose": 0, "validation_split": 0.2}
        history = model.fit(people.x, people.y, callbacks=[AtBatch()], **options)
        assert int(model.optimizer.iterations) == 2
        assert history.epoch == [0]
        assert "val_loss" in history.history  # what is cut short is validated all the same
        assert model.fit(people.x, people.y, callbacks=[AtEpoch()], **options).epoch == [0, 1]

    def test_stopping_does_not_cut_validation_short(self, net, people):
        batches = []

        class Stop(callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                self.model.stop_training = True

            def on_test_batch_end(self, batch, logs=None):
                batches.append(batch)

        net().fit(
            people.x, people.y, batch_size=5, verbose=0, callbacks=[Stop()],
            validation_data=(people.x, people.y),
        )  # fmt: skip
        assert batches == [0, 1, 2, 3, 4]

    def test_evaluate_and_predict_inside_a_callback(self, net, people):
        model, plain = net(), net()
        scores = []

        class Look(callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                scores.append(model.evaluate(people.x, people.y, verbose=0)[0])
                assert model.predict(people.x, verbose=0).shape == (22, 2)

        options = {"batch_size": 5, "epochs": 3, "shuffle": False, "verbose": 0}
        model.fit(people.x, people.y, callbacks=[Look()], **options)
        plain.fit(people.x, people.y, validation_data=(people.x, people.y), **options)
        assert scores == pytest.approx(plain.history.history["val_loss"], rel=1e-6)
        assert model.history.history["loss"] == pytest.approx(plain.history.history["loss"])

    def test_an_exception_in_a_callback_keeps_what_was_learned(self, net, people):
        model = net()
        watch = Epochs()

        class Fail(callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                if epoch == 1:
                    raise RuntimeError("enough")

        with pytest.raises(RuntimeError, match="enough"):
            model.fit(people.x, people.y, epochs=5, verbose=0, callbacks=[watch, Fail()])
        assert np.array_equal(watch.kernels[-1], model.get_weights()[0])
        assert int(model.optimizer.iterations) == 2
        model.fit(people.x, people.y, verbose=0)  # and training can go on
        assert int(model.optimizer.iterations) == 3


def test_callbacks_are_given_model_and_params(net, people):
    seen = {}

    class Look(callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.update(self.params, model=self.model)

    model = net()
    model.fit(people.x, people.y, batch_size=5, epochs=2, verbose=0, callbacks=Look())
    assert seen == {"epochs": 2, "steps": 5, "verbose": 0, "model": model}


def test_logs_changed_by_a_callback_reach_the_history(net, people):
    class Add(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["lr"] = 0.5

    assert net().fit(people.x, people.y, verbose=0, callbacks=[Add()]).history["lr"] == [0.5]


def test_a_lambda_callback_without_batch_hooks_lets_epochs_run_whole(net, people):
    """No batch hook: the epoch is a few dispatches, not one per step."""
    dispatches = []

    class Count(callbacks.History):  # a display, which does not ask for the state in between
        def on_dispatch_end(self, step, logs=None):
            dispatches.append(step)

    model = net()
    watch = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)
    x, y = np.repeat(people.x, 10, 0), np.repeat(people.y, 10, 0)
    model.fit(x, y, batch_size=1, epochs=3, verbose=0, callbacks=[watch, Count()])
    assert dispatches.count(220) == 3
    assert len(dispatches) < 3 * 60


@pytest.mark.parametrize("verbose", [1, 2])
def test_progress_is_printed(net, people, capsys, verbose):
    model = net()
    model.fit(people.x, people.y, epochs=2, verbose=verbose, validation_split=0.2)
    model.evaluate(people.x, people.y, verbose=verbose)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert len(lines) == 3
    assert "Epoch 2/2" in lines[1]
    assert all(
        name in lines[1] for name in ("accuracy: ", "loss: ", "val_accuracy: ", "val_loss: ")
    )
    assert "loss: " in lines[2]


def test_verbose_0_prints_nothing(net, people, capsys):
    model = net()
    model.fit(people.x, people.y, verbose=0, validation_split=0.2)
    model.evaluate(people.x, people.y, verbose=0)
    model.predict(people.x, verbose=0)
    model.train_on_batch(people.x, people.y)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


class AtSecondEpoch(callbacks.Callback):
    """Does something to the model before its second epoch, and keeps its weights from then."""

    def __init__(self, act):
        super().__init__()
        self.act = act

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            self.act(self.model)
            self.weights = self.model.get_weights()


def still():
    """A schedule whose steps change nothing."""
    return optimizers.schedules.PiecewiseConstantDecay([0], [0.0, 0.0])


@pytest.mark.parametrize("rate", [0.1, optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)])
@pytest.mark.parametrize("other", [0.0, still()])
def test_a_learning_rate_of_another_kind_counts_from_the_next_epoch(rate, other):
    model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
    model.compile(optimizers.SGD(rate), "mse")
    x, y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")
    stop = AtSecondEpoch(lambda model: setattr(model.optimizer, "learning_rate", other))
    model.fit(x, y, epochs=3, verbose=0, callbacks=[stop])
    np.testing.assert_array_equal(model.get_weights()[0], stop.weights[0])
    model.optimizer.learning_rate = rate
    model.fit(x, y, verbose=0)
    assert not np.array_equal(model.get_weights()[0], stop.weights[0])


def test_a_schedule_in_a_wrapped_optimizer_counts_too():
    model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
    model.compile(optimizers.LossScaleOptimizer(optimizers.SGD(0.1)), "mse")
    x, y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")
    stop = AtSecondEpoch(lambda model: setattr(model.optimizer, "learning_rate", still()))
    model.fit(x, y, epochs=3, verbose=0, callbacks=[stop])
    np.testing.assert_array_equal(model.get_weights()[0], stop.weights[0])


@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_epoch_end", "on_test_begin"])
def test_a_callback_may_freeze_a_layer_and_compile_again(hook):
    class Compiles(callbacks.Callback):
        weights = None

    def act(self, *args, logs=None):
        if self.weights is None:
            self.model.layers[0].trainable = False
            self.model.compile(optimizers.Adam(0.01), "mae", metrics=["mse"])
            self.weights = self.model.get_weights()

    setattr(Compiles, hook, act)
    model = lamina.Sequential([lamina.Input((2,)), layers.Dense(2), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")
    compiles = Compiles()
    history = model.fit(
        x, y, epochs=3, verbose=0, validation_data=(x, y), callbacks=[compiles]
    ).history
    np.testing.assert_array_equal(model.get_weights()[0], compiles.weights[0])
    assert not np.array_equal(model.get_weights()[2], compiles.weights[2])
    assert len(history["loss"]) == 3
    assert {"mse", "val_mse"} <= set(history)
