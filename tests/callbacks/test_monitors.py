"""Callbacks that watch a value: what they find, what they decide, what they refuse."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

import lamina
from lamina import callbacks
from lamina.callbacks import (
    EarlyStopping,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
)


class Actor:
    """A model as far as these callbacks look at it; its weights are the number of the epoch."""

    def __init__(self, library, metrics=()):
        self.optimizer = library.optimizers.SGD(1.0)
        self.metrics = list(metrics)
        self.stop_training, self.weights, self._validates = False, [0], True

    def get_weights(self):
        return list(self.weights)

    def set_weights(self, weights):
        self.weights = weights


def played(library, name, losses, **options):
    """What a callback of either library does, epoch by epoch, when it sees these losses."""
    callback = getattr(library.callbacks, name)(monitor="loss", **options)
    model = Actor(library)
    callback.set_model(model)
    callback.on_train_begin()
    acts = []
    for epoch, loss in enumerate(losses):
        model.weights = [epoch]
        callback.on_epoch_end(epoch, {"loss": loss})
        acts.append((bool(model.stop_training), round(float(model.optimizer.learning_rate), 6),
                     callback.wait))  # fmt: skip
    callback.on_train_end()
    return acts, model.weights, float(callback.best)


NAN = float("nan")
LOSSES = [
    [3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    [1.0, 2.0, 3.0, 0.5, 0.6, 0.7, 0.8],
    [1.0, NAN, 0.9, NAN, NAN, NAN, 0.1],
    [0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0],
    [5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0],
]
OPTIONS = {
    "EarlyStopping": [
        {}, {"patience": 2}, {"patience": 1, "min_delta": 0.1}, {"patience": 2, "mode": "max"},
        {"patience": 2, "restore_best_weights": True}, {"baseline": 0.45, "patience": 3},
        {"start_from_epoch": 3, "restore_best_weights": True},
    ],
    "ReduceLROnPlateau": [
        {"patience": 1}, {"patience": 2, "factor": 0.5, "cooldown": 2}, {"patience": 0},
        {"patience": 1, "min_delta": 0.1, "min_lr": 0.05}, {"patience": 1, "mode": "max"},
    ],
}  # fmt: skip


@pytest.mark.parametrize(("name", "options"), [(n, o) for n, os in OPTIONS.items() for o in os])
@pytest.mark.parametrize("losses", LOSSES, ids=range(len(LOSSES)))
def test_decisions_are_keras(name, options, losses):
    theirs = played(keras, name, losses, **options)
    np.testing.assert_equal(played(lamina, name, losses, **options), theirs)


@pytest.mark.parametrize(
    ("monitor", "logs", "found"),
    [
        ("val_acc", {"acc": 1, "val_accuracy": 2}, "val_accuracy"),
        ("acc", {"accuracy": 1, "val_accuracy": 2}, "accuracy"),
        ("accuracy", {"acc": 1}, "acc"),
        ("val_p_acc", {"val_p_accuracy": 1}, "val_p_accuracy"),
        ("mean_squared_error", {"mse": 1}, "mse"),
        ("acc", {"acc": 1, "accuracy": 2}, "acc"),
        ("val_vacc", {"val_accuracy": 2}, None),
    ],
)
def test_other_names_of_the_same_metric(monitor, logs, found):
    assert callbacks._monitor.find_log(monitor, logs) == found


class TestMissing:
    def test_the_error_names_what_there_is_and_the_nearest(self, net, fit):
        with pytest.raises(ValueError, match=r"monitor.*accuracy, loss, val_accuracy") as error:
            fit(net(), EarlyStopping("val_los", mode="min"))
        assert "monitor 'val_loss'" in str(error.value)

    def test_what_a_callback_before_adds_is_found(self, net, fit):
        class Add(callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                logs["val_f1"] = 0.5

        fit(net(), Add(), EarlyStopping("val_f1", mode="max"))
        model = net()
        with pytest.raises(ValueError, match="monitor 'val_f1'") as error:
            fit(model, Add(), EarlyStopping("val_f", mode="max"))
        assert int(model.optimizer.iterations) == 5
        assert "Raised in EarlyStopping.on_epoch_end" in error.value.__notes__[0]

    def test_the_name_is_checked_before_the_first_step(self, net, fit):
        model = net()
        for wrong in (
            ReduceLROnPlateau("val_los"), EarlyStopping("surprise"),
            ModelCheckpoint("x.keras", monitor="los", save_best_only=True),
        ):  # fmt: skip
            with pytest.raises(ValueError, match="expected a name in the logs"):
                fit(model, wrong)
        assert int(model.optimizer.iterations) == 0
        fit(model, ModelCheckpoint("{epoch}.weights.h5", monitor="los", save_weights_only=True,
                                   save_freq=99), epochs=1)  # fmt: skip

    @pytest.mark.parametrize("cls", [EarlyStopping, ReduceLROnPlateau])
    def test_without_validation_it_says_so(self, net, fit, cls):
        with pytest.raises(ValueError, match="validation_split="):
            fit(net(), cls(), validate=False)

    def test_validation_in_later_epochs_is_waited_for(self, net, fit):
        stop = EarlyStopping("val_acc", patience=0, min_delta=2)
        assert fit(net(), stop, validation_freq=2, epochs=9).epoch == [0, 1, 2, 3]

    def test_save_best_only_saves_nothing_then(self, net, fit, tmp_path):
        save = ModelCheckpoint(
            tmp_path / "{epoch}.weights.h5", save_best_only=True, save_weights_only=True
        )
        fit(net(), save, validation_freq=2)
        assert [p.name for p in tmp_path.iterdir()] == ["2.weights.h5"]

    def test_batches_have_no_validation(self, net, fit, tmp_path):
        save = ModelCheckpoint(tmp_path / "x.keras", save_best_only=True, save_freq=2)
        with pytest.raises(ValueError, match="save_freq='epoch'"):
            fit(net(), save)


class TestDirection:
    def direction(self, monitor, metrics=()):
        callback = EarlyStopping(monitor)
        callback.set_model(Actor(lamina, metrics))
        return callback._find_direction()

    def test_is_that_of_the_metric(self):
        auc = lamina.metrics.AUC(name="area")
        error = lamina.metrics.MeanSquaredError(name="mse")
        assert self.direction("val_area", [auc, error]) == "max"
        assert self.direction("mean_squared_error", [auc, error]) == "min"
        assert self.direction("val_p_loss") == self.direction("loss") == "min"
        accuracy = lamina.metrics.BinaryAccuracy(name="acc")
        assert self.direction("val_p_accuracy", [accuracy]) == "max"

    def test_of_a_stranger_has_to_be_given(self):
        with pytest.raises(ValueError, match="write mode='max' or mode='min'"):
            self.direction("val_surprise", [lamina.metrics.Mean(name="surprise")])


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: EarlyStopping(mode="maximum"), "'min', 'max' or 'auto'"),
        (lambda: EarlyStopping(min_delta="1"), "number as `min_delta`"),
        (lambda: ReduceLROnPlateau(factor=1.0), "below 1 as `factor`"),
        (lambda: ReduceLROnPlateau(faktor=0.1), "faktor"),
        (lambda: LearningRateScheduler(0.1), "function of"),
        (lambda: ModelCheckpoint("x.ckpt"), r"'.keras' or '.h5' or '.hdf5'"),
        (lambda: ModelCheckpoint("x.keras", save_weights_only=True), "'x.weights.h5'"),
        (lambda: ModelCheckpoint("x.keras", save_freq="batch"), "save_freq=100"),
    ],
)
def test_arguments_are_checked(make, error):
    with pytest.raises(ValueError, match=error):
        make()


class TestLearningRate:
    def test_schedules_of_one_and_of_two_arguments(self, net, fit):
        model = net()
        one = LearningRateScheduler(lambda epoch: 1 / (epoch + 1))
        assert fit(model, one).history["learning_rate"] == pytest.approx([1, 1 / 2, 1 / 3])
        two = LearningRateScheduler(lambda epoch, lr: np.float32(lr * 2), verbose=1)
        assert fit(model, two).history["learning_rate"] == pytest.approx([2 / 3, 4 / 3, 8 / 3])

    def test_what_a_schedule_raises_is_not_swallowed(self, net, fit):
        def broken(epoch, lr):
            return lr + "x"

        with pytest.raises(TypeError, match="unsupported operand"):
            fit(net(), LearningRateScheduler(broken))

    @pytest.mark.parametrize("value", [None, "0.1", [0.1, 0.2]])
    def test_it_must_return_a_number(self, net, fit, value):
        with pytest.raises(ValueError, match="expected a number from `schedule`"):
            fit(net(), LearningRateScheduler(lambda epoch: value))

    def test_an_optimizer_with_a_schedule_of_its_own_is_refused(self):
        schedule = lamina.optimizers.schedules.CosineDecay(0.1, 10)
        model = SimpleNamespace(optimizer=lamina.optimizers.SGD(schedule))
        callback = LearningRateScheduler(lambda epoch: 0.1)
        callback.set_model(model)
        with pytest.raises(ValueError, match="follows a schedule of its own"):
            callback.on_epoch_begin(0)

    def test_several_optimizers_are_logged_by_name(self):
        first, second = lamina.optimizers.SGD(1.0, name="a"), lamina.optimizers.SGD(2.0, name="b")
        model = SimpleNamespace(optimizer=SimpleNamespace(optimizers=[first, second]))
        callback = LearningRateScheduler(lambda epoch, lr: lr / 2)
        callback.set_model(model)
        callback.on_epoch_begin(0)
        logs = {}
        callback.on_epoch_end(0, logs)
        assert logs == {"learning_rate_a": 0.5, "learning_rate_b": 1.0}

    def test_a_change_needs_no_new_program(self, net, fit):
        model = net()
        fit(model, epochs=1)
        programs = dict(model._programs)
        fit(model, LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1)))
        assert model._programs == programs
        assert all(p.ready for p in programs.values() if hasattr(p, "ready"))


def test_messages_say_what_happened(net, fit, capsys):
    fit(net(), EarlyStopping("loss", min_delta=9, patience=1, verbose=1, restore_best_weights=True),
        ReduceLROnPlateau("loss", min_delta=9, patience=1, verbose=1), epochs=5)  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "Epoch 2: learning_rate is lowered to 0.001",
        "Epoch 2: stopped, since loss no longer improved",
        "The weights of epoch 1, the best one, are put back",
    ]
