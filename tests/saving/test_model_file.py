"""`.keras` files and files of weights: all or nothing, told in a report, never half."""

import copy
import io
import json
import os
import pickle
import random
import signal
import subprocess
import sys
import time
import zipfile

import h5py
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.saving import FileRefused, load_model, load_weights, save_model, save_weights


def small(units=4, **names):
    return lamina.Sequential(
        [lamina.Input((3,)), layers.Dense(units, name="first"), layers.Dense(2, name="second")]
    )


def equal(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def changed(path, name, change):
    """Write the archive anew, with a member changed."""
    with zipfile.ZipFile(path) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    members[name] = change(members[name])
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)


# --- what does not fit --------------------------------------------------------------------------


def test_weights_of_another_shape_are_told_and_nothing_is_changed(tmp_path):
    path = tmp_path / "m.weights.h5"
    small(4).save_weights(path)
    model = small(5)
    before = model.get_weights()
    with pytest.raises(FileRefused) as caught:
        model.load_weights(path)
    text = str(caught.value)
    assert "0 loaded, 2 not" in text
    assert f"{model.name}/first (Dense)" in text
    assert "kernel (3, 5), bias (5,)" in text
    assert "(3, 4), (4,)" in text
    assert equal(before, model.get_weights())


def test_one_layer_that_does_not_fit_keeps_all_from_loading_unless_skipped(tmp_path):
    path = tmp_path / "m.weights.h5"
    giver = lamina.Sequential([lamina.Input((3,)), layers.Dense(4), layers.Dense(3)])
    giver.save_weights(path)
    model = small(4)
    before = model.get_weights()
    with pytest.raises(FileRefused, match=r"1 loaded, 1 not"):
        model.load_weights(path)
    assert equal(before, model.get_weights())
    with pytest.warns(UserWarning, match=r"kernel \(4, 2\), bias \(2,\) +\(4, 3\), \(3,\)"):
        report = model.load_weights(path, skip_mismatch=True)
    assert equal(giver.get_weights()[:2], model.get_weights()[:2])
    assert equal(before[2:], model.get_weights()[2:])
    assert report.matched == ["layers/dense"]
    assert [p.path for p in report.mismatched] == ["layers/dense_1"]
    assert not report.ok


def test_missing_and_unused_layers_are_told(tmp_path):
    path = tmp_path / "m.weights.h5"
    one = lamina.Sequential([lamina.Input((3,)), layers.Dense(4)])
    one.save_weights(path)
    with pytest.raises(FileRefused, match=r"nothing at layers/dense_1/vars"):
        small(4).load_weights(path)
    small(4).save_weights(path)
    report = one.load_weights(path)
    assert report.ok
    assert report.unused == ["layers/dense_1"]


def test_objects_to_skip(tmp_path):
    path = tmp_path / "m.weights.h5"
    giver, model = small(4), small(4)
    save_weights(giver, path, objects_to_skip=[giver.layers[1]])
    before = model.get_weights()
    with pytest.raises(FileRefused, match=r"second \(Dense\) +kernel"):
        load_weights(model, path)
    report = load_weights(model, path, objects_to_skip=[model.layers[1]])
    assert report.matched == ["layers/dense"]
    assert equal(before[2:], model.get_weights()[2:])
    assert equal(giver.get_weights()[:2], model.get_weights()[:2])


