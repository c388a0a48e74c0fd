"""Layers that prepare data: Normalization, Rescaling, CategoryEncoding, Discretization, Hashing."""

import itertools
import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.layers.preprocessing._fingerprint import farm_fingerprint

from .side_by_side import (
    Case,
    assert_close,
    check_config,
    check_mixed,
    check_shapes,
    check_values,
    first_of_each,
    refused,
    run,
)  # fmt: skip

ROW = [[0.5, -1.0, 2.0, 0.0]]
CASES = [
    Case("Normalization", {}, (3, 4)),
    Case("Normalization", {"axis": 1}, (2, 3, 4)),
    Case("Normalization", {"axis": (1, -1)}, (2, 3, 4)),
    Case("Normalization", {"axis": None}, (3, 4)),
    Case("Normalization", {"mean": 2.0, "variance": 4.0}, (3, 4)),
    Case("Normalization", {"axis": None, "mean": 2.0, "variance": 0.0}, (3, 4)),
    Case("Normalization", {"mean": [1.0, 2.0, 3.0, 4.0], "variance": [4.0, 3.0, 2.0, 0.0]}, (2, 4)),
    Case("Normalization", {"mean": [1.0, 2.0], "variance": [4.0, 3.0], "axis": [1, 2],
                           "invert": True}, (2, 3, 2)),
    Case("Normalization", {"invert": True}, (3, 4)),
    Case("Rescaling", {"scale": 2.0}, (3, 4)),
    Case("Rescaling", {"scale": [2.0, 3.0, 4.0, 5.0], "offset": -1.0}, (3, 4)),
    Case("Rescaling", {"scale": 0.1, "offset": [1.0, 2.0]}, (3, 2)),
    *(
        Case("CategoryEncoding", {"num_tokens": 4, "output_mode": mode}, shape, ints=6)
        for mode in ("one_hot", "multi_hot", "count")
        for shape in ((3, 5), (3, 1), (3,))
    ),
    Case("CategoryEncoding", {"num_tokens": 4, "output_mode": "binary"}, (3, 5), ints=4),
    Case("Discretization", {"bin_boundaries": [-0.5, 0.0, 1.0]}, (3, 4)),
    *(
        Case("Discretization", {"bin_boundaries": [-0.5, 0.0, 1.0], "output_mode": mode}, shape)
        for mode in ("one_hot", "multi_hot", "count")
        for shape in ((3, 5), (3, 1))
    ),
]  # fmt: skip
each = pytest.mark.parametrize("case", CASES, ids=str)


@each
def test_values(case):
    if case.kind in ("Discretization", "CategoryEncoding"):  # these have no gradients
        ours, theirs = case.pair()
        x = case.inputs()
        assert_close(run(ours, x, gradients=False), run(theirs, x, gradients=False))
    else:
        check_values(case)


@each
def test_shapes(case):
    check_shapes(case)


@pytest.mark.parametrize("case", [c for c in CASES if c.shape != (3, 1)], ids=str)
def test_config(case):
    check_config(case)


@pytest.mark.parametrize(
    "case", [*first_of_each(CASES), Case("Discretization", {"bin_boundaries": [0.0],
                                         "output_mode": "count"}, (3, 4))], ids=str
)  # fmt: skip
def test_mixed_precision(case):
    check_mixed(case)


# --- Normalization ------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [-1, 1, (1, 2), None])
@pytest.mark.parametrize("form", ["array", "float64", "ints", "list", "generator", "pairs"])
def test_normalization_measures_as_keras(axis, form):
    data = np.random.default_rng(0).normal(3.0, 2.0, (6, 3, 2)).astype("float32")
    forms = {
        "array": lambda: data,
        "float64": lambda: data.astype("float64"),
        "ints": lambda: (data * 10).astype("int32").astype("float32"),
        "list": lambda: [data[:4], data[4:]],
        "generator": lambda: (data[i : i + 2] for i in (0, 2, 4)),
        "pairs": lambda: [(data[:4], np.zeros(4)), (data[4:], np.zeros(2))],
    }
    layer, peer = layers.Normalization(axis), keras.layers.Normalization(axis)
    layer.adapt(forms[form]())
    peer.adapt(forms["ints"]() if form == "ints" else data)  # batches would need TensorFlow
    np.testing.assert_allclose(layer.mean, peer.mean, rtol=1e-5)
    np.testing.assert_allclose(layer.variance, peer.variance, rtol=1e-5)
    np.testing.assert_allclose(layer(data), peer(data), rtol=1e-4, atol=1e-5)
    again = layers.Normalization.from_config(layer.get_config())
    again.build(data.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(data), layer(data))


