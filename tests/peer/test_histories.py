"""Whole runs of `fit` beside real Keras: History, weights, and every call of a callback."""

import csv

import keras
import numpy as np
import pytest

import lamina

ROWS, BATCH = 40, 8
RATE = 0.05
draw = np.random.default_rng(2)
X = draw.normal(size=(ROWS, 3)).astype("float32")
NUMBER = (X.sum(1) + 0.3 * draw.normal(size=ROWS) > 0).astype("int32")
Y = np.eye(2, dtype="float32")[NUMBER]
WEIGHT = draw.uniform(0.2, 2.0, ROWS).astype("float32")
KERNELS = [draw.normal(size=s).astype("float32") for s in ((3, 4), (4, 2), (4, 1))]

HOOKS = [
    f"on_{what}_{end}"
    for what in ("train", "epoch", "test", "train_batch", "test_batch")
    for end in ("begin", "end")
]


def recorder(library, batches):
    """A callback of `library`, and the calls that it gets: hook, number, names in the logs."""
    calls = []

    def note(name):
        def hook(self, *args, logs=None):
            *number, last = (*args, logs) if logs is not None else args
            calls.append((name, *number, tuple(last or {})))

        return hook

    names = [name for name in HOOKS if batches or "batch" not in name]
    cls = type("Recorder", (library.callbacks.Callback,), {name: note(name) for name in names})
    return cls(), calls


def net(library, two=False, **options):
    """3-4-2 softmax, with a second output of one number if there shall be two."""
    layers = library.layers
    start = iter(KERNELS)

    def dense(units, **kwargs):
        first = library.initializers.Constant(next(start))
        return layers.Dense(units, kernel_initializer=first, **kwargs)

    inputs = layers.Input((3,))
    hidden = dense(4, activation="tanh", **options)(inputs)
    outputs = dense(2, activation="softmax", name="p")(hidden)
    if two:
        outputs = [outputs, dense(1, name="q")(hidden)]
    return library.Model(inputs, outputs)


class Scenario:
    """What is asked of both libraries.

    Args:
        compile: arguments of `compile` beside loss and metrics; functions get the library.
        callbacks: function of the library and a folder that returns callbacks.
        batches: whether a callback with batch hooks looks on.
        model: arguments of `net`.
        fit: arguments of `fit`.
    """

    def __init__(self, *, compile=None, callbacks=None, batches=False, model=None, **fit):
        self.compile, self.batches, self.model = compile or {}, batches, model or {}
        self.callbacks = callbacks or (lambda library, folder: [])
        self.fit = {"y": Y, "epochs": 4, **fit}

    def made(self, library):
        """A compiled model; those of scenarios without wishes of their own share one."""
        plain = not (self.compile or self.model)
        if plain and library in SHARED:
            model, start = SHARED[library]
            model.set_weights(start)
            model.optimizer.learning_rate = RATE
            model.optimizer.iterations.assign(0)
            return model
        model = net(library, **self.model)
        options = {
            "optimizer": library.optimizers.SGD(RATE),
            "loss": "categorical_crossentropy",
            "metrics": ["accuracy"],
            **{k: v(library) if callable(v) else v for k, v in self.compile.items()},
        }
        model.compile(**options)
        if plain:
            SHARED[library] = model, model.get_weights()
        return model

    def run(self, library, folder):
        model = self.made(library)
        watch, calls = recorder(library, self.batches)
        folder.mkdir()
        callbacks = [*self.callbacks(library, folder), watch]
        fit = model.fit(
            X, batch_size=BATCH, shuffle=False, verbose=0, callbacks=callbacks, **self.fit
        )
        return fit, calls, model


def stop(library, folder):
    return [
        library.callbacks.EarlyStopping(
            "val_loss", patience=1, min_delta=0.1, restore_best_weights=True
        )
    ]


def plateau(library, folder):
    return [
        library.callbacks.ReduceLROnPlateau(
            "loss", factor=0.3, patience=1, min_delta=0.05, cooldown=1, min_lr=0.01
        )
    ]


def halving(library, folder):
    return [library.callbacks.LearningRateScheduler(lambda epoch, lr: lr / 2 if epoch else lr)]


