"""Event files, read back by a parser of its own: records, checksums, protocol buffers."""

import io
import json
import struct
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import lamina
from lamina import callbacks
from lamina.callbacks import TensorBoard


def crc32c(data):
    """Bit by bit, as the polynomial division is defined."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 * (crc & 1))
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


def records(data):
    """The bodies of the records of a file, both checksums of each compared."""
    found, at = [], 0
    while at < len(data):
        head = data[at : at + 8]
        (length,) = struct.unpack("<Q", head)
        assert struct.unpack("<I", data[at + 8 : at + 12])[0] == crc32c(head)
        body = data[at + 12 : at + 12 + length]
        assert struct.unpack("<I", data[at + 12 + length : at + 16 + length])[0] == crc32c(body)
        found.append(body)
        at += 16 + length
    return found


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data):
    """A message as a dictionary from the numbers of its fields to lists of raw values."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        else:
            size = {1: 8, 5: 4}.get(key & 7)
            if size is None:
                size, at = varint(data, at)
            value, at = data[at : at + size], at + size
        found.setdefault(key >> 3, []).append(value)
    return found


def tensor(message):
    parts = fields(message)
    shape = [fields(dim).get(1, [0])[0] for dim in fields(parts[2][0]).get(2, [])]
    if parts[1] == [7]:
        return parts[8]
    return np.frombuffer(parts[4][0], {1: "<f4", 2: "<f8"}[parts[1][0]]).reshape(shape)


def events(folder):
    """Tag, step, value and plugin of every value in the event files of a folder."""
    found = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        first, *rest = records(path.read_bytes())
        assert fields(first)[3] == [b"brain.Event:2"]
        for event in map(fields, rest):
            for value in map(fields, fields(event[5][0])[1]):
                plugin = fields(fields(value[9][0])[1][0])[1][0].decode()
                tag, step = value[1][0].decode(), event.get(2, [0])[0]
                found.append(
                    SimpleNamespace(tag=tag, step=step, value=tensor(value[8][0]), plugin=plugin)
                )
    return found


def series(found, tag):
    return {e.step: e.value for e in found if e.tag == tag}


def test_metrics_of_epochs(net, fit, tmp_path):
    model = net()
    history = fit(model, TensorBoard(tmp_path, write_steps_per_second=True)).history
    train, held = events(tmp_path / "train"), events(tmp_path / "validation")
    for name, values in history.items():
        source = held if name.startswith("val_") else train
        found = series(source, f"epoch_{name.removeprefix('val_')}")
        assert list(found) == [0, 1, 2]
        assert [float(v) for v in found.values()] == pytest.approx(values)
    assert float(series(train, "epoch_learning_rate")[0]) == pytest.approx(0.01)
    assert float(series(train, "epoch_steps_per_second")[2]) > 0
    assert list(series(held, "evaluation_loss_vs_iterations")) == [5, 10, 15]
    assert {e.plugin for e in train} == {"scalars", "graph_keras_model"}
    graph = next(e for e in train if e.tag == "keras")
    config = json.loads(graph.value[0])
    assert [layer["config"]["name"] for layer in config["config"]["layers"]][1:] == [
        "hidden",
        "out",
    ]


