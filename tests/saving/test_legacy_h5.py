"""Files `.h5`: those that real Keras 2.15 wrote (tests/data/keras2), and our own."""

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from lamina import layers, models, optimizers, saving, utils
from lamina._core import serialize
from lamina.saving import FileRefused, _legacy_h5, _legacy_optimizer, _model_file
from lamina.saving._hdf5 import open_hdf5
from lamina.saving._legacy_config import modern, modern_compile_config

FILES = Path(__file__).parents[1] / "data" / "keras2" / "files.zip"
WHOLE = (
    "sequential_dense", "functional_inputs", "convnet", "recurrent", "nested", "shared",
    "attention", "old_optimizer", "operators", "translator", "cudnn", "mixed",
)  # fmt: skip


@pytest.fixture(scope="module")
def keras2(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keras2")
    with zipfile.ZipFile(FILES) as archive:
        archive.extractall(folder)
    return folder


def inputs_of(arrays):
    named = {k[3:]: arrays[k] for k in arrays if k.startswith("in/")}
    return list(named.values()) if "x0" in named else named


def numbered(arrays, kind):
    return [arrays[k] for k in sorted(arrays) if k.startswith(f"{kind}/")]


def single(values):
    return values[0] if isinstance(values, list) and len(values) == 1 else values


def outputs(model, x):
    found = model.predict(single(x), verbose=0)
    return found if isinstance(found, list) else [found]


def check_predictions(model, arrays):
    expected = numbered(arrays, "out")
    for got, want in zip(outputs(model, inputs_of(arrays)), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)


def arrays_in(path):
    with np.load(path) as archive:
        return dict(archive)


def double(x):
    return 2.0 * x


@pytest.mark.parametrize("name", WHOLE)
def test_a_model_of_keras_2_predicts_and_trains_on(keras2, name):
    """The same outputs, and the same losses in the three epochs that follow."""
    arrays = arrays_in(keras2 / f"{name}.npz")
    model = saving.load_model(keras2 / f"{name}.h5", custom_objects={"double": double})
    check_predictions(model, arrays)
    if "losses" in arrays:
        history = model.fit(
            single(inputs_of(arrays)), single(numbered(arrays, "target")),
            batch_size=4, epochs=3, shuffle=False, verbose=0,
        ).history  # fmt: skip
        np.testing.assert_allclose(history["loss"], arrays["losses"], rtol=2e-6)


@pytest.mark.parametrize("name", ["sequential_dense", "functional_inputs", "nested"])
def test_a_keras_archive_of_keras_2(keras2, name):
    model = saving.load_model(keras2 / f"{name}.keras")
    check_predictions(model, arrays_in(keras2 / f"{name}.npz"))
    assert int(model.optimizer.iterations) == 2


@pytest.mark.parametrize("name", ["convnet", "recurrent", "nested"])
def test_weights_alone_in_order_or_by_name(keras2, name):
    """Into a model made in Python: here, the whole file of the same model has the other weights."""
    model = saving.load_model(keras2 / f"{name}.h5", compile=False)
    path, arrays = keras2 / f"{name}_weights.h5", arrays_in(keras2 / f"{name}_weights.npz")
    report = model.load_weights(path)
    assert report.ok
    assert len(report.matched) == sum(bool(x.weights) for x in model.layers)
    check_predictions(model, arrays)
    for variable in model.weights:
        variable.assign(variable * 0)
    model.load_weights(path, by_name=True)
    check_predictions(model, arrays)


def test_weights_of_a_subclassed_model(keras2):
    class Two(models.Model):
        def __init__(self):
            super().__init__()
            self.first = layers.Dense(3, activation="relu")
            self.second = layers.Dense(1)

        def call(self, x):
            return self.second(self.first(x))

    arrays, model = arrays_in(keras2 / "subclassed_weights.npz"), Two()
    model(arrays["in/x0"])
    model.load_weights(keras2 / "subclassed_weights.h5")
    check_predictions(model, arrays)


@utils.register_keras_serializable("legacy")
class Scored(models.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.score = layers.Dense(1)

    def call(self, query, item):
        return self.score(query * item)


def test_a_subclassed_model_of_several_inputs(tmp_path):
    """Its layers get other names when it is made anew."""
    model, x = Scored(), np.random.rand(2, 3)
    want = model(x, x)
    model.save(tmp_path / "m.h5")
    loaded = saving.load_model(tmp_path / "m.h5")
    assert loaded.score.name != model.score.name
    np.testing.assert_array_equal(loaded(x, x), want)


def small(*sizes):
    stack = [layers.Dense(n, name=f"d{i}") for i, n in enumerate(sizes)]
    return models.Sequential([layers.Input((3,)), *stack])


def test_weights_of_another_model_are_reported_and_change_nothing(tmp_path):
    path, source = tmp_path / "w.h5", small(4, 2)
    source.save_weights(path)
    other = small(4, 5)
    before = other.get_weights()
    with pytest.raises(FileRefused, match=r"(?s)1 loaded, 1 not.*d1 \(Dense\).*kernel \(4, 5\)"):
        other.load_weights(path)
    with pytest.raises(FileRefused, match="expected 3 layers with weights: d0, d1, d2"):
        small(4, 2, 2).load_weights(path)
    for now, then in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    with pytest.warns(UserWarning, match="some weights were not loaded"):
        report = other.load_weights(path, skip_mismatch=True)
    assert report.matched == ["d0"]
    assert [p.path for p in report.mismatched] == ["d1"]
    np.testing.assert_array_equal(other.layers[0].kernel, source.layers[0].kernel)
    np.testing.assert_array_equal(other.layers[1].kernel, before[2])
    longer = small(4, 2, 2)
    assert longer.load_weights(path, by_name=True).matched == ["d0", "d1"]


def test_long_lists_of_names_are_split(tmp_path):
    names = [f"{'layer' * 20}_{i}" for i in range(900)]
    with h5py.File(tmp_path / "names.h5", "w") as file:
        _legacy_h5._put_names(file, "layer_names", names)
        assert len(file.attrs) == 2
        file.create_dataset("weights", data=np.zeros(1_000_000))
        file.attrs["texts"] = names  # of varying length, in a file of 8 MB
    with open_hdf5(tmp_path / "names.h5") as root:
        assert _legacy_h5.read_names(root, "layer_names") == names
        assert _legacy_h5.read_names(root, "texts") == names


def test_equal_paths_of_weights_get_names_of_their_own():
    names = _legacy_h5._unlike_names(["d/kernel", "d/kernel", "d", "d_1", "d/kernel"])
    assert names == ["d/kernel", "d/kernel_1", "d_1", "d_1_1", "d/kernel_2"]


# --- what is refused -----------------------------------------------------------------------------


def edited(tmp_path, source, change):
    """A copy of a file with another configuration."""
    path = tmp_path / "edited.h5"
    path.write_bytes(source.read_bytes())
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config["config"]["layers"])
        file.attrs["model_config"] = json.dumps(config)
    return path


def test_code_is_never_run(keras2):
    with pytest.raises(FileRefused, match=r"(?s)double \(Lambda\).*code, which is never run.*"
                       r"custom_objects=\{'double': function\}"):  # fmt: skip
        saving.load_model(keras2 / "translator.h5")


@pytest.mark.parametrize(
    ("source", "layer", "change", "message"),
    [
        ("recurrent", 3, {"time_major": True}, r"(?s)gru \(GRU\).*time_major=True"),
        ("convnet", 5, {"groups": 2}, "groups=2"),
        ("operators", 2, {"function": "io.read_file"}, "tf.io.read_file"),
        ("operators", 2, {"function": ["math.multiply"]}, "counterpart"),
    ],
)
def test_what_has_no_counterpart_is_refused(keras2, tmp_path, source, layer, change, message):
    path = edited(tmp_path, keras2 / f"{source}.h5", lambda x: x[layer]["config"].update(change))
    with pytest.raises(FileRefused, match=message):
        saving.load_model(path)


@pytest.mark.parametrize(
    "nodes",
    [3, [[["a", 0, 0]], 5], [[["nowhere", 0, 0, {}]]], [[["dense", 0, 0, {}]]], [[["a", 0, 7, {}]]],
     [[["a", "0", 0, {}]]], [{"b": 3}]],
)  # fmt: skip
def test_broken_graphs_are_refused(keras2, tmp_path, nodes):
    path = edited(
        tmp_path, keras2 / "functional_inputs.h5", lambda x: x[1].update(inbound_nodes=nodes)
    )
    with pytest.raises(ValueError, match="expected"):
        saving.load_model(path)


def test_names_lead_nowhere_else(keras2, tmp_path):
    """Neither out of the group, nor over a link, nor to a group where an array should be."""
    path = tmp_path / "links.h5"
    for name, link in (
        ("../../dense_1/dense_1/kernel:0", None),
        ("away", h5py.ExternalLink("other.h5", "/data")),
        ("soft", h5py.SoftLink("/model_weights/dense/dense/kernel:0")),
        ("dense", None),
    ):
        path.write_bytes((keras2 / "functional_inputs.h5").read_bytes())
        with h5py.File(path, "r+") as file:
            group = file["model_weights/dense"]
            group.attrs["weight_names"] = [name, "dense/bias:0"]
            if link is not None:
                group[name] = link
        with pytest.raises(FileRefused):
            saving.load_model(path)


def test_a_file_of_weights_is_no_model(keras2, tmp_path):
    with pytest.raises(FileRefused, match="load_weights"):
        saving.load_model(keras2 / "convnet_weights.h5")
    model = small(2)
    model.save_weights(tmp_path / "new.weights.h5")
    with pytest.raises(ValueError, match="by_name"):
        model.load_weights(tmp_path / "new.weights.h5", by_name=True)


# --- configurations alone ------------------------------------------------------------------------


def test_json_of_keras_2(keras2):
    with h5py.File(keras2 / "shared.h5") as file:
        config = json.loads(file.attrs["model_config"])
    text = json.dumps({**config, "keras_version": "2.15.0", "backend": "tensorflow"})
    model = _model_file.model_from_json(text)
    assert [x.name for x in model.layers] == ["a", "b", "shared", "subtract", "dense"]
    assert model.get_layer("shared").kernel.shape == (3, 3)


OLD = [  # class, config, and what becomes of it
    ("GRU", {"units": 2}, {"units": 2, "reset_after": False}),
    ("LeakyReLU", {"alpha": {"type": "ndarray", "value": 0.3}}, {"negative_slope": 0.3}),
    ("BatchNormalization", {"axis": {"class_name": "ListWrapper", "items": [3]}, "fused": True},
     {"axis": 3}),
    ("Dense", {"units": 1, "activation": "softmax_v2"}, {"units": 1, "activation": "softmax"}),
    ("VarianceScaling", {"distribution": "normal"}, {"distribution": "truncated_normal"}),
    ("ThresholdedReLU", {"theta": 0.5}, {"threshold": 0.5}),
    ("Dense", {"kernel_initializer": {"class_name": "Zeros", "config": {"dtype": "float32"}}},
     {"kernel_initializer": {"class_name": "Zeros", "config": {}}}),
]  # fmt: skip


@pytest.mark.parametrize(("cls", "config", "expected"), OLD)
def test_old_arguments(cls, config, expected):
    assert modern({"class_name": cls, "config": config})["config"] == expected


def test_models_of_keras_2_0():
    """A Sequential was a list, its first layer knew the shape; optimizers had lr and decay."""
    dense = {"class_name": "Dense", "config": {"units": 2, "batch_input_shape": [None, 3],
                                               "name": "d", "dtype": "float32"}}  # fmt: skip
    model = serialize.deserialize_keras_object(modern({"class_name": "Sequential",
                                                       "config": [dense]}))  # fmt: skip
    assert model.input_shape == (None, 3)
    assert model.built
    config = modern_compile_config({
        "optimizer_config": {"class_name": "rmsprop", "config": {"lr": 0.1, "decay": 0.5,
                                                                 "epsilon": None}},
        "loss": "kullback_leibler_divergence", "metrics": ["acc"], "sample_weight_mode": None,
    })  # fmt: skip
    model.compile_from_config(config)
    rates = [float(model.optimizer.learning_rate)]
    model.optimizer.iterations.assign(2)
    rates.append(float(model.optimizer.learning_rate))
    np.testing.assert_allclose(rates, [0.1, 0.05], rtol=1e-6)


def test_optimizer_state_without_names():
    """Before TensorFlow's optimizers: the counter, then one slot of all weights after the other."""
    model = small(2)
    optimizer = optimizers.Adam()
    optimizer.build(model.trainable_variables)
    names = ["training/Adam/iterations:0", *(f"training/Adam/Variable_{i}:0" for i in range(4))]
    found = _legacy_optimizer.legacy_state(optimizer, names, [])
    kernel, bias = model.trainable_variables
    slots = optimizer._slots
    assert found == {
        optimizer._iterations: names[0], slots[kernel]["momentum"]: names[1],
        slots[bias]["momentum"]: names[2], slots[kernel]["velocity"]: names[3],
        slots[bias]["velocity"]: names[4],
    }  # fmt: skip
    assert _legacy_optimizer.legacy_state(optimizer, names[:3], []) is None
