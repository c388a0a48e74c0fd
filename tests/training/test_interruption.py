"""Ctrl-C: training stops between two dispatches, and what was learned stays."""

import signal

import numpy as np
import pytest

from lamina import callbacks
from lamina._training.plan import Interruption, Pace


def press():
    signal.raise_signal(signal.SIGINT)


class AtEpoch(callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.kernel = self.model.weights[0].numpy()
        if epoch == 2:
            press()


class AtBatch(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.kernel = self.model.weights[0].numpy()
        if batch == 3:
            press()


class AtDispatch(callbacks.Callback):
    def on_dispatch_end(self, step, logs=None):
        self.kernel = self.model.weights[0].numpy()
        if step == 5:
            press()


@pytest.mark.usefixtures("both_paths")
@pytest.mark.parametrize(
    ("cls", "steps", "epochs"), [(AtEpoch, 15, [0, 1, 2]), (AtBatch, 4, []), (AtDispatch, 5, [0])]
)
def test_weights_and_history_of_the_last_dispatch_are_kept(net, people, cls, steps, epochs):
    model, callback = net(), cls()
    with pytest.raises(KeyboardInterrupt):
        model.fit(people.x, people.y, batch_size=5, epochs=9, verbose=0, callbacks=[callback])
    assert int(model.optimizer.iterations) == steps
    assert model.history.epoch == epochs
    assert len(model.history.history.get("loss", [])) == len(epochs)
    assert np.array_equal(model.get_weights()[0], callback.kernel)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    model.fit(people.x, people.y, batch_size=5, verbose=0)
    assert int(model.optimizer.iterations) == steps + 5


@pytest.mark.parametrize("hook", ["on_epoch_end", "on_train_end"])
def test_a_late_one_is_not_swallowed(net, people, hook):
    model = net()
    late = callbacks.LambdaCallback(**{hook: lambda *args, logs=None: press()})
    with pytest.raises(KeyboardInterrupt):
        model.fit(people.x, people.y, verbose=0, callbacks=[late])
    assert int(model.optimizer.iterations) == 1


def test_in_evaluate(net, people):
    stop = callbacks.LambdaCallback(on_test_batch_end=lambda batch, logs: press())
    with pytest.raises(KeyboardInterrupt):
        net().evaluate(people.x, people.y, batch_size=5, verbose=0, callbacks=[stop])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_first_is_noted_and_the_second_raised():
    with Interruption() as interruption:
        interruption.check()
        press()
        with pytest.raises(KeyboardInterrupt):
            interruption.check()
        with pytest.raises(KeyboardInterrupt):
            press()


def test_somebody_elses_handler_is_left_alone():
    presses = []
    before = signal.signal(signal.SIGINT, lambda number, frame: presses.append(number))
    try:
        with Interruption() as interruption:
            press()
            interruption.check()
    finally:
        signal.signal(signal.SIGINT, before)
    assert presses == [signal.SIGINT]


def test_pace_grows_until_a_dispatch_takes_its_target():
    pace = Pace()
    assert pace.stop(0, 1000) == 1  # the first compiles
    pace.took(1, 5.0)
    assert pace.stop(1, 1000) == 2  # the second is timed
    pace.took(1, 0.0015)
    assert pace.stop(2, 1000) == 102
    assert pace.stop(950, 1000) == 1000
    pace.took(100, 100.0)
    assert pace.stop(102, 1000) == 103  # slower than the target: still a step at a time
    assert [Pace(fixed=4).stop(start, 10) for start in (0, 4, 8)] == [4, 8, 10]