@pytest.mark.parametrize(("freq", "steps"), [("batch", range(1, 16)), (4, (4, 8, 12))])
def test_metrics_of_batches(net, fit, tmp_path, freq, steps):
    """Every fourth batch, with the values that a callback sees there."""
    seen = {}

    class Watch(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen[len(seen) + 1] = logs["loss"]

    options = {"shuffle": False}
    fit(net(), Watch(), **options)
    fit(net(), TensorBoard(tmp_path, update_freq=freq, write_graph=False), **options)
    found = series(events(tmp_path / "train"), "batch_loss")
    assert list(found) == list(steps)
    assert [float(v) for v in found.values()] == pytest.approx([seen[s] for s in steps], rel=1e-5)


def test_long_dispatches_between_writings(net, fit, tmp_path):
    dispatches = []

    class Count(callbacks.History):
        def on_dispatch_end(self, step, logs=None):
            dispatches.append(step)

    model = net()
    options = {"batch_size": 1, "validate": False, "epochs": 2}
    fit(model, **options)
    fit(model, TensorBoard(tmp_path, update_freq=20), Count(), **options)
    assert {20, 40} <= set(dispatches)
    assert len(dispatches) < 20


def test_weights_as_histograms_and_pictures(net, fit, tmp_path):
    model = net()
    fit(model, TensorBoard(tmp_path, histogram_freq=2, write_images=True), validate=False)
    found = events(tmp_path / "train")
    histograms = series(found, "net/hidden/kernel/histogram")
    assert list(histograms) == [0, 2]
    kernel, table = model.get_weights()[0], histograms[2]
    assert table.shape == (30, 3)
    counts, edges = np.histogram(kernel, 30)
    np.testing.assert_array_equal(table[:, 2], counts)
    np.testing.assert_allclose(table[:, 0], edges[:-1], rtol=1e-6)
    width, height, png = series(found, "net/hidden/kernel/image")[2]
    picture = Image.open(io.BytesIO(png))
    assert (int(width), int(height)) == picture.size == (4, 3)
    pixels = np.asarray(picture, "float32")
    assert (pixels.min(), pixels.max()) == (0, 255)
    span = kernel.max() - kernel.min()
    np.testing.assert_allclose(pixels, (kernel - kernel.min()) / span * 255, atol=1)


@pytest.mark.parametrize(
    ("shape", "images"),
    [
        ((5,), (1, 5, 1, 1)), ((6, 2), (1, 2, 6, 1)), ((2, 3, 4), (4, 2, 3, 1)),
        ((1, 3, 3, 8), (8, 3, 3, 1)), ((2, 3, 4, 3), (2, 3, 4, 3)), ((2, 3, 4, 5), None),
        ((), None),
    ],
)  # fmt: skip
def test_which_weights_are_pictures(shape, images):
    found = callbacks._tensorboard._as_images(np.ones(shape, "float32"))
    assert (None if found is None else found.shape) == images


def test_odd_values_have_histograms(tmp_path):
    file = callbacks._event_file.EventFile(tmp_path)
    for i, values in enumerate([[], [2.0, 2.0], [np.nan, np.inf, 1.0, 3.0]]):
        file.histogram("h", np.array(values), i)
    file.close()
    empty, same, finite = series(events(tmp_path), "h").values()
    assert empty[:, 2].sum() == 0
    assert same.tolist() == [[1.5, 2.5, 2.0]]
    assert finite[:, 2].sum() == 2
    assert (finite[0, 0], finite[-1, 1]) == (1.0, 3.0)


def test_the_projector_finds_embeddings_and_their_labels(tmp_path):
    layers = lamina.layers
    model = lamina.Sequential(
        [lamina.Input((2,), dtype="int32"), layers.Embedding(3, 2, name="words"), layers.Flatten()]
    )
    model.compile("sgd", "mse")
    x = np.array([[0, 1], [2, 2]])
    board = TensorBoard(
        tmp_path, embeddings_freq=1, embeddings_metadata={"words": "labels.tsv"}, write_graph=False
    )
    model.fit(x, np.ones((2, 4)), verbose=0, callbacks=[board])
    config = (tmp_path / "projector_config.pbtxt").read_text()
    assert 'tensor_path: "words.tsv"' in config
    assert 'metadata_path: "labels.tsv"' in config
    table = np.loadtxt(tmp_path / "words.tsv", delimiter="\t")
    np.testing.assert_allclose(table, model.get_weights()[0], rtol=1e-6)
    board = TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"word": "labels.tsv"})
    with pytest.raises(ValueError, match="did you mean 'words'"):
        model.fit(x, np.ones((2, 4)), verbose=0, callbacks=[board])


def test_evaluation_alone(net, data, tmp_path):
    net().evaluate(data.x, data.y, verbose=0, callbacks=[TensorBoard(tmp_path)])
    assert list(series(events(tmp_path / "validation"), "evaluation_loss_vs_iterations")) == [0]


def test_files_are_complete_when_training_breaks_off(net, fit, tmp_path):
    class Fail(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise RuntimeError

    with pytest.raises(RuntimeError):
        fit(net(), TensorBoard(tmp_path), Fail())
    assert list(series(events(tmp_path / "train"), "epoch_loss")) == [0]


def test_steps_go_on_in_a_run_that_goes_on(net, fit, tmp_path):
    class Fail(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise RuntimeError

    with pytest.raises(RuntimeError):
        fit(net(), TensorBoard(tmp_path / "t", update_freq=4), Fail(), resume=tmp_path / "run")
    fit(net(), TensorBoard(tmp_path / "t", update_freq=4), resume=tmp_path / "run")
    assert list(series(events(tmp_path / "t" / "train"), "batch_loss")) == [4, 8, 12]


def test_the_profiler_is_started_and_stopped(net, fit, tmp_path, monkeypatch):
    import jax

    calls = []
    monkeypatch.setattr(jax.profiler, "start_trace", lambda folder: calls.append("start"))
    monkeypatch.setattr(jax.profiler, "stop_trace", lambda: calls.append("stop"))

    class Watch(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            calls.append(int(self.model.optimizer.iterations))

    fit(net(), TensorBoard(tmp_path, profile_batch=(2, 3)), Watch(), epochs=1)
    assert calls == [1, "start", 2, "stop", 3, 4, 5]


@pytest.mark.parametrize(
    "options",
    [{"update_freq": 0}, {"update_freq": "often"}, {"profile_batch": (3, 2)},
     {"profile_batch": -1}, {"profile_batch": 1.5}],
)  # fmt: skip
def test_arguments_are_checked(options):
    with pytest.raises(ValueError, match="TensorBoard: expected"):
        TensorBoard(**options)


def test_the_checksum_is_castagnolis_not_zlibs():
    assert callbacks._event_file.crc32c(b"123456789") == 0xE3069283 != zlib.crc32(b"123456789")
