"""Callbacks that write files: ModelCheckpoint and CSVLogger."""

import csv
import errno
import os

import numpy as np
import pytest

import lamina
from lamina import callbacks
from lamina.callbacks import CSVLogger, ModelCheckpoint


def names(folder):
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("m.keras", {}),
        ("m.h5", {}),
        ("m.hdf5", {}),
        ("m.weights.h5", {"save_weights_only": True}),
        ("m.h5", {"save_weights_only": True}),
    ],
)
@pytest.mark.filterwarnings("ignore:.*HDF5")
def test_every_kind_of_file_can_be_loaded(net, fit, tmp_path, name, options):
    model = net()
    fit(model, ModelCheckpoint(tmp_path / "new" / name, **options), epochs=1)
    weights = model.get_weights()
    assert names(tmp_path / "new") == [name]
    if options:
        fit(model, epochs=1)
        model.load_weights(tmp_path / "new" / name)
    else:
        model = lamina.saving.load_model(tmp_path / "new" / name)
    for loaded, wanted in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(loaded, wanted)


def test_names_are_filled_in(net, fit, tmp_path):
    path = tmp_path / "{epoch:02d}-{val_acc:.2f}-{loss:.1f}.weights.h5"
    history = fit(net(), ModelCheckpoint(path, save_weights_only=True)).history
    wanted = [
        f"{e + 1:02d}-{history['val_accuracy'][e]:.2f}-{history['loss'][e]:.1f}.weights.h5"
        for e in range(3)
    ]
    assert names(tmp_path) == wanted
    with pytest.raises(ValueError, match=r"write {val_loss}"):
        fit(net(), ModelCheckpoint(tmp_path / "{val_los}.keras"))


@pytest.mark.parametrize("everybody", [False, True])
def test_every_so_many_batches(net, fit, tmp_path, everybody):
    """Also where nobody else looks at batches, so that dispatches are long."""
    seen = {}

    class Watch(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen[int(self.model.optimizer.iterations)] = self.model.get_weights()[0]

    save = ModelCheckpoint(
        tmp_path / "{epoch}-{batch}.weights.h5", save_weights_only=True, save_freq=4
    )
    model = net()
    fit(model, save, *([Watch()] * everybody))
    assert names(tmp_path) == [f"{n}.weights.h5" for n in ("1-4", "2-3", "3-2")]
    for name, step in (("1-4", 4), ("3-2", 12)):
        model.load_weights(tmp_path / f"{name}.weights.h5")
        if everybody:
            np.testing.assert_array_equal(model.get_weights()[0], seen[step])


def test_only_the_best(net, fit, tmp_path, capsys):
    values = iter([3.0, 4.0, 2.0, 2.5, 1.0])

    class Say(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_loss"] = next(values)

    save = ModelCheckpoint(
        tmp_path / "{epoch}.weights.h5", save_weights_only=True, save_best_only=True, verbose=1,
        initial_value_threshold=2.6,
    )  # fmt: skip
    fit(net(), Say(), save, epochs=5)
    assert names(tmp_path) == ["3.weights.h5", "5.weights.h5"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Epoch 1: val_loss did not improve from 2.60000"
    assert lines[2].startswith("Epoch 3: val_loss improved from 2.60000 to 2.00000, saved to")
    fit(net(), LambdaLogs(1.5), save, epochs=1)  # what was best once stays so
    assert names(tmp_path) == ["3.weights.h5", "5.weights.h5"]


class LambdaLogs(callbacks.Callback):
    def __init__(self, value):
        super().__init__()
        self.value = value

    def on_epoch_end(self, epoch, logs=None):
        logs["val_loss"] = self.value


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5"])
def test_a_full_disk_leaves_the_file_and_the_model(net, fit, tmp_path, monkeypatch, name):
    save = ModelCheckpoint(tmp_path / name, save_weights_only="weights" in name)
    model = net()
    fit(model, save, epochs=1)
    before = (tmp_path / name).read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as error:
        fit(model, save, epochs=1)
    assert error.value.errno == errno.ENOSPC
    assert "the file that was there is as it was" in str(error.value)
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_bytes() == before
    assert int(model.optimizer.iterations) == 10


def test_a_folder_in_the_way(net, fit, tmp_path):
    (tmp_path / "m.keras").mkdir()
    with pytest.raises(OSError, match="ModelCheckpoint: expected to be able to write"):
        fit(net(), ModelCheckpoint(tmp_path / "m.keras"), epochs=1)


# --- CSV -----------------------------------------------------------------------------------------


def rows(path, separator=","):
    with path.open(newline="") as file:
        return list(csv.reader(file, delimiter=separator))


def test_lines_are_epochs(net, fit, tmp_path):
    path = tmp_path / "new" / "log.csv"
    history = fit(net(), CSVLogger(path, separator=";")).history
    head, *lines = rows(path, ";")
    assert head == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    assert [line[0] for line in lines] == ["0", "1", "2"]
    assert [float(line[2]) for line in lines] == history["loss"]


def test_appending_and_writing_anew(net, fit, tmp_path):
    path = tmp_path / "log.csv"
    fit(net(), CSVLogger(path), epochs=1)
    fit(net(), CSVLogger(path, append=True), epochs=3, initial_epoch=1)
    assert [line[0] for line in rows(path)] == ["epoch", "0", "1", "2"]
    fit(net(), CSVLogger(path), epochs=1)
    assert [line[0] for line in rows(path)] == ["epoch", "0"]


def test_lists_and_missing_values(tmp_path):
    log = CSVLogger(tmp_path / "log.csv")
    log.on_train_begin()
    log.on_epoch_end(0, {"a": np.array([1, 2]), "b": "text, with comma"})
    log.on_epoch_end(1, {"a": np.float32(0.5)})
    log.on_train_end()
    assert rows(tmp_path / "log.csv") == [
        ["epoch", "a", "b", "val_a", "val_b"],
        ["0", '"[1, 2]"', "text, with comma", "NA", "NA"],
        ["1", "0.5", "NA", "NA", "NA"],
    ]


def test_a_run_that_goes_on_doubles_no_line(net, fit, tmp_path):
    path = tmp_path / "log.csv"
    fit(net(), CSVLogger(path), shuffle=False)
    wanted = path.read_text()

    class Late(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise RuntimeError("late: the line of this epoch is written, its copy is not")

    with pytest.raises(RuntimeError):
        fit(net(), CSVLogger(path), Late(), resume=tmp_path / "run", shuffle=False)
    assert len(rows(path)) == 3
    fit(net(), CSVLogger(path), resume=tmp_path / "run", shuffle=False)
    assert path.read_text() == wanted
