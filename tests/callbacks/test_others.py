"""TerminateOnNaN, SwapEMAWeights, RemoteMonitor, LambdaCallback and lists of callbacks."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qs

import numpy as np
import pytest

import lamina
from lamina import callbacks
from lamina.callbacks import LambdaCallback, RemoteMonitor, SwapEMAWeights, TerminateOnNaN

# --- TerminateOnNaN ------------------------------------------------------------------------------


@pytest.fixture
def exploding(net, data):
    """Fits on inputs that become infinite in the third batch."""

    def run(*watch, **options):
        x = data.x.copy()
        x[16:] = np.inf
        model = net()
        options = {"batch_size": 8, "epochs": 4, "verbose": 0, "shuffle": False, **options}
        return model, model.fit(x, data.y, callbacks=list(watch), **options)

    return run


@pytest.mark.parametrize("batches", [False, True])
def test_training_ends_at_the_first_loss_that_is_no_number(exploding, capsys, batches):
    ends = []
    watch = [TerminateOnNaN(), LambdaCallback(on_train_end=ends.append)]
    if batches:
        watch.append(LambdaCallback(on_train_batch_end=lambda batch, logs: None))
    model, history = exploding(*watch)
    assert history.epoch == [0]
    assert np.isnan(history.history["loss"]).all()
    assert len(ends) == 1
    if batches:
        assert int(model.optimizer.iterations) == 3
        assert capsys.readouterr().out == "Batch 2: the loss is nan; training ends\n"


def test_it_does_not_make_dispatches_short(net, fit):
    steps = []

    class Count(callbacks.History):
        def on_dispatch_end(self, step, logs=None):
            steps.append(step)

    model = net()
    options = {"batch_size": 1, "validate": False, "epochs": 2}
    fit(model, **options)
    fit(model, TerminateOnNaN(), Count(), **options)
    assert len(steps) < 20


def test_it_raises_if_asked_to(exploding):
    ends = []
    with pytest.raises(RuntimeError, match="expected a finite loss"):
        exploding(TerminateOnNaN(raise_error=True), LambdaCallback(on_train_end=ends.append))
    assert ends == []


# --- SwapEMAWeights ------------------------------------------------------------------------------


@pytest.fixture
def averaging(net):
    return net(lamina.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.9))


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_evaluation_and_prediction_see_the_averages(averaging, fit, data, swap_on_epoch):
    model, seen = averaging, {}

    class Look(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen["raw"] = model.get_weights()[0]
            seen["mean"] = model.optimizer._averages[0].numpy()

        def on_test_batch_end(self, batch, logs=None):
            np.testing.assert_array_equal(model.get_weights()[0], seen["mean"])
            seen["tests"] = seen.get("tests", 0) + 1

        def on_epoch_end(self, epoch, logs=None):
            wanted = seen["mean" if swap_on_epoch else "raw"]
            np.testing.assert_array_equal(model.get_weights()[0], wanted)

    fit(model, SwapEMAWeights(swap_on_epoch), Look())
    assert seen["tests"] == 6
    np.testing.assert_array_equal(model.get_weights()[0], seen["mean"])
    raw = [w * 2 for w in model.get_weights()]
    model.set_weights(raw)
    model.predict(data.x, verbose=0, callbacks=[SwapEMAWeights()])
    np.testing.assert_array_equal(model.get_weights()[0], raw[0])  # in place, and back


def test_the_averages_are_the_weights_also_after_an_early_end(averaging, fit):
    model, means = averaging, []

    class Enough(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            means.append(model.get_weights()[0])
            self.model.stop_training = epoch == 1

    fit(model, SwapEMAWeights(swap_on_epoch=True), Enough())
    assert len(means) == 2
    np.testing.assert_array_equal(model.get_weights()[0], means[-1])


def test_an_optimizer_without_averages_is_refused(net, fit):
    model = net()
    with pytest.raises(ValueError, match="make it with use_ema=True"):
        fit(model, SwapEMAWeights())
    assert int(model.optimizer.iterations) == 0


# --- RemoteMonitor -------------------------------------------------------------------------------


@contextmanager
def server(status=200):
    """A server on this machine that keeps what is posted to it."""
    posted = []

    class Keep(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            posted.append((self.path, dict(self.headers), body))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Keep) as one:
        thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{one.server_port}", posted
        finally:
            one.shutdown()
            thread.join()


LOGS = {"loss": np.float32(0.5), "list": np.array([1, 2]), "name": "x"}
SENT = {"epoch": 3, "loss": 0.5, "list": [1, 2], "name": "x"}


@pytest.mark.parametrize("status", [200, 500])
def test_logs_are_posted_as_a_form_or_as_json(status):
    with server(status) as (root, posted):
        RemoteMonitor(root, headers={"X-Key": "k"}).on_epoch_end(3, LOGS)
        RemoteMonitor(root, path="/here", send_as_json=True).on_epoch_end(3, LOGS)
    (path, headers, form), (other_path, other_headers, text) = posted
    assert (path, other_path) == ("/publish/epoch/end/", "/here")
    assert headers["X-Key"] == "k"
    assert json.loads(parse_qs(form)["data"][0]) == json.loads(text) == SENT
    assert other_headers["Content-Type"] == "application/json"


def test_a_server_that_is_not_there_is_told_and_training_goes_on():
    with server() as (root, _):
        pass
    with pytest.warns(UserWarning, match="cannot be reached"):
        RemoteMonitor(root).on_epoch_end(0, {"loss": 0.5})
    with pytest.raises(ValueError, match="http://"):
        RemoteMonitor("localhost:9000")


# --- lists, functions, errors --------------------------------------------------------------------


def test_hooks_that_are_none_are_refused():
    with pytest.raises(ValueError, match="did you mean 'on_epoch_end'"):
        LambdaCallback(on_epoch_ends=print)
    with pytest.raises(ValueError, match="expected a function"):
        LambdaCallback(on_epoch_end="print")


def test_lists_in_lists_are_one_list(net, fit):
    order = []
    one, two, three = (LambdaCallback(on_epoch_end=lambda *_, i=i: order.append(i)) for i in "123")
    fit(net(), [one, (two, None)], three, epochs=1)
    assert order == ["1", "2", "3"]


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin", "on_test_end"])
def test_an_exception_names_the_callback_and_ends_the_others(net, fit, hook):
    ended = []

    def fail(*args):
        raise ZeroDivisionError("mine")

    class Others(callbacks.Callback):
        def on_train_end(self, logs=None):
            ended.append("end")

        def on_interrupt(self):
            ended.append("interrupt")

    with pytest.raises(ZeroDivisionError, match="mine") as error:
        fit(net(), Others(), LambdaCallback(**{hook: fail}))
    assert f"LambdaCallback.{hook}" in error.value.__notes__[0]
    assert ended == ["interrupt"]


def test_callbacks_that_are_no_callbacks_are_refused(net, fit):
    with pytest.raises(TypeError, match=r"as EarlyStopping\(\)"):
        fit(net(), callbacks.EarlyStopping)


def test_counted_batches_ask_for_the_shortest_wait():
    def counting(freq):
        return callbacks.ModelCheckpoint("x.keras", save_freq=freq)

    listed = callbacks.CallbackList([counting(7), counting(3), counting("epoch")])
    assert not listed.wants_each_batch("train")
    assert listed.wants_batches("train")
    assert listed.batches_left("train") == 3
    listed.callbacks[1]._should_save_on_batch(0)
    assert listed.batches_left("train") == 2
    assert not callbacks.CallbackList([counting("epoch")]).wants_batches("train")

    class Mine(callbacks.ModelCheckpoint):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)

    assert callbacks.CallbackList([Mine("x.keras")]).wants_each_batch("train")


def test_a_message_ends_the_line_of_the_progress_bar(monkeypatch):
    closed = []
    bar = SimpleNamespace(close=lambda: closed.append(True))
    monkeypatch.setattr(callbacks._progress, "_drawing", [bar])
    callbacks._progress.say("hello")
    assert closed == [True]


def test_callbacks_of_epochs_let_epochs_run_whole(tmp_path):
    one = callbacks.LearningRateScheduler(lambda epoch: 0.1)
    watch = [callbacks.EarlyStopping(), callbacks.ReduceLROnPlateau(), SwapEMAWeights(), one]
    write = [
        callbacks.ModelCheckpoint(tmp_path / "x.keras"), callbacks.CSVLogger(tmp_path / "x.csv"),
        callbacks.BackupAndRestore(tmp_path), callbacks.TensorBoard(tmp_path), RemoteMonitor(),
    ]  # fmt: skip
    listed = callbacks.CallbackList([*watch, *write, TerminateOnNaN()])
    assert not any(listed.wants_batches(kind) for kind in ("train", "test", "predict"))
