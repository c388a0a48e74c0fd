"""Artifacts of models: StableHLO files, and ONNX where its packages are there."""

import json
import zipfile

import jax
import numpy as np
import pytest

import lamina
from lamina import layers, models, ops
from lamina.export import ExportArchive, _onnx, load
from lamina.layers import InputSpec
from lamina.saving import FileRefused


def dense():
    return models.Sequential(
        [
            layers.Input((3,), name="x"),
            layers.Dense(4, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(2, activation="softmax"),
        ]
    )


def convnet():
    stack = [layers.Input((6, 6, 1)), layers.Conv2D(2, 3, padding="same"), layers.MaxPooling2D(2),
             layers.DepthwiseConv2D(2), layers.UpSampling2D(), layers.Flatten()]  # fmt: skip
    return models.Sequential(stack)


def recurrent():
    both = layers.Bidirectional(layers.LSTM(2, return_sequences=True))
    embedding = layers.Embedding(5, 3, mask_zero=True)
    stack = [layers.Input((None,), dtype="int32"), embedding, both, layers.GRU(2)]
    return models.Sequential(stack)


def attention():
    a, b = layers.Input((4, 3), name="a"), layers.Input((2, 3), name="b")
    y = layers.MultiHeadAttention(2, 2)(a, b)
    y = layers.LayerNormalization()(y + a * 2.0)
    return models.Model({"a": a, "b": b}, {"mean": ops.mean(y, axis=1), "all": y})


@pytest.mark.parametrize("make", [dense, convnet, recurrent, attention])
def test_models_for_every_batch(make, tmp_path):
    """The export itself compares the outputs for one batch; here another size, and other data."""
    model, path = make(), tmp_path / "model.stablehlo"
    model.export(path, verbose=False)
    exported = load(path)
    rng = np.random.default_rng(0)
    shapes = {t.name: (5, *(n or 7 for n in t.shape[1:])) for t in model.inputs}
    ints = model.inputs[0].dtype == "int32"
    arrays = {k: rng.integers(0, 5, s) if ints else rng.normal(size=s) for k, s in shapes.items()}
    x = arrays if len(arrays) > 1 else next(iter(arrays.values()))
    want, got = model(x), exported.serve(x)
    assert jax.tree.structure(got) == jax.tree.structure(want)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_what_an_artifact_holds(tmp_path, capsys):
    model, path = dense(), tmp_path / "model.stablehlo"
    model.export(path)
    assert "serve" in capsys.readouterr().out
    exported = load(path)
    assert len(exported.variables) == len(model.variables)
    assert len(exported.trainable_variables) == len(model.trainable_variables)
    np.testing.assert_array_equal(exported.variables[0], model.variables[0])
    assert exported.signatures["serve"] == [{"name": "x", "shape": [None, 3], "dtype": "float32"}]
    with zipfile.ZipFile(path) as archive:
        assert {"manifest.json", "variables.h5", "serve.jax", "serve.mlirbc"} == {
            i.filename for i in archive.infolist()
        }
        assert archive.read("serve.mlirbc")[:4] == b"ML\xefR"  # MLIR bytecode
    for wrong in (np.ones((2, 4)), [np.ones((2, 3))] * 2, np.ones(3)):
        with pytest.raises(ValueError, match="expected"):
            exported.serve(wrong)


def test_endpoints_of_an_archive(tmp_path, capsys):
    class Ranker(models.Model):
        def __init__(self):
            super().__init__()
            self.score = layers.Dense(1, name="score")
            self.drop = layers.Dropout(0.5)

        def call(self, query, item, training=False):
            return self.score(self.drop(ops.concatenate([query, item], axis=-1)))

    model, x = Ranker(), np.random.rand(4, 2).astype("float32")
    want = model(x, x)
    loose = lamina.Variable(3.0, name="loose")
    spec = InputSpec(shape=(None, 2), dtype="float32")
    archive = ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", model)
    archive.add_endpoint("pair", lambda both: model(*both), input_signature=[[spec, spec]])
    archive.add_endpoint("tripled", lambda x: loose * x, input_signature=[spec])
    archive.add_variable_collection("kept", [loose, model.score.kernel])
    archive.write_out(tmp_path / "a", verbose=False)
    loose.assign(5.0)
    exported = load(tmp_path / "a")
    assert exported.endpoints == ["serve", "pair", "tripled"]
    np.testing.assert_allclose(exported(x, x), want, rtol=1e-6)
    np.testing.assert_allclose(exported.pair([x, x]), want, rtol=1e-6)
    np.testing.assert_allclose(exported.tripled(x), 3 * x, rtol=1e-6)
    assert float(exported.kept[0]) == 3.0
    for call, message in (
        (lambda: archive.add_endpoint("serve", model), "a new name"),
        (lambda: archive.add_endpoint("variables", model), "a new name"),
        (lambda: archive.add_endpoint("a b", model), "a name like"),
        (lambda: archive.add_endpoint("other", lambda x: x), "input_signature"),
        (lambda: archive.add_endpoint("other", model, [(None, 3)]), "InputSpec"),
        (lambda: archive.track(layers.Dense(2)), "has its weights"),
        (lambda: ExportArchive().write_out(tmp_path / "b"), "add_endpoint first"),
        (lambda: ExportArchive("saved_model"), "needs TensorFlow"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_formats_that_are_not_written_say_what_to_use(tmp_path):
    for format, message in (
        ("tf_saved_model", r"(?s)needs TensorFlow.*format='onnx'"),
        ("stablhlo", "did you mean 'stablehlo'"),
        ("litert", "LiteRT"),
    ):
        with pytest.raises(ValueError, match=message):
            dense().export(tmp_path / "x", format=format)
    with pytest.raises(ValueError, match="has its weights"):
        models.Sequential([layers.Dense(2)]).export(tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_outputs_that_differ_are_an_error_and_leave_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model"
    path.write_text("old")
    monkeypatch.setattr("lamina.export._artifact._Method.__call__", lambda self, x: x * 0)
    model = models.Sequential([layers.Input((3,)), layers.Rescaling(2.0)])
    with pytest.raises(ValueError, match="expected output 0 to be as the model's"):
        model.export(path)
    assert path.read_text() == "old"
    model.export(path, check=False, verbose=False)
    assert path.read_text("latin1")[:2] == "PK"


def test_other_files_and_calls_into_python_are_refused(tmp_path):
    path = tmp_path / "model"
    dense().save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"expected a member 'manifest\.json'"):
        load(tmp_path / "m.keras")
    archive = ExportArchive()
    spec = InputSpec(shape=(2,), dtype="float32")
    archive.add_endpoint("plain", lambda x: x + 1, [spec])
    archive.write_out(path, verbose=False)
    shape, target = jax.ShapeDtypeStruct((2,), "float32"), "xla_ffi_python_cpu_callback"
    program = jax.export.export(
        jax.jit(lambda values, x: jax.ffi.ffi_call(target, shape)(x)),
        disabled_checks=[jax.export.DisabledSafetyCheck.custom_call(target)],
    )([], shape)
    for data, message in (
        (program.serialize(), "a call into Python"),
        (b"damaged", "expected a program"),
    ):
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "bad", "w") as new:
            for name in old.namelist():
                new.writestr(name, data if name == "plain.jax" else old.read(name))
        with pytest.raises(ValueError, match=message):
            load(tmp_path / "bad")


@pytest.mark.parametrize(
    ("key", "value"),
    [("format", "other"), ("endpoints", {}), ("endpoints", {"__class__": []}), ("variables", 3),
     ("variables", ["one"]), ("collections", {"variables": [99]}), ("collections", [])],
)  # fmt: skip
def test_manifests_that_do_not_fit_are_refused(tmp_path, key, value):
    model, path = models.Sequential([layers.Input((2,)), layers.Dense(1)]), tmp_path / "model"
    model.export(path, verbose=False, check=False)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(parts["manifest.json"])
    if isinstance(manifest[key], dict) and value:
        value = {**manifest[key], **value} if isinstance(value, dict) else value
    parts["manifest.json"] = json.dumps({**manifest, key: value}).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    with pytest.raises(FileRefused):
        load(path)


def test_what_onnx_gets_is_the_model_in_plain_operations():
    """Windows as slices, calls written out; the packages of ONNX are not needed for that."""
    model = models.Sequential(
        [layers.Input((7, 7, 2)), layers.Activation("silu"),
         layers.MaxPooling2D(3, strides=2, padding="same")]
    )  # fmt: skip
    x = np.random.rand(2, 7, 7, 2).astype("float32")
    plain = _onnx._plain(lambda x: (model(x, training=False),), [x])
    names = {e.primitive.name for e in jax.make_jaxpr(plain)(x).eqns}
    assert "reduce_window_max" not in names
    assert "jit" not in names
    np.testing.assert_allclose(plain(x)[0], model(x), rtol=1e-6)


def test_onnx(tmp_path):
    pytest.importorskip("jax2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    for make in (convnet, recurrent, attention):
        model, options = make(), {}
        if make is recurrent:
            options = {"input_signature": [InputSpec(shape=(None, 4), dtype="int32")]}
        model.export(tmp_path / "m.onnx", format="onnx", verbose=False, **options)
    model = dense()
    model.export(tmp_path / "m.onnx", format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    x = np.random.rand(5, 3).astype("float32")
    np.testing.assert_allclose(session.run(None, {"x": x})[0], model(x), rtol=1e-5)