def test_normalization_measures_anew_each_time():
    layer = layers.Normalization()
    layer.adapt(np.array([[1.0], [3.0]]))
    layer.adapt(np.array([[11.0], [15.0]]))
    assert layer.mean.tolist() == [[13.0]]
    assert layer.variance.tolist() == [[4.0]]


def test_normalization_of_large_numbers_keeps_their_spread():
    data = 1e6 + np.random.default_rng(0).normal(size=(1000, 1))
    layer = layers.Normalization()
    layer.adapt([data[:300], data[300:]])
    assert float(layer.variance[0, 0]) == pytest.approx(data.var(), rel=1e-3)


def test_an_adapted_layer_works_in_a_compiled_model():
    x = np.random.default_rng(0).normal(5.0, 3.0, (8, 3)).astype("float32")
    layer = layers.Normalization()
    layer.adapt(x)
    model = lamina.Sequential([layers.Input((3,)), layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, x[:, :1], epochs=1, verbose=0)
    np.testing.assert_allclose(layer.mean[0], x.mean(0), rtol=1e-5)
    assert len(model.trainable_variables) == 2


@pytest.mark.parametrize(
    ("make", "data", "words"),
    [
        (lambda: layers.Normalization(mean=0.0, variance=1.0), [[1.0]], "without `mean`"),
        (lambda: layers.Normalization(), np.zeros((0, 2)), "data to measure"),
        (lambda: layers.Normalization(), [], "data to measure"),
        (lambda: layers.Normalization(), 3, "an array or an iterable"),
        (lambda: layers.Normalization(), ["a", "b"], "batches that are arrays"),
        (lambda: layers.Normalization(), [np.ones((2, 3)), np.ones((2, 4))], "sizes {1: 3}"),
        (lambda: layers.Normalization(axis=2), np.ones((2, 3)), "has axis 2"),
    ],
)
def test_data_that_cannot_be_measured(make, data, words):
    with refused("normalization", words):
        make().adapt(data)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mean": 1.0}, "`mean` and `variance` of one shape, or neither"),
        ({"mean": [1.0, 2.0], "variance": [1.0]}, "of one shape"),
        ({"mean": [1.0], "variance": [1.0], "axis": None}, "at most 0 axes"),
        ({"mean": [[1.0]], "variance": [[1.0]]}, "at most 1 axes"),
        ({"axis": "last"}, "the number of an axis"),
        ({"axis": 1.5}, "the number of an axis"),
    ],
)
def test_bad_arguments_of_normalization(options, words):
    with refused("Normalization", words):
        layers.Normalization(**options)


def test_a_mean_that_does_not_fit_the_data():
    layer = layers.Normalization(mean=[1.0, 2.0], variance=[1.0, 1.0])
    with refused("normalization (Normalization)", "(2,)", "(None, 3)"):
        layer(lamina.Input((3,)))


def test_normalization_of_sizes_it_was_not_built_for():
    layer = layers.Normalization(name="norm")
    layer.adapt(np.ones((4, 3)))
    with refused("norm (Normalization)", "3", "(2, 5)"):
        layer(np.ones((2, 5)))
    assert layer(np.ones((2, 7, 3))).shape == (2, 7, 3)  # the last axis is the last of all ranks
    layer = layers.Normalization(axis=1, name="norm")
    layer.adapt(np.ones((4, 3)))
    with refused("norm (Normalization)", "an input of 2 axes", "(2, 3, 7)"):
        layer(np.ones((2, 3, 7)))


# --- Rescaling ----------------------------------------------------------------------------------


def test_rescaling_of_pixels():
    x = np.arange(6, dtype="uint8").reshape(2, 3)
    assert_close(
        layers.Rescaling(1 / 255, -0.5)(x), keras.layers.Rescaling(1 / 255, -0.5)(x)
    )  # fmt: skip
    assert layers.Rescaling(0.5, dtype="float16")(x).dtype == jnp.float16


