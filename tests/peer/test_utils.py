"""Records, custom objects and batches as `keras.utils` handles them."""

import keras
import numpy as np
import pytest

import lamina

ARRAY = np.arange(4, dtype="float32").reshape(2, 2)
VALUES = {
    "plain": None, "number": 1.5, "text": "a", "list": [1, [2, "b"]], "dictionary": {"a": [1]},
    "numpy number": np.float32(0.5), "array": ARRAY, "slice": slice(1, None, 2), "bytes": b"ab",
    "ellipsis": ...,
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_values_as_records(name):
    record = lamina.utils.serialize_keras_object(VALUES[name])
    assert record == keras.utils.serialize_keras_object(VALUES[name])
    again = lamina.utils.deserialize_keras_object(record)
    assert repr(again) == repr(keras.utils.deserialize_keras_object(record))


OBJECTS = {
    "loss": lambda api: api.losses.Huber(0.5, name="h"),
    "metric": lambda api: api.metrics.AUC(name="a", thresholds=[0.2, 0.7]),
    "initializer": lambda api: api.initializers.HeNormal(seed=3),
    "regularizer": lambda api: api.regularizers.L1L2(0.5, 0.25),
    "constraint": lambda api: api.constraints.MaxNorm(2, axis=[0, 1]),
    "schedule": lambda api: api.optimizers.schedules.ExponentialDecay(0.5, 10, 0.5),
    "optimizer": lambda api: api.optimizers.SGD(0.5, momentum=0.5, name="s"),
    "policy": lambda api: api.DTypePolicy("mixed_bfloat16"),
    "seeds": lambda api: api.random.SeedGenerator(3, name="g"),
}  # fmt: skip


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_as_records(name):
    ours, theirs = (api.utils.serialize_keras_object(OBJECTS[name](api)) for api in (lamina, keras))
    for key in ("module", "class_name"):
        assert ours[key] == theirs[key]
    assert theirs["config"].items() <= ours["config"].items()
    made = lamina.utils.deserialize_keras_object(theirs)
    assert type(made) is type(OBJECTS[name](lamina))
    assert type(keras.utils.deserialize_keras_object(ours)).__name__ == type(made).__name__


def test_custom_objects():
    for api in (lamina, keras):
        utils = api.utils

        @utils.register_keras_serializable("shop", "Half")
        class Halved(api.losses.Loss):
            def call(self, y_true, y_pred):
                return y_pred / 2

        assert utils.get_registered_name(Halved) == "shop>Half"
        assert utils.get_registered_object("shop>Half") is Halved
        assert utils.get_registered_object("nowhere") is None
        record = utils.serialize_keras_object(Halved(name="h"))
        assert (record["registered_name"], record["class_name"]) == ("shop>Half", "Halved")
        assert type(utils.deserialize_keras_object(record)) is Halved

        def third(x):
            return x / 3

        record = {"module": "builtins", "class_name": "function", "config": "third"}
        record["registered_name"] = "third"
        with utils.CustomObjectScope({"third": third}):
            assert utils.deserialize_keras_object(record) is third
        with pytest.raises((ValueError, TypeError), match="third"):
            utils.deserialize_keras_object(record)
        utils.get_custom_objects()["third"] = third
        assert utils.deserialize_keras_object(record) is third
        del utils.get_custom_objects()["third"]


def test_batches():
    x, y, w = ARRAY, ARRAY[0], ARRAY[1]
    for given in ((x,), (x, y), (x, y, w)):  # of (x, None, w) Keras forgets w
        ours, theirs = (api.utils.pack_x_y_sample_weight(*given) for api in (lamina, keras))
        assert repr(ours) == repr(theirs)
        back = [api.utils.unpack_x_y_sample_weight(ours) for api in (lamina, keras)]
        assert repr(back[0]) == repr(back[1])


@pytest.mark.parametrize("options", [{}, {"num_classes": 5}])
def test_classes(options):
    classes = [[1], [3], [0]]
    ours, theirs = (api.utils.to_categorical(classes, **options) for api in (lamina, keras))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("options", [{}, {"order": 1}, {"axis": 1, "order": 3}])
def test_normalize(options):
    # Keras divides by the norms of rows where axis 0 was asked for.
    ours, theirs = (api.utils.normalize(ARRAY, **options) for api in (lamina, keras))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize(
    "options",
    [{}, {"maxlen": 2}, {"padding": "post", "truncating": "post", "maxlen": 2, "value": 7},
     {"dtype": "float32", "value": -0.5}],
)  # fmt: skip
def test_sequences(options):
    rows = [[1], [2, 3, 4], []]
    ours, theirs = (api.utils.pad_sequences(rows, **options) for api in (lamina, keras))
    np.testing.assert_array_equal(ours, theirs)
    assert ours.dtype == theirs.dtype


def test_seeds():
    drawn = []
    for api in (lamina, keras):
        api.utils.set_random_seed(5)
        drawn.append([*api.random.normal((3,)), np.random.rand()])
    np.testing.assert_allclose(*drawn, rtol=1e-6)