def halfway(library, folder):
    class Halt(library.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 2:
                self.model.optimizer.learning_rate = 0.5

        def on_train_batch_end(self, batch, logs=None):
            if batch == 3 and self.model.optimizer.iterations > 6:
                self.model.stop_training = True

    return [Halt()]


def averaged(library, folder):
    return [library.callbacks.SwapEMAWeights(swap_on_epoch=True)]


def logged(library, folder):
    names = library.callbacks
    return [names.CSVLogger(folder / "log.csv", separator=";"), names.TerminateOnNaN()]


def with_ema(library):
    return library.optimizers.SGD(RATE, use_ema=True, ema_momentum=0.5)


def decayed(library):
    schedule = library.optimizers.schedules.ExponentialDecay(0.2, 3, 0.5)
    return library.optimizers.Adam(schedule)


def many_metrics(library):
    names = library.metrics
    return ["acc", "mae", names.TopKCategoricalAccuracy(1), names.Precision(name="precision")]


SHARED = {}
BOTH = {"p": Y, "q": X[:, :1]}
SCENARIOS = {
    "early stopping, best weights": Scenario(
        callbacks=stop, validation_split=0.2, epochs=12
    ),
    "plateau": Scenario(callbacks=plateau, epochs=7),
    "scheduler": Scenario(callbacks=halving, validation_split=0.2),
    "schedule": Scenario(compile={"optimizer": decayed}),
    "validation every second epoch": Scenario(
        validation_data=(X[:16], Y[:16]), validation_freq=2, batches=True
    ),
    "validation at some epochs": Scenario(
        validation_data=(X[:16], Y[:16], WEIGHT[:16]), validation_freq=[1, 4],
        validation_batch_size=5, validation_steps=2, batches=True,
    ),
    "class weights": Scenario(class_weight={0: 0.3, 1: 2.0}),
    "sample weights": Scenario(
        sample_weight=WEIGHT, validation_split=0.2,
        compile={"weighted_metrics": ["accuracy", "mse"], "metrics": ["mae"]},
    ),
    "two outputs": Scenario(
        y=BOTH, validation_split=0.2, model={"two": True},
        compile={
            "loss": {"p": "categorical_crossentropy", "q": "mse"},
            "loss_weights": {"p": 1.0, "q": 0.25},
            "metrics": {"p": ["accuracy"], "q": ["mae"]},
        },
    ),
    "steps per epoch": Scenario(steps_per_epoch=2, epochs=2, batches=True),
    "initial epoch": Scenario(initial_epoch=2, epochs=4, callbacks=halving),
    "several metrics": Scenario(compile={"metrics": many_metrics}, validation_split=0.2),
    "batch hooks": Scenario(batches=True, validation_split=0.2),
    "steps per execution": Scenario(
        batches=True, epochs=1, steps_per_epoch=4, compile={"steps_per_execution": 2},
        validation_data=(X[:16], Y[:16]),
    ),
    "changes between batches": Scenario(callbacks=halfway, batches=True),
    "losses of layers": Scenario(
        model={"kernel_regularizer": "l2", "activity_regularizer": "l1"}, validation_split=0.2
    ),
    "averaged weights": Scenario(
        callbacks=averaged, validation_split=0.2, compile={"optimizer": with_ema}
    ),
    "a last, smaller batch and sparse labels": Scenario(
        y=NUMBER, validation_split=0.25, callbacks=logged,
        compile={"loss": "sparse_categorical_crossentropy"},
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_run(name, tmp_path):
    scenario = SCENARIOS[name]
    theirs, their_calls, their_model = scenario.run(keras, tmp_path / "keras")
    ours, our_calls, our_model = scenario.run(lamina, tmp_path / "lamina")
    assert ours.epoch == theirs.epoch
    assert list(ours.history) == list(theirs.history)
    for key, values in theirs.history.items():
        np.testing.assert_allclose(ours.history[key], values, rtol=1e-4, atol=1e-4, err_msg=key)
    assert our_calls == their_calls
    for mine, yours in zip(our_model.get_weights(), their_model.get_weights(), strict=True):
        np.testing.assert_allclose(mine, yours, rtol=1e-4, atol=1e-4)
    for file in (tmp_path / "keras").glob("*.csv"):
        rows = [
            list(csv.reader((tmp_path / who / file.name).read_text().split(), delimiter=";"))
            for who in ("lamina", "keras")
        ]
        assert rows[0][0] == rows[1][0]
        np.testing.assert_allclose(*(np.array(r[1:], "float") for r in rows), rtol=1e-4, atol=1e-4)


def test_the_scenarios_do_what_they_are_named_for(tmp_path):
    """Stopped early, lowered the rate: else the comparisons above would be hollow."""
    stopped, _, _ = SCENARIOS["early stopping, best weights"].run(lamina, tmp_path / "stop")
    assert len(stopped.epoch) < 12
    lowered, _, _ = SCENARIOS["plateau"].run(lamina, tmp_path / "plateau")
    assert len(set(lowered.history["learning_rate"])) > 2