def test_rescaling_by_arrays_is_saved():
    layer = layers.Rescaling(np.array([2.0, 3.0]), np.array([1.0, 0.0]))
    again = layers.deserialize(json.loads(json.dumps(layers.serialize(layer))))
    assert again(np.ones((1, 2))).tolist() == [[3.0, 3.0]]
    theirs = keras.layers.Rescaling.from_config(json.loads(json.dumps(layer.get_config())))
    assert theirs(np.ones((1, 2))).tolist() == [[3.0, 3.0]]


@pytest.mark.parametrize("options", [{"scale": "a"}, {"scale": None}, {"scale": 1, "offset": "b"}])
def test_bad_arguments_of_rescaling(options):
    with refused("Rescaling", "number"):
        layers.Rescaling(**options)


# --- CategoryEncoding ---------------------------------------------------------------------------


def test_weighted_counts_as_in_keras():
    x = np.array([[0, 1, 1], [3, 3, 2]])
    weights = np.array([[0.5, 1.0, 2.0], [1.0, 3.0, 0.1]])
    mine, his = (
        library.layers.CategoryEncoding(4, output_mode="count")(x, count_weights=weights)
        for library in (lamina, keras)
    )
    assert_close(mine, his)


def test_categories_are_counted_exactly_in_short_floats_and_along_any_axes():
    x = np.array([[[0] * 300 + [1] * 4, [5] * 300 + [-1] * 4]])
    y = layers.CategoryEncoding(2, "count", dtype="bfloat16")(x)
    assert y.dtype == jnp.bfloat16
    assert y.tolist() == [[[300.0, 4.0], [0.0, 0.0]]]


def test_categories_may_come_as_lists_and_floats():
    for x in ([[0, 1], [1, 1]], np.array([[0.0, 1.0], [1.0, 1.0]])):
        assert layers.CategoryEncoding(2)(x).tolist() == [[1.0, 1.0], [0.0, 1.0]]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.CategoryEncoding(), "the number of categories"),
        (lambda: layers.CategoryEncoding(0), "a positive integer as `num_tokens`"),
        (lambda: layers.CategoryEncoding(3, "onehot"), "output_mode='one_hot'"),
        (lambda: layers.CategoryEncoding(3, sparse=True), "sparse=False"),
        (lambda: layers.CategoryEncoding(3)(np.ones((1, 2)), count_weights=np.ones((1, 2))),
         "output_mode='count' only"),
        (lambda: layers.CategoryEncoding(3, "count")(np.ones((1, 2)), count_weights=np.ones(3)),
         "weights of shape (1, 2)"),
    ],
)  # fmt: skip
def test_bad_use_of_category_encoding(make, words):
    with refused(words):
        make()


# --- Discretization -----------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["array", "list", "generator"])
@pytest.mark.parametrize(("num_bins", "epsilon"), [(4, 0.01), (2, 0.1), (7, 0.001), (1, 0.5)])
def test_discretization_finds_the_boundaries_of_keras(form, num_bins, epsilon):
    data = np.random.default_rng(0).exponential(size=(300, 2)).astype("float32")
    give = {
        "array": lambda: data,
        "list": lambda: [data[:130], data[130:]],
        "generator": lambda: (data[i : i + 100] for i in (0, 100, 200)),
    }[form]
    layer, peer = (
        library.layers.Discretization(num_bins=num_bins, epsilon=epsilon)
        for library in (lamina, keras)
    )
    layer.adapt(give())
    for batch in [give()] if form == "array" else give():  # Keras' adapt needs TensorFlow
        peer.update_state(batch)
    peer.finalize_state()
    np.testing.assert_allclose(layer.bin_boundaries, peer.bin_boundaries, rtol=1e-5)
    assert np.array_equal(layer(data), peer(data))
    config = layer.get_config()
    assert np.allclose(
        keras.layers.Discretization.from_config(config).bin_boundaries, peer.bin_boundaries
    )
    again = layers.Discretization.from_config(json.loads(json.dumps(config)))
    assert np.array_equal(again(data), layer(data))