def test_a_layer_that_fails_leaves_the_others_and_its_own_attributes(tmp_path):
    class Counting(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.table = {"a": 1}

        def call(self, x):
            return x

        def save_own_variables(self, store):
            store["table"] = np.ones(3)

        def load_own_variables(self, store):
            self.table = store["table"]
            raise ValueError("no, not this one")

    def make():
        return lamina.Sequential([lamina.Input((3,)), layers.Dense(3), Counting()])

    path = tmp_path / "m.weights.h5"
    make().save_weights(path)
    model = make()
    before = model.get_weights()
    with pytest.raises(FileRefused, match="no, not this one"):
        model.load_weights(path)
    assert equal(before, model.get_weights())
    assert model.layers[1].table == {"a": 1}


def test_damage_in_the_last_array_changes_nothing(tmp_path):
    path = tmp_path / "m.weights.h5"
    model = small()
    with h5py.File(path, "w") as file:
        for i, layer in enumerate(model.layers):
            group = file.create_group(f"layers/dense{'_1' * i}/vars")
            for j, w in enumerate(layer.get_weights()):
                group.create_dataset(str(j), data=w * 0, chunks=w.shape, compression="gzip",
                                     fletcher32=True)  # fmt: skip
        offset = file["layers/dense_1/vars/1"].id.get_chunk_info(0).byte_offset
    data = bytearray(path.read_bytes())
    data[offset] ^= 255
    path.write_bytes(data)
    before = model.get_weights()
    with pytest.raises(FileRefused, match="damaged data"):
        model.load_weights(path)
    assert equal(before, model.get_weights())


def test_what_a_path_must_be(tmp_path):
    model = small()
    with pytest.raises(ValueError, match=r"ends in '.weights.h5'(?s:.*)Help: write 'm.weights.h5'"):
        model.save_weights(tmp_path / "m.bin")
    with pytest.raises(ValueError, match=r"ends in '.keras'"):
        model.save(tmp_path / "m")
    with pytest.raises(FileNotFoundError, match="no file"):
        load_model(tmp_path / "none.keras")
    model.save(tmp_path / "m.keras")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save(tmp_path / "m.keras", overwrite=False)
    with pytest.raises(ValueError, match="objects_to_skip"):
        model.load_weights(tmp_path / "m.keras", by_index=True)
    model.save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(FileRefused, match=r"weights alone(?s:.*)call its load_weights"):
        load_model(tmp_path / "m.weights.h5")
    unbuilt = lamina.Sequential([layers.Dense(2)])
    for method in (unbuilt.save_weights, unbuilt.load_weights):
        with pytest.raises(ValueError, match="expected a built model"):
            method(tmp_path / "m.weights.h5")
    model.load_weights(tmp_path / "m.keras")


# --- whole models -------------------------------------------------------------------------------


def test_files_in_memory():
    model, file = small(), io.BytesIO()
    save_model(model, file)
    file.seek(0)
    assert equal(load_model(file).get_weights(), model.get_weights())


def test_without_compile(tmp_path):
    model = small()
    model.compile("adam", "mse")
    model.save(tmp_path / "m.keras")
    assert load_model(tmp_path / "m.keras").optimizer.name == "adam"
    assert not load_model(tmp_path / "m.keras", compile=False).compiled


def test_a_loss_without_a_name_is_left_out_with_a_warning(tmp_path):
    model = small()
    model.compile("adam", lambda y, p: lamina.ops.mean((y - p) ** 2))
    with pytest.warns(UserWarning, match=r"(?s)compile\(\) was given is not saved.*write a `def`"):
        again = saved_and_loaded(model, tmp_path)
    assert not again.compiled
    assert equal(again.get_weights(), model.get_weights())


def test_a_model_whose_record_tells_too_few_shapes_is_loaded_by_its_weights(tmp_path):
    class Two(lamina.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.a, self.b = layers.Dense(2), layers.Dense(2)

        def call(self, x, z):
            return self.a(x) + self.b(z)

    x, z, path = np.ones((1, 3)), np.ones((1, 4)), tmp_path / "m.keras"
    model = Two()
    expected = model(x, z)
    again = saved_and_loaded(model, tmp_path, custom_objects={"Two": Two})
    assert equal(again(x, z), expected)
    model._build_shapes = {"input_shape": (1, 3)}  # as Keras has it
    model.save(path)
    with pytest.raises(ValueError, match=r"all arguments of `call`(?s:.*)then load_weights"):
        load_model(path, {"Two": Two})
    other = Two()
    other(x, z)
    other.load_weights(path)
    assert equal(other(x, z), expected)


def test_layers_that_two_models_share_stay_one(tmp_path):
    shared = layers.Dense(3, name="shared")
    x = lamina.Input((3,))
    inner = lamina.Model(x, shared(x), name="inner")
    y = lamina.Input((3,))
    model = lamina.Model(y, shared(inner(y)))
    for again in (
        lamina.models.model_from_json(model.to_json()),
        saved_and_loaded(model, tmp_path),
    ):
        first, second = again.get_layer("inner").get_layer("shared"), again.get_layer("shared")
        assert first is second
        assert len(again.weights) == 2
    assert "shared_object_id" not in small().to_json()


def saved_and_loaded(model, folder, **options):
    model.save(folder / "again.keras")
    return load_model(folder / "again.keras", **options)


def test_custom_classes_by_name_and_what_to_write_where_one_is_missing(tmp_path):
    class Twice(layers.Layer):
        def call(self, x):
            return 2 * x

    model = lamina.Sequential([lamina.Input((3,)), Twice()])
    with pytest.raises(ValueError, match=r"custom_objects={'Twice': Twice}"):
        saved_and_loaded(model, tmp_path)
    again = saved_and_loaded(model, tmp_path, custom_objects={"Twice": Twice})
    assert type(again.layers[0]) is Twice
    lamina.saving.register_keras_serializable("shop")(Twice)

    @lamina.saving.register_keras_serializable("shop")
    def bent(x):
        return 0.5 * x

    model.add(layers.Activation(bent))
    assert type(saved_and_loaded(model, tmp_path).layers[0]) is Twice
    for name in ("shop>Twice", "shop>bent"):
        del lamina._core.serialize._custom[name]
    with pytest.raises(ValueError, match=r"register_keras_serializable\('shop'\) above it"):
        load_model(tmp_path / "again.keras")
    again = load_model(tmp_path / "again.keras", {"Twice": Twice, "bent": bent})
    assert again(np.ones((1, 3))).tolist() == [[1.0] * 3]


def test_code_in_a_file_is_refused_with_the_recipe(tmp_path):
    path = tmp_path / "m.keras"
    model = lamina.Sequential([lamina.Input((3,)), layers.Lambda(lamina.ops.square)])
    model.save(path)

    def with_code(config):
        record = json.loads(config)
        record["config"]["layers"][1]["config"]["function"] = {
            "class_name": "__lambda__", "config": {"value": ["4wAAAA==", None, None]},
        }  # fmt: skip
        return json.dumps(record).encode()

    changed(path, "config.json", with_code)
    for safe_mode in (True, False, None):
        with pytest.raises(ValueError, match=r"(?s)without code in it.*write the function as a"):
            load_model(path, safe_mode=safe_mode)


def test_what_no_file_can_describe_is_told_with_its_place(tmp_path):
    model = lamina.Sequential([lamina.Input((3,)), layers.Dense(3), layers.Lambda(lambda x: x)])
    with pytest.raises(ValueError, match="write a `def`") as caught:
        model.save(tmp_path / "m.keras")
    assert "layers/lambda" in caught.value.__notes__[0]
    assert not list(tmp_path.iterdir())


def test_operations_of_users_in_a_graph(tmp_path):
    class Times(lamina.Operation):
        def __init__(self, factor, name=None):
            super().__init__(name)
            self.factor = factor

        def call(self, x):
            return x * self.factor

    x = lamina.Input((3,))
    model = lamina.Model(x, Times(3.0)(x))
    again = saved_and_loaded(model, tmp_path, custom_objects={"Times": Times})
    assert again(np.ones((1, 3))).tolist() == [[3.0] * 3]


def test_a_model_larger_than_its_weights_is_refused_before_memory_is_taken(tmp_path):
    path = tmp_path / "m.keras"
    small().save(path)
    changed(path, "config.json", lambda c: c.replace(b'"units": 4', b'"units": 1000000000000'))
    with pytest.raises(ValueError, match="weights of a record: expected at most"):
        load_model(path)
    with pytest.raises(ValueError, match="weights of a record: expected at most"):
        lamina.models.model_from_json(small().to_json().replace('"units": 4', f'"units": {10**15}'))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_go_on_training_alike(copied):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 3)).astype("float32"), rng.normal(size=(8, 2)).astype("float32")
    model = small()
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(x, y, verbose=0)
    again = copied(model)
    assert not {id(w) for w in again.variables} & {id(w) for w in model.variables}
    history = [m.fit(x, y, epochs=2, verbose=0, shuffle=False).history for m in (model, again)]
    assert history[0] == history[1]


