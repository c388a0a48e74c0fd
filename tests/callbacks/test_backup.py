"""A run that was cut off goes on to the very same end: BackupAndRestore and fit(resume=...)."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import lamina
from lamina import callbacks
from lamina._core import random as core_random
from lamina.callbacks import BackupAndRestore, _state_file

draw = np.random.default_rng(0)
X = draw.normal(size=(44, 3)).astype("float32")
Y = (X.sum(1, keepdims=True) > 0).astype("float32")
EPOCHS, STEPS = 4, 4


class Noise(callbacks.Callback):
    """Uses numpy's and Python's generators and its own memory, as users' callbacks do."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append((batch, float(np.random.rand()), logs["loss"]))

    def on_epoch_begin(self, epoch, logs=None):
        rate = self.model.optimizer.learning_rate
        rate.assign(rate * np.float32(0.9))


class Cut(callbacks.Callback):
    """Does something after so many training batches."""

    def __init__(self, after, act):
        super().__init__()
        self.after, self.act, self.count = after, act, 0

    def on_train_batch_end(self, batch, logs=None):
        self.count += 1
        if self.count == self.after:
            self.act()


class Dark(Exception):
    pass


def power_cut():
    raise Dark


class Run:
    """One compiled model that can be set back to its start, and the end that it shall reach."""

    def __init__(self):
        lamina.utils.set_random_seed(3)
        layers = lamina.layers
        self.model = lamina.Sequential(
            [
                lamina.Input((3,)),
                layers.Dense(4, activation="relu"),
                layers.Dropout(0.5),
                layers.Dense(1, activation="sigmoid"),
            ]
        )
        self.model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        self.model.optimizer.build(self.model.trainable_variables)
        self.start = [v.numpy() for v in self.model.variables + self.model.optimizer.variables]
        self.history, self.noise = self.fit([])
        self.weights = self.model.get_weights()

    def set_back(self, seed=5):
        for v, value in zip(
            self.model.variables + self.model.optimizer.variables, self.start, strict=True
        ):
            v.assign(value)
        lamina.utils.set_random_seed(seed)

    def fit(self, more, seed=5, **options):
        self.set_back(seed)
        noise = Noise()
        watch = [
            callbacks.EarlyStopping("loss", patience=9, restore_best_weights=True),
            callbacks.ReduceLROnPlateau("val_loss", patience=1, min_delta=0.01),
        ]
        options = {"epochs": EPOCHS, "verbose": 0, **options}
        history = self.model.fit(
            X, Y, batch_size=10, validation_split=0.2, callbacks=[*more, *watch, noise], **options
        )
        return history, noise

    def same_end(self, history, noise):
        assert history.history == self.history.history
        assert history.epoch == self.history.epoch
        assert noise.seen == self.noise.seen
        for ours, wanted in zip(self.model.get_weights(), self.weights, strict=True):
            np.testing.assert_array_equal(ours, wanted)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Every copy is written when it is due."""
    monkeypatch.setattr(callbacks._backup, "SECONDS", 0.0)


@pytest.fixture(scope="module")
def run():
    return Run()


@pytest.mark.parametrize(
    ("save_freq", "after"), [("epoch", 6), ("epoch", 9), (1, 3), (1, 8), (3, 7), (3, 15)]
)
def test_the_end_is_the_same_bit_for_bit(run, tmp_path, save_freq, after):
    backup = BackupAndRestore(tmp_path / "b", save_freq)
    with pytest.raises(Dark):
        run.fit([backup, Cut(after, power_cut)])
    run.same_end(*run.fit([BackupAndRestore(tmp_path / "b", save_freq)], seed=99))
    assert not (tmp_path / "b").exists()


def press(number):
    return lambda: signal.raise_signal(number)


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_ctrl_c_and_sigterm_keep_the_step_they_come_in(run, tmp_path, number, error):
    before = signal.getsignal(number)
    with pytest.raises(error) as raised:
        run.fit([BackupAndRestore(tmp_path), Cut(6, press(number))])
    assert number == signal.SIGINT or raised.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(number) is before
    kept = _state_file.read(tmp_path / "latest.state")
    assert (kept["epoch"], kept["step"]) == (1, 2)
    run.same_end(*run.fit([BackupAndRestore(tmp_path)], seed=99))


def test_ctrl_c_during_validation_repeats_no_step(run, tmp_path):
    stop = callbacks.LambdaCallback(on_test_begin=lambda logs: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        run.fit([BackupAndRestore(tmp_path, save_freq=False), stop])
    count = Cut(0, None)
    run.same_end(*run.fit([BackupAndRestore(tmp_path, save_freq=False), count], seed=99))
    assert count.count == (EPOCHS - 1) * STEPS  # those of the first epoch were done


def test_a_run_without_batch_hooks_is_kept_inside_an_epoch_too(run, tmp_path):
    """Dispatches stop where a copy is due, though nobody looks at batches."""
    options = {"batch_size": 2, "verbose": 0, "epochs": 2}
    run.set_back()
    wanted = run.model.fit(X, Y, **options).history
    weights = run.model.get_weights()
    steps = []

    class Fail(callbacks.Callback):
        def on_dispatch_end(self, step, logs=None):
            steps.append(step)
            if len(steps) > 4:
                raise Dark

    run.set_back()
    with pytest.raises(Dark):
        run.model.fit(X, Y, callbacks=[BackupAndRestore(tmp_path, 7), Fail()], **options)
    assert 7 in steps
    run.set_back(99)
    again = run.model.fit(X, Y, callbacks=[BackupAndRestore(tmp_path, 7)], **options)
    assert again.history == wanted
    assert all(map(np.array_equal, run.model.get_weights(), weights))


def test_parts_of_a_pass_go_on_in_its_order(run, tmp_path):
    """With steps_per_epoch the order of the rows outlives the epoch."""
    options = {"batch_size": 10, "steps_per_epoch": 2, "epochs": 4, "verbose": 0}
    run.set_back()
    look = Cut(0, None)
    wanted = run.model.fit(X[:40], Y[:40], callbacks=[look], **options).history
    run.set_back()
    with pytest.raises(Dark):
        run.model.fit(X[:40], Y[:40], callbacks=[BackupAndRestore(tmp_path), Cut(3, power_cut)],
                      **options)  # fmt: skip
    run.set_back(99)
    again = run.model.fit(X[:40], Y[:40], callbacks=[BackupAndRestore(tmp_path), look], **options)
    assert again.history == wanted


def test_resume_goes_on_and_knows_when_it_is_done(run, tmp_path):
    with pytest.raises(Dark):
        run.fit([Cut(6, power_cut)], resume=tmp_path)
    run.same_end(*run.fit([], seed=99, resume=tmp_path))
    count = Cut(0, None)
    run.same_end(*run.fit([count], seed=99, resume=tmp_path))
    assert count.count == 0
    longer, _ = run.fit([count], seed=99, resume=tmp_path, epochs=EPOCHS + 1)
    assert longer.epoch == list(range(EPOCHS + 1))
    assert count.count == STEPS


def test_fast_epochs_do_not_wait_for_the_disk(run, tmp_path, monkeypatch):
    """One copy is written; the state of the last epoch follows when the run breaks off or ends."""
    monkeypatch.setattr(callbacks._backup, "SECONDS", 3600.0)
    write, writes = _state_file.write, []

    def count(path, state):
        writes.append((state["epoch"], state["step"]))
        write(path, state)

    monkeypatch.setattr(_state_file, "write", count)
    with pytest.raises(Dark):
        run.fit([BackupAndRestore(tmp_path), Cut(3 * STEPS + 2, power_cut)])
    assert writes == [(1, 0), (3, 0)]
    run.same_end(*run.fit([BackupAndRestore(tmp_path, delete_checkpoint=False)], seed=99))
    assert writes[2:] == [(4, 0)]
    with pytest.raises(KeyboardInterrupt):
        run.fit([BackupAndRestore(tmp_path / "b"), Cut(6, press(signal.SIGINT))])
    assert writes[3:] == [(1, 0), (1, 2)]
    assert set(_state_file.read(tmp_path / "b" / "latest.state")["callbacks"][0][1]) <= {
        "_batches_seen_since_last_saving",
        "_last_batch_seen",
    }
    monkeypatch.setattr(_state_file, "write", no_space)
    with pytest.raises(Dark), pytest.warns(UserWarning, match="No space left"):
        run.fit([Waiting(tmp_path / "c"), Cut(6, power_cut)])


def no_space(path, state):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Waiting(BackupAndRestore):
    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._written = time.monotonic()


def test_stopping_is_remembered(run, tmp_path):
    class Enough(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    first, _ = run.fit([Enough()], resume=tmp_path)
    assert first.epoch == run.fit([Enough()], resume=tmp_path)[0].epoch == [0, 1]


# --- what can go wrong ---------------------------------------------------------------------------


def cut_with_two_copies(run, folder):
    with pytest.raises(Dark):
        run.fit([BackupAndRestore(folder, 2, double_checkpoint=True), Cut(9, power_cut)])


@pytest.mark.parametrize("damage", [b"", b"no zip", None], ids=["empty", "noise", "a flipped bit"])
def test_a_damaged_copy_is_passed_over(run, tmp_path, capsys, damage):
    cut_with_two_copies(run, tmp_path)
    latest = tmp_path / "latest.state"
    data = bytearray(latest.read_bytes())
    data[len(data) // 2] ^= 1
    latest.write_bytes(data if damage is None else damage)
    history, noise = run.fit([BackupAndRestore(tmp_path, 2, True, False)], seed=99, verbose=2)
    run.same_end(history, noise)
    assert "latest.state" in capsys.readouterr().out
    assert (tmp_path / "latest.damaged").exists()


def test_when_no_copy_can_be_read_the_error_says_so(run, tmp_path):
    cut_with_two_copies(run, tmp_path)
    for name in ("latest.state", "previous.state"):
        (tmp_path / name).write_bytes(b"no zip")
    weights = run.model.get_weights()
    with pytest.raises(ValueError, match="expected a backup that can be read"):
        run.model.fit(X, Y, verbose=0, callbacks=[BackupAndRestore(tmp_path)])
    assert all(map(np.array_equal, run.model.get_weights(), weights))


def test_a_full_disk_leaves_the_last_copy_and_the_weights(run, tmp_path, monkeypatch):
    write, calls = np.lib.format.write_array, []

    def full(file, array, **options):
        calls.append(array.shape)
        if len(calls) > 60:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(file, array, **options)

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(OSError, match="No space left") as raised:
        run.fit([BackupAndRestore(tmp_path, 1)])
    assert raised.value.errno == errno.ENOSPC
    assert "last good copy is latest.state" in str(raised.value)
    assert int(run.model.optimizer.iterations) > 1
    assert [p.name for p in tmp_path.iterdir()] == ["latest.state"]
    monkeypatch.undo()
    run.same_end(*run.fit([BackupAndRestore(tmp_path, 1)], seed=99))


def test_other_models_and_other_data_are_refused(run, tmp_path):
    with pytest.raises(Dark):
        run.fit([BackupAndRestore(tmp_path, 1), Cut(2, power_cut)])
    other = lamina.Sequential([lamina.Input((3,)), lamina.layers.Dense(1)])
    other.compile("sgd", "mse")
    weights = other.get_weights()
    with pytest.raises(ValueError, match="expected the backup of this model"):
        other.fit(X, Y, verbose=0, callbacks=[BackupAndRestore(tmp_path)])
    assert all(map(np.array_equal, other.get_weights(), weights))
    with pytest.raises(ValueError, match="35 rows in batches of 10"):
        run.model.fit(X[:20], Y[:20], verbose=0, callbacks=[BackupAndRestore(tmp_path)])


@pytest.mark.parametrize(
    "options",
    [{"backup_dir": ""}, {"save_freq": 0}, {"save_freq": "batch"}, {"save_freq": 2.5}],
)
def test_arguments_are_checked(tmp_path, options):
    with pytest.raises(ValueError, match="BackupAndRestore: expected"):
        BackupAndRestore(**{"backup_dir": tmp_path, **options})


def test_files_of_others_stay(run, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    run.fit([BackupAndRestore(tmp_path)])
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


KILLED = """
    import itertools, os, signal, sys
    import numpy as np, lamina
    from lamina.callbacks import _backup

    _backup.SECONDS = 0.0
    folder, result, kill_at = sys.argv[1], sys.argv[2], int(sys.argv[3])
    lamina.utils.set_random_seed(1)
    count = itertools.count(1)

    def deadly(function):
        def call(*args, **options):
            if next(count) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **options)
        return call

    # Each of these is a moment of a write: an array, the flush, the two renamings.
    np.lib.format.write_array = deadly(np.lib.format.write_array)
    os.fsync, os.replace = deadly(os.fsync), deadly(os.replace)
    x = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
    layers = lamina.layers
    model = lamina.Sequential([lamina.Input((3,)), layers.Dense(2), layers.Dropout(0.5)])
    model.compile("adam", "mse")
    history = model.fit(x, x[:, :2], batch_size=4, epochs=6, verbose=0, resume=folder)
    moments = next(count)
    np.savez(result, loss=history.history["loss"], kernel=model.get_weights()[0])
    print(moments)