def test_discretization_looks_at_as_many_batches_as_told():
    seen = []
    endless = (seen.append(i) or np.array([[1.0], [2.0], [i]]) for i in itertools.count())
    layer = layers.Discretization(num_bins=2)
    layer.adapt(endless, steps=3)
    assert layer.bin_boundaries == [1.0]
    assert len(seen) == 3


def test_values_at_a_boundary_and_beyond():
    x = np.array([-np.inf, 0.0, 0.999, 1.0, np.inf], "float32")
    boundaries = {"bin_boundaries": [0.0, 1.0]}
    mine, his = (library.layers.Discretization(**boundaries)(x) for library in (lamina, keras))
    assert mine.tolist() == his.tolist() == [0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.Discretization(), "either `bin_boundaries` or `num_bins`"),
        (lambda: layers.Discretization([1.0], 3), "either `bin_boundaries` or `num_bins`"),
        (lambda: layers.Discretization(num_bins=0), "a positive integer as `num_bins`"),
        (lambda: layers.Discretization([2.0, 1.0]), "ascending"),
        (lambda: layers.Discretization(["a"]), "ascending"),
        (lambda: layers.Discretization([1.0], epsilon=-1), "`epsilon`"),
        (lambda: layers.Discretization([1.0], output_mode="bin"), "`output_mode`"),
        (lambda: layers.Discretization([1.0], output_mode="count", sparse=True), "sparse=False"),
        (lambda: layers.Discretization([1.0]).adapt(np.ones(3)), "made with `num_bins`"),
        (lambda: layers.Discretization(num_bins=3)(np.ones(3)), "not adapted"),
        (lambda: layers.Discretization(num_bins=3).adapt(np.ones(0)), "data to measure"),
    ],
)
def test_bad_use_of_discretization(make, words):
    with refused(words):
        make()


# --- Hashing ------------------------------------------------------------------------------------

# Keras' layer needs TensorFlow: these are the values that its documentation and tests give.
LETTERS = [["A"], ["B"], ["C"], ["D"], ["E"]]
NAMES = [["omar"], ["stringer"], ["marlo"], ["wire"], ["skywalker"]]
NUMBERS = [[0], [1], [2], [3], [4]]


@pytest.mark.parametrize(
    ("options", "inputs", "bins"),
    [
        ({"num_bins": 3}, LETTERS, [1, 0, 1, 1, 2]),
        ({"num_bins": 3, "mask_value": ""}, [["A"], ["B"], [""], ["C"], ["D"]], [1, 1, 0, 2, 2]),
        ({"num_bins": 3, "salt": [133, 137]}, LETTERS, [1, 2, 1, 0, 2]),
        ({"num_bins": 3, "salt": 133}, LETTERS, [0, 0, 2, 1, 0]),
        ({"num_bins": 1}, LETTERS, [0, 0, 0, 0, 0]),
        ({"num_bins": 2}, NAMES, [0, 0, 1, 0, 0]),
        ({"num_bins": 3, "mask_value": "omar"}, NAMES, [0, 1, 2, 1, 1]),
        ({"num_bins": 2, "salt": [133, 137]}, NAMES, [0, 1, 0, 1, 0]),
        ({"num_bins": 2, "salt": [211, 137]}, NAMES, [1, 0, 1, 0, 1]),
        ({"num_bins": 3}, NUMBERS, [1, 0, 1, 0, 2]),
        ({"num_bins": 3, "salt": [133, 137]}, NUMBERS, [1, 1, 2, 0, 1]),
        ({"num_bins": 2}, [[1, 2], [2, 3], [3, 4]], [1] * 6),
    ],
)
def test_bins_are_those_of_keras(options, inputs, bins):
    layer = layers.Hashing(**options)
    for form in (inputs, np.array(inputs), np.array(inputs, object), tuple(map(tuple, inputs))):
        y = layer(form)
        assert y.shape == np.shape(inputs)
        assert y.dtype == jnp.int32
        assert y.ravel().tolist() == bins
    assert layers.Hashing.from_config(layer.get_config())(inputs).ravel().tolist() == bins