def test_weights_in_shards_take_their_names_together(tmp_path):
    model, path = small(), tmp_path / "m.weights.json"
    model.save_weights(path, max_shard_size=7e-8)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["m.weights.json", "m_00000.weights.h5", "m_00001.weights.h5"]
    table = json.loads(path.read_text())
    assert table["metadata"]["total_size"] == sum(w.nbytes for w in model.get_weights())
    other = small()
    other.load_weights(path)
    assert equal(other.get_weights(), model.get_weights())
    with pytest.raises(ValueError, match="max_shard_size"):
        model.save_weights(path, max_shard_size=1e-9)
    other.load_weights(path)
    (tmp_path / names[1]).unlink()
    with pytest.raises(FileRefused, match=r"file 'm_00000.weights.h5' beside it"):
        other.load_weights(path)


def test_a_killed_save_leaves_the_old_file_or_the_new(tmp_path):
    program = f"""
import lamina, itertools
model = lamina.Sequential([lamina.Input((200,)), lamina.layers.Dense(200)])
print("ready", flush=True)
for i in itertools.count():
    model.set_weights([w * 0 + i for w in model.get_weights()])
    model.save({str(tmp_path / "m.keras")!r})
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE
    )
    path = tmp_path / "m.keras"
    assert process.stdout.readline() == b"ready\n"
    while not path.exists():
        time.sleep(0.01)
    for _ in range(5):  # the file is whole at every moment
        weights = load_model(path).get_weights()
        assert len({w.flat[0] for w in weights}) == 1
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    weights = load_model(path).get_weights()
    assert all((w == weights[0].flat[0]).all() for w in weights)


def test_a_file_that_is_refused_draws_no_random_numbers(tmp_path):
    path = tmp_path / "m.keras"
    small().save(path)
    changed(path, "model.weights.h5", lambda data: data[:-1000])
    lamina.utils.set_random_seed(1)
    expected = [random.random(), np.random.rand()]
    lamina.utils.set_random_seed(1)
    with pytest.raises(FileRefused):
        load_model(path)
    assert [random.random(), np.random.rand()] == expected


def test_weights_in_a_deflated_archive(tmp_path):
    path = tmp_path / "m.keras"
    model = lamina.Sequential([lamina.Input((300,)), layers.Dense(1000)])
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    assert equal(load_model(path).get_weights(), model.get_weights())