"""


def test_kill_9_in_the_middle_of_a_write(tmp_path):
    """Each process dies at another moment of its writes; the last one reaches the same end."""
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(KILLED))

    def process(folder, kill_at):
        result = tmp_path / f"{folder}.npz"
        command = [sys.executable, str(script), str(tmp_path / folder), str(result), str(kill_at)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        return done, np.load(result) if result.exists() else None

    done, wanted = process("whole", -1)
    moments = np.random.default_rng().integers(1, int(done.stdout) // 2, 2)
    for moment in moments:
        done, found = process("killed", moment)
        assert done.returncode == -signal.SIGKILL, f"at moment {moment}: {done.stderr}"
        assert found is None
    done, found = process("killed", -1)
    assert done.returncode == 0, done.stderr
    for name in wanted:
        np.testing.assert_array_equal(found[name], wanted[name], err_msg=f"killed at {moments}")


# --- the file ------------------------------------------------------------------------------------


def test_state_files_hold_what_callbacks_have(tmp_path):
    import jax.numpy as jnp

    state = {
        "plain": [1, 2.5, None, True, "text", float("inf"), 1 / 3],
        "nested": {"a": (1, [2, {"b": np.arange(3)}]), 7: "a number as key"},
        "short": jnp.arange(3, dtype="bfloat16"),
        "scalar": np.float32(0.1),
        "empty": np.zeros((0, 2)),
    }
    _state_file.write(tmp_path / "x", state)
    found = _state_file.read(tmp_path / "x")
    assert found["plain"] == state["plain"]
    assert found["nested"]["a"][:1] == (1,)
    assert isinstance(found["nested"]["a"], tuple)
    np.testing.assert_array_equal(found["nested"]["a"][1][1]["b"], np.arange(3))
    assert found["nested"][7] == "a number as key"
    assert found["short"].dtype == jnp.bfloat16
    assert found["short"].tolist() == [0, 1, 2]
    assert type(found["scalar"]) is np.float32
    assert found["scalar"] == np.float32(0.1)
    assert found["empty"].shape == (0, 2)
    with pytest.raises(ValueError, match="Object arrays"):
        _state_file.write(tmp_path / "x", np.array([object()]))
    assert _state_file.read(tmp_path / "x")["scalar"] == np.float32(0.1)


def test_what_callbacks_keep_by_default():
    class Mine(callbacks.Callback):
        def __init__(self, patience):
            super().__init__()
            self.patience, self.wait, self.best = patience, 2, {"loss": [np.ones(2)]}
            self.file, self.nested = object(), [object()]

    first, second = Mine(3), Mine(5)
    first.wait = 7
    state = first.state_dict()
    first.best["loss"][0] += 1
    second.load_state_dict(state)
    assert (second.patience, second.wait) == (5, 7)
    np.testing.assert_array_equal(second.best["loss"][0], [1, 1])
    assert set(state) == {"wait", "best"}


def test_the_global_generator_is_kept(run, tmp_path):
    run.set_back()
    lamina.random.normal((1,))
    drawn = []

    def note(*_, logs=None):
        drawn.append(float(lamina.random.uniform((1,))[0]))

    look = callbacks.LambdaCallback(on_epoch_end=note)
    options = {"epochs": 3, "verbose": 0, "batch_size": 10}
    run.model.fit(X[:40], Y[:40], callbacks=[look], **options)
    wanted, drawn[:] = list(drawn), []
    run.set_back()
    lamina.random.normal((1,))
    with pytest.raises(Dark):
        run.model.fit(X[:40], Y[:40], callbacks=[BackupAndRestore(tmp_path), look,
                                                 Cut(6, power_cut)], **options)  # fmt: skip
    core_random.reset_global_generator()
    run.model.fit(X[:40], Y[:40], callbacks=[BackupAndRestore(tmp_path), look], **options)
    assert drawn == wanted


# --- data that comes batch by batch --------------------------------------------------------------


def numbers():
    draw = np.random.default_rng(7)
    while True:
        x = draw.normal(size=(10, 3)).astype("float32")
        yield x, (x.sum(1, keepdims=True) > 0).astype("float32")


class Numbers(lamina.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        return X[10 * i : 10 * i + 10], Y[10 * i : 10 * i + 10]


@pytest.mark.parametrize(
    ("make", "options"),
    [(numbers, {"steps_per_epoch": 4}), (Numbers, {}), (Numbers, {"steps_per_epoch": 2})],
    ids=["one pass", "passes", "parts of passes"],
)
@pytest.mark.parametrize("after", [3, 5])
def test_streams_go_on_where_they_were(run, tmp_path, make, options, after):
    options = {"epochs": 3, "verbose": 0, **options}
    run.set_back()
    look = Cut(0, None)  # programs of single steps need not have the bits of others
    wanted = run.model.fit(make(), callbacks=[look], **options).history
    weights = run.model.get_weights()
    run.set_back()
    with pytest.raises(Dark):
        run.model.fit(
            make(), callbacks=[BackupAndRestore(tmp_path, 1), Cut(after, power_cut)], **options
        )
    run.set_back(99)
    again = run.model.fit(make(), callbacks=[BackupAndRestore(tmp_path, 1), look], **options)
    assert again.history == wanted
    assert all(map(np.array_equal, run.model.get_weights(), weights))


def test_ctrl_c_while_data_is_awaited_keeps_the_step(run, tmp_path):
    def slow(stop_at):
        for i, batch in enumerate(numbers()):
            if i == stop_at:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.3)
            yield batch

    options = {"epochs": 2, "steps_per_epoch": 4, "verbose": 0}
    run.set_back()
    wanted = run.model.fit(slow(-1), **options).history
    run.set_back()
    with pytest.raises(KeyboardInterrupt):
        run.model.fit(slow(6), callbacks=[BackupAndRestore(tmp_path, False)], **options)
    kept = _state_file.read(tmp_path / "latest.state")
    assert kept["epoch"] * 4 + kept["step"] == int(run.model.optimizer.iterations) > 0
    run.set_back(99)
    again = run.model.fit(slow(-1), callbacks=[BackupAndRestore(tmp_path, False)], **options)
    assert again.history == wanted