# Google's own FarmHash, of the first letters of this text.
TEXT = b"abcdefghijklmnopqrstuvwxyz0123456789+-/" * 8
FINGERPRINTS = {
    0: 11160318154034397263, 1: 12917804110809363939, 3: 2640714258260161385,
    4: 1897425971756105985, 7: 4341691227789030229, 8: 18368443631171807497,
    12: 5676575430734197723, 16: 6080716761534418621, 17: 11394395984755135400,
    31: 496390783753762012, 32: 934449955909727258, 33: 17626719820827885067,
    48: 1568907278268802371, 63: 13807848957176213789, 64: 3371429381487614533,
    65: 11190674581210869362, 100: 13035326634968657267, 127: 18284257809721818019,
    128: 16761341418833139693, 129: 12920288415662336225, 192: 5033800410358333727,
    200: 2749035169218938201, 257: 8700475399851264258,
}  # fmt: skip


@pytest.mark.parametrize("size", FINGERPRINTS)
def test_fingerprints_of_texts_of_every_size(size):
    rows = np.frombuffer(TEXT[:size], "uint8").reshape(1, size)
    assert farm_fingerprint(np.repeat(rows, 2, 0)).tolist() == [FINGERPRINTS[size]] * 2


@pytest.mark.parametrize(
    ("mode", "shape", "expected"),
    [
        ("one_hot", (5, 1), np.eye(3)[[1, 0, 1, 0, 2]]),
        ("one_hot", (1, 5), np.eye(3)[[[1, 0, 1, 0, 2]]]),
        ("multi_hot", (1, 5), [[1.0, 1.0, 1.0]]),
        ("count", (1, 5), [[2.0, 2.0, 1.0]]),
        ("count", (5,), [2.0, 2.0, 1.0]),
    ],
)
def test_hashes_as_vectors(mode, shape, expected):
    layer = layers.Hashing(3, output_mode=mode)
    x = np.arange(5).reshape(shape)
    np.testing.assert_array_equal(layer(x), expected)
    np.testing.assert_array_equal(jax.jit(layer)(x), expected)
    assert layer(x).dtype == jnp.float32
    symbolic = layer(lamina.Input(shape[1:], dtype="int32"))
    assert symbolic.shape == (None, *np.shape(expected)[1:]) if len(shape) > 1 else (3,)


def test_hashing_in_a_model_of_whole_numbers():
    x = lamina.Input((1,), dtype="int32")
    model = lamina.Model(x, layers.Embedding(3, 2)(layers.Hashing(3)(x)))
    hashed = np.array([[1], [0], [1], [0], [2]])
    np.testing.assert_array_equal(
        model(np.array(NUMBERS)), model.layers[-1].embeddings.numpy()[hashed]
    )
    np.testing.assert_array_equal(
        model.predict(np.array(NUMBERS), verbose=0), model(np.array(NUMBERS))
    )


def test_texts_beyond_ascii_and_bytes_are_one():
    layer = layers.Hashing(1000)
    assert int(layer(np.array("每日"))) == int(layer(np.array("每日".encode())))
    assert layer(np.array([7.0, -3.9])).tolist() == layer(np.array([7, -3])).tolist()


def test_hashing_keeps_the_config_of_keras():
    layer = layers.Hashing(8, salt=3, name="h")
    config = layer.get_config()
    assert config["salt"] == [3, 3]
    assert {"num_bins", "salt", "mask_value", "output_mode", "sparse"} <= set(config)
    assert config["dtype"]["config"]["name"] == "int64"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_bins": 0}, "a positive integer as `num_bins`"),
        ({"num_bins": None}, "a positive integer as `num_bins`"),
        ({"num_bins": 2, "salt": "a"}, "a whole number or two as `salt`"),
        ({"num_bins": 2, "salt": [1]}, "a whole number or two as `salt`"),
        ({"num_bins": 2, "salt": [1, 2, 3]}, "a whole number or two as `salt`"),
        ({"num_bins": 2, "output_mode": "tf_idf"}, "`output_mode`"),
        ({"num_bins": 2, "dtype": "float32"}, "an integer dtype"),
        ({"num_bins": 2, "output_mode": "count", "sparse": True}, "sparse=False"),
    ],
)
def test_bad_arguments_of_hashing(options, words):
    with refused("Hashing", words):
        layers.Hashing(**options)
