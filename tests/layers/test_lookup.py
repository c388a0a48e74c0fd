"""IntegerLookup, StringLookup, HashedCrossing, Pipeline.

Keras' own lookups need TensorFlow: values are those that its documentation and tests give, or
worked out by hand.
"""

import copy
import json
import pickle

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import lamina
from lamina import layers

from .side_by_side import assert_close, refused

WORDS = {12: "a", 36: "b", 1138: "c", 42: "d", 7: "z", -1: "[UNK]", 0: ""}
VOCABULARY = [12, 36, 1138, 42]
IDF = [0.25, 0.75, 0.6, 0.4]
SAMPLES = [[12, 1138, 42, 42], [42, 7, 36, 7]]


def both(values):
    """The same values for both lookups: words stand for numbers."""
    if isinstance(values, list):
        return [both(v) for v in values]
    return WORDS[values]


def pair(**options):
    """The two layers with the same options, and what turns numbers into their inputs."""
    words = {k: both(v) if k in ("vocabulary", "mask_token", "oov_token") else v
             for k, v in options.items()}  # fmt: skip
    return [(layers.IntegerLookup(**options), lambda x: x), (layers.StringLookup(**words), both)]


# --- what they return ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "inputs", "expected"),
    [
        ({}, [[12, 1138, 42], [42, 7, 36]], [[1, 3, 4], [4, 0, 2]]),
        ({"mask_token": 0}, [[12, 0], [7, 36]], [[2, 0], [1, 3]]),
        ({"mask_token": 0, "num_oov_indices": 0}, [12, 0, 42], [1, 0, 4]),
        ({"num_oov_indices": 0}, [12, 42], [0, 3]),
        ({}, 36, 2),
        ({"output_mode": "one_hot"}, [12, 36, 1138, 42, 7], np.eye(5)[[1, 2, 3, 4, 0]]),
        ({"output_mode": "one_hot"}, [[12], [7]], np.eye(5)[[1, 0]]),
        ({"output_mode": "one_hot"}, [[12, 42]], np.eye(5)[[[1, 4]]]),
        ({"output_mode": "one_hot", "mask_token": 0}, [0, 42], [[0.0] * 5, [0, 0, 0, 0, 1.0]]),
        ({"output_mode": "multi_hot"}, SAMPLES, [[0, 1, 0, 1, 1], [1, 0, 1, 0, 1]]),
        ({"output_mode": "binary"}, SAMPLES, [[0, 1, 0, 1, 1], [1, 0, 1, 0, 1]]),
        ({"output_mode": "multi_hot", "mask_token": 0}, [0, 0, 12], [0, 1, 0, 0, 0]),
        ({"output_mode": "multi_hot", "max_tokens": 7, "pad_to_max_tokens": True}, [12, 36],
         [0, 1, 1, 0, 0, 0, 0]),
        ({"output_mode": "count"}, SAMPLES, [[0, 1, 0, 1, 2], [2, 0, 1, 0, 1]]),
        ({"output_mode": "count", "num_oov_indices": 0}, [[12, 12]], [[2, 0, 0, 0]]),
        ({"output_mode": "tf_idf", "idf_weights": IDF}, SAMPLES,
         [[0, 0.25, 0, 0.6, 0.8], [1.0, 0, 0.75, 0, 0.4]]),
        ({"output_mode": "tf-idf", "idf_weights": [0.9, *IDF], "vocabulary": [-1, *VOCABULARY]},
         SAMPLES, [[0, 0.25, 0, 0.6, 0.8], [1.8, 0, 0.75, 0, 0.4]]),
        ({"output_mode": "tf_idf", "idf_weights": IDF, "max_tokens": 6, "pad_to_max_tokens": True},
         SAMPLES, [[0, 0.25, 0, 0.6, 0.8, 0], [1.0, 0, 0.75, 0, 0.4, 0]]),
    ],
)  # fmt: skip
def test_values_of_every_mode(options, inputs, expected):
    options = {"vocabulary": VOCABULARY, **options}
    for layer, turn in pair(**options):
        y = layer(turn(inputs))
        assert y.shape == np.shape(expected)
        assert y.dtype == ("int32" if layer.output_mode == "int" else "float32")
        np.testing.assert_allclose(y, expected, rtol=1e-6)
        again = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
        assert again.get_config() == layer.get_config()
        for twin in (again, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            np.testing.assert_array_equal(twin(turn(inputs)), y)
            assert twin.get_vocabulary() == layer.get_vocabulary()
        if isinstance(layer, layers.IntegerLookup):
            np.testing.assert_array_equal(jax.jit(layer)(np.array(inputs)), y)
            if np.ndim(inputs):
                shape = np.shape(inputs)
                symbol = layer(lamina.Input(batch_shape=shape, dtype="int32"))
                assert symbol.shape == y.shape
                assert symbol.dtype == str(y.dtype)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"num_oov_indices": 4}, [0, 0, 0, 0, 0, 0]),
        ({"num_oov_indices": 4, "oov_method": "farmhash"}, [3, 3, 2, 2, 0, 1]),
        ({"num_oov_indices": 4, "oov_method": "farmhash", "mask_token": 0}, [4, 4, 3, 3, 1, 2]),
        ({"num_oov_indices": 7}, [2, 6, 0, 1, 6, 5]),
    ],
)
def test_several_numbers_for_unknown_integers(options, expected):
    layer = layers.IntegerLookup(vocabulary=[10, 20, 30], **options)
    x = np.array([100, 300, 700, 1100, 1700, 2000])
    assert layer(x).tolist() == expected
    assert jax.jit(layer)(x).tolist() == expected
    assert layer([10, -1]).tolist()[0] == layer._start
    assert layer([-1]).tolist() == jax.jit(layer)(np.array([-1])).tolist()


def test_several_numbers_for_unknown_strings():
    layer = layers.StringLookup(vocabulary=["a", "b", "c", "d"], num_oov_indices=2)
    assert layer([["a", "c", "d"], ["m", "z", "b"]]).tolist() == [[2, 4, 5], [0, 1, 3]]
    unknown = [["A"], ["B"], ["C"], ["D"], ["E"]]
    salted = layers.StringLookup(vocabulary=["x"], num_oov_indices=3, salt=[133, 137])
    assert salted(unknown).tolist() == layers.Hashing(3, salt=[133, 137])(unknown).tolist()
    assert salted.get_config()["salt"] == [133, 137]


def test_salted_integers_have_the_hash_of_their_digits():
    options = {"num_oov_indices": 3, "oov_method": "farmhash", "salt": 133}
    x = np.arange(5)
    assert (
        layers.IntegerLookup(vocabulary=[99], **options)(x).tolist()
        == layers.Hashing(3, salt=133)(x).tolist()
    )


def test_back_from_numbers_to_integers():
    layer = layers.IntegerLookup(vocabulary=VOCABULARY)
    back = layers.IntegerLookup(vocabulary=layer.get_vocabulary(), invert=True)
    numbers = layer([[12, 1138, 42], [42, 1000, 36]])
    for run in (back, jax.jit(back)):
        assert run(numbers).tolist() == [[12, 1138, 42], [42, -1, 36]]
        assert run(np.array([99, -5])).tolist() == [-1, -1]
    masked = layers.IntegerLookup(vocabulary=[10, 20], mask_token=0, invert=True)
    for run in (masked, jax.jit(masked)):
        assert run(np.array([0, 1, 2, 3])).tolist() == [0, -1, 10, 20]


def test_back_from_numbers_to_strings():
    layer = layers.StringLookup(vocabulary=["one", "two", "three"], mask_token="", invert=True)
    words = layer([[2, 3, 1, 0], [4, 9, -1, 2]])
    assert words.tolist() == [["one", "two", "[UNK]", ""], ["three", "[UNK]", "[UNK]", "one"]]
    assert words.dtype.kind == "U"
    assert layer(jnp.array(2)).tolist() == "one"


@pytest.mark.parametrize("make", [np.array, lambda x: np.array(x, object), lambda x: x, tuple])
def test_strings_come_in_many_forms(make):
    layer = layers.StringLookup(vocabulary=["每", "a"])
    assert layer(make(["a", "每", "b"])).tolist() == [2, 1, 0]
    encoded = [w.encode() for w in ("a", "每", "b")]
    assert layer(make(encoded)).tolist() == [2, 1, 0]
    latin = layers.StringLookup(vocabulary=["ä"], encoding="latin-1")
    assert latin(make(["ä".encode("latin-1"), b"a"])).tolist() == [1, 0]
    assert latin.get_config()["encoding"] == "latin-1"


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64", "float32", "object"])
def test_integers_come_in_many_dtypes(dtype):
    layer = layers.IntegerLookup(vocabulary=[200, 3], mask_token=-1, num_oov_indices=2)
    x = np.array([200, 3, 5, 4]).astype("uint8" if dtype == "uint8" else "int64").astype(dtype)
    assert layer(x.tolist() if dtype == "object" else x).tolist() == [3, 4, 2, 1]
    if dtype != "object":
        assert jax.jit(layer)(x).tolist() == [3, 4, 2, 1]


def test_integers_of_64_bits_are_told_apart_outside_of_compiled_code():
    layer = layers.IntegerLookup(vocabulary=[2**40, 5])
    assert layer(np.array([2**40, 5, 0, 2**32 + 5])).tolist() == [1, 2, 0, 0]
    with refused("tokens of 32 bits", "1099511627776"):
        jax.jit(layer)(np.array([5]))
    with refused("tokens of 32 bits"):
        layers.IntegerLookup(vocabulary=[2**40], invert=True)([1])


# --- finding a vocabulary -----------------------------------------------------------------------


def test_the_most_frequent_come_first_and_of_equals_the_last():
    for layer, turn in pair():
        layer.adapt(turn([[12, 36, 42], [42, 7, 36], [42, 1138, 7]]))
        ints = [42, 36, 7, 1138, 12]
        words = ["d", "z", "b", "c", "a"]
        expected = [-1, *ints] if turn([12]) == [12] else ["[UNK]", *words]
        assert layer.get_vocabulary() == expected
        assert layer.get_vocabulary(include_special_tokens=False) == expected[1:]
        assert layer.vocabulary_size() == 6
        assert layer.get_config()["vocabulary"] is None
        assert layer.get_config()["vocabulary_size"] == 6


@pytest.mark.parametrize("form", ["list", "array", "generator", "states"])
def test_special_values_of_data_do_not_count(form):
    for layer, turn in pair(mask_token=0, max_tokens=4):
        data = turn([42, 42, 42, 0, 0, 0, 0, -1, -1, -1, -1, 36, 36, 12])
        if form == "states":
            layer.update_state(data[:6])
            layer.update_state(data[6:])
            layer.finalize_state()
        else:
            layer.adapt({"list": data, "array": np.array(data),
                         "generator": (data[i : i + 5] for i in (0, 5, 10))}[form])  # fmt: skip
        assert layer.get_vocabulary() == turn([0, -1, 42, 36])
        assert layer(turn([42, 12, 0])).tolist() == [2, 1, 0]


def test_adapt_looks_at_as_many_batches_as_told():
    layer = layers.StringLookup()
    layer.adapt(iter([["cat", "dog"], ["bird", "cat"], ["fish"]]), steps=2)
    assert layer.get_vocabulary() == ["[UNK]", "cat", "dog", "bird"]
    layer.adapt(["fish"])  # anew
    assert layer.get_vocabulary() == ["[UNK]", "fish"]


def test_what_was_counted_can_be_forgotten():
    layer = layers.IntegerLookup()
    layer.update_state([1, 1])
    layer.reset_state()
    layer.finalize_state()
    assert layer.get_vocabulary() == [-1]
    layer.set_vocabulary([5])
    layer.finalize_state()  # nothing counted: nothing changes
    assert layer.get_vocabulary() == [-1, 5]


@pytest.mark.parametrize(
    ("data", "having", "inputs", "expected"),  # expected: in the order unknown, 12, 36, 42
    [
        ([12, 12, 12, 36, 36, 42], [3, 2, 1], [12, 36, 7], [1.1337324, 0.91629076, 1.0986123, 0]),
        ([[12, 12], [12, 36], [36, 42]], [2, 2, 1], [[12, 36], [36, 7]],
         [[0, 0.6931472, 0.6931472, 0], [0.76752836, 0, 0.6931472, 0]]),
    ],
)  # fmt: skip
def test_weights_of_rare_tokens_are_large(data, having, inputs, expected):
    idf = np.log(1 + len(data) / (1 + np.array(having)))
    for layer, turn in pair(output_mode="tf_idf"):
        layer.adapt(turn(data))
        order = [layer.get_vocabulary().index(t) for t in turn([-1, 12, 36, 42])]
        np.testing.assert_allclose(layer.idf_weights[order], [idf.mean(), *idf], rtol=1e-6)
        np.testing.assert_allclose(layer(turn(inputs))[..., order], expected, rtol=1e-6)


# --- setting a vocabulary -----------------------------------------------------------------------


def test_special_tokens_may_be_given_or_not():
    for given in ([1, 2], [0, -1, -1, 1, 2]):
        layer = layers.IntegerLookup(vocabulary=given, mask_token=0, num_oov_indices=2)
        assert layer.get_vocabulary() == [0, -1, -1, 1, 2]
        layer.set_vocabulary(np.array([*given, 3]))
        assert layer([1, 3]).tolist() == [3, 5]
        assert layers.IntegerLookup.from_config(layer.get_config())([1, 3]).tolist() == [3, 5]
    # An unknown value's token is a token as any other where numbers do not go back.
    layer = layers.StringLookup(vocabulary=["a", "[UNK]"])
    assert layer(["[UNK]", "b"]).tolist() == [2, 0]


def test_a_vocabulary_from_a_file(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes("a\r\nb\n每日\n\n".encode())
    layer = layers.StringLookup(vocabulary=str(path), mask_token="[MASK]", oov_token="[OOV]")
    assert layer.get_vocabulary() == ["[MASK]", "[OOV]", "a", "b", "每日"]
    assert layer.get_config()["vocabulary"] is None
    path.write_text("10\n20\n30\n")
    layer = layers.IntegerLookup()
    layer.set_vocabulary(path)
    assert layer([10, 20, 30, 999]).tolist() == [1, 2, 3, 0]
    path.write_text("10\nx\n")
    with refused("a whole number on each line", "x"):
        layer.set_vocabulary(path)
    with refused("path of a text file", "nowhere.txt"):
        layer.set_vocabulary("nowhere.txt")
    assert layer.get_vocabulary() == [-1, 10, 20, 30]
    with refused("IntegerLookup.from_config", "list of tokens"):
        layers.IntegerLookup.from_config({**layer.get_config(), "vocabulary": str(path)})
    with refused("do not come from a file"):
        layers.StringLookup(vocabulary=str(path), idf_weights=[1.0], output_mode="tf_idf")


@pytest.mark.parametrize(
    "options",
    [
        {"mask_token": 0},
        {"num_oov_indices": 2},
        {"output_mode": "tf_idf"},
        {"output_mode": "tf_idf", "max_tokens": 9, "pad_to_max_tokens": True},
    ],
)
def test_a_found_vocabulary_is_saved_beside_the_config(options, tmp_path):
    for layer, turn in pair(**options):
        layer.adapt(turn([[12, 36, 36], [42, 36, 12]]))
        store = {}
        layer.save_own_variables(store)
        layer.save_assets(tmp_path)
        again = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
        if isinstance(layer, layers.IntegerLookup):  # before its vocabulary is there
            symbol = again(lamina.Input((3,), dtype="int32"))
            assert symbol.shape[1:] == layer(lamina.Input((3,), dtype="int32")).shape[1:]
        again.load_own_variables(store)
        again.load_assets(tmp_path)
        assert again.get_vocabulary() == layer.get_vocabulary()
        x = turn([[36, 7, 12]])
        np.testing.assert_array_equal(again(x), layer(x))


def test_a_given_vocabulary_is_in_the_config_alone(tmp_path):
    layer = layers.StringLookup(vocabulary=["line\nbreak"])
    layer.save_assets(tmp_path)
    layer.load_assets(tmp_path)
    assert not list(tmp_path.iterdir())
    layer = layers.StringLookup()
    layer.set_vocabulary(["line\nbreak"])
    with refused("without line breaks"):
        layer.save_assets(tmp_path)


def test_configs_have_the_keys_of_keras():
    keys = {"name", "trainable", "dtype", "invert", "max_tokens", "num_oov_indices", "oov_token",
            "mask_token", "output_mode", "sparse", "pad_to_max_tokens", "idf_weights",
            "vocabulary", "vocabulary_size", "oov_method", "salt"}  # fmt: skip
    layer = layers.IntegerLookup(vocabulary=np.array([1, 2, 3]), oov_token=np.int64(-2))
    config = layer.get_config()
    assert set(config) == keys | {"vocabulary_dtype"}
    assert config["vocabulary"] == [1, 2, 3]
    assert (config["oov_token"], config["vocabulary_size"]) == (-2, 4)
    assert set(layers.StringLookup().get_config()) == keys | {"encoding"}


def test_tokens_without_their_weights_are_no_vocabulary(tmp_path):
    layer = layers.StringLookup(output_mode="tf_idf")
    layer.adapt(["a", "b"])
    layer.save_assets(tmp_path)
    again = layers.StringLookup(output_mode="tf_idf")
    again.load_assets(tmp_path)
    with refused("a vocabulary with weights"):
        again(["a"])


def test_files_that_do_not_fit_change_nothing(tmp_path):
    layer = layers.IntegerLookup(num_oov_indices=2)
    layer.adapt([4, 5])
    layer.save_assets(tmp_path)
    other = layers.IntegerLookup()
    other.set_vocabulary([7])
    (tmp_path / "vocabulary.txt").write_text("7\n8")
    with refused("begins with ['-1']"):
        other.load_assets(tmp_path)
    assert other.get_vocabulary() == [-1, 7]
    weighted = layers.IntegerLookup(output_mode="tf_idf")
    weighted.adapt([1, 2])
    for store in ({"idf_weights": np.ones(9)}, {"idf_weights": np.ones((3, 1))}):
        with refused("`idf_weights` of shape (3,)"):
            weighted.load_own_variables(store)
    weighted._tokens = None
    weighted.idf_weights = np.ones(9, "float32")
    (tmp_path / "vocabulary.txt").write_text("-1\n8")
    with refused("for 9 weights"):
        weighted.load_assets(tmp_path)


# --- in models ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["int", "count", "multi_hot", "tf_idf"])
def test_integers_are_looked_up_in_compiled_training(mode):
    x = np.array([[100, 7], [7, 7], [55, 100], [1, 2]] * 4)
    y = (x == 7).any(1).astype("float32")
    lookup = layers.IntegerLookup(output_mode=mode)
    lookup.adapt(x)
    stack = [layers.Input((2,), dtype="int32"), lookup]
    if mode == "int":
        stack += [layers.Embedding(lookup.vocabulary_size(), 4), layers.Flatten()]
    model = lamina.Sequential([*stack, layers.Dense(1)])
    model.compile(lamina.optimizers.Adam(0.1), "mse")
    history = model.fit(x, y, epochs=30, batch_size=8, verbose=0).history["loss"]
    assert history[-1] < 0.1 * history[0]
    assert not lookup.variables
    rows = model.predict(x, verbose=0)
    np.testing.assert_allclose(rows, model(x), rtol=1e-5, atol=1e-6)


def test_unknown_values_in_compiled_code_are_seen():
    layer = layers.IntegerLookup(vocabulary=[5, 6], num_oov_indices=0)
    numbers = jax.jit(layer)(np.array([5, 6, 7]))
    assert numbers.tolist() == [0, 1, 2]
    assert np.isnan(layers.Embedding(2, 1)(numbers)[2]).all()
    with refused("num_oov_indices=0", "[7]"):
        layer([5, 7])


def test_strings_are_looked_up_before_the_model():
    words = np.array([["a", "b"], ["b", "c"]])
    lookup = layers.StringLookup()
    lookup.adapt(words)
    model = lamina.Sequential([layers.Embedding(lookup.vocabulary_size(), 2)])
    assert model.predict(lookup(words), verbose=0).shape == (2, 2, 2)
    for give in (lambda: lookup(lamina.Input((2,), dtype="string")),
                 lambda: jax.jit(lookup)(np.ones(2))):  # fmt: skip
        with refused("outside of models", "looked up on the host"):
            give()


# --- bad use ------------------------------------------------------------------------------------

NO_VOCABULARY = "expected a vocabulary"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_tokens": 1}, "an integer of 2 or more as `max_tokens`"),
        ({"num_oov_indices": -1}, "0 or more as `num_oov_indices`"),
        ({"output_mode": "onehot"}, "output_mode='one_hot'"),
        ({"output_mode": "count", "sparse": True}, "sparse=False"),
        ({"sparse": True}, "sparse=False"),
        ({"pad_to_max_tokens": True}, "`max_tokens` with pad_to_max_tokens=True"),
        ({"invert": True, "output_mode": "count"}, "output_mode='int' with invert=True"),
        ({"invert": True, "oov_token": None}, "an `oov_token` with invert=True"),
        ({"idf_weights": [1.0]}, "`idf_weights` with output_mode='tf_idf' only"),
        ({"idf_weights": [1.0], "output_mode": "tf_idf"}, "together"),
        ({"vocabulary": [12], "output_mode": "tf_idf"}, "together"),
        ({"output_mode": "tf_idf", "dtype": "int32"}, "a float dtype"),
        ({"oov_method": "hash"}, "`oov_method`"),
        ({"vocabulary": []}, "one or more tokens"),
        ({"vocabulary": [[12]]}, "one or more tokens"),
        ({"vocabulary": [12, 36, 12]}, "every token once"),
        ({"vocabulary": [12, 0, 36], "mask_token": 0}, "the reserved mask_token"),
        ({"vocabulary": [12, -1], "invert": True}, "the reserved oov_token"),
        ({"vocabulary": [12, 36, 42], "max_tokens": 3}, "at most max_tokens=3"),
        ({"vocabulary": [12, 36], "output_mode": "tf_idf", "idf_weights": [1.0]},
         "2 `idf_weights`"),
    ],
)  # fmt: skip
def test_bad_arguments_of_both(options, words):
    names = {k: both(v) if k in ("vocabulary", "mask_token") else v for k, v in options.items()}
    with refused(words):
        layers.IntegerLookup(**options)
    with refused(words):
        layers.StringLookup(**names)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.IntegerLookup(vocabulary=["a"]), "whole numbers"),
        (lambda: layers.StringLookup(vocabulary=[1, 2]), "expected strings"),
        (lambda: layers.IntegerLookup(vocabulary_dtype="int32"), "`vocabulary_dtype`"),
        (lambda: layers.IntegerLookup(salt=3), "oov_method='farmhash' only"),
        (lambda: layers.IntegerLookup(mask_token=""), "a whole number or None as `mask_token`"),
        (lambda: layers.IntegerLookup(oov_token=1.5), "a whole number or None as `oov_token`"),
        (lambda: layers.StringLookup(mask_token=0), "a string or None as `mask_token`"),
        (lambda: layers.StringLookup(encoding="utf-9"), "the name of an encoding"),
        (lambda: layers.StringLookup(salt="a"), "a whole number or two as `salt`"),
        (lambda: layers.StringLookup(vocabulary=["a"])(np.ones(2)), "expected strings"),
        (lambda: layers.StringLookup(vocabulary=["a"])([["a"], ["a", "b"]]), "of one length"),
        (lambda: layers.StringLookup(vocabulary=["a"])([b"\xff"]), "bytes in the encoding"),
        (lambda: layers.StringLookup(vocabulary=["a"])(np.array(["a", 1], object)), "strings"),
        (lambda: layers.IntegerLookup(vocabulary=[1])(["a"]), "expected whole numbers"),
        (lambda: layers.IntegerLookup(vocabulary=[1])([None]), "expected whole numbers"),
        (lambda: layers.IntegerLookup()([1]), NO_VOCABULARY),
        (lambda: layers.StringLookup()(["a"]), NO_VOCABULARY),
        (lambda: jax.jit(layers.IntegerLookup())(np.ones(2)), NO_VOCABULARY),
        (lambda: layers.IntegerLookup(output_mode="count")(lamina.Input((2,))), NO_VOCABULARY),
        (lambda: layers.IntegerLookup(vocabulary=[1]).adapt([1]), "without a vocabulary"),
        (lambda: layers.StringLookup(vocabulary=["a"]).update_state(["a"]), "without a vocab"),
        (lambda: layers.StringLookup().adapt([]), "with values in it"),
        (lambda: layers.StringLookup().adapt(iter(())), "with values in it"),
        (lambda: layers.IntegerLookup().adapt(3), "with values in it"),
        (lambda: layers.IntegerLookup().adapt(["a"]), "expected whole numbers"),
        (lambda: layers.StringLookup().adapt([1]), "expected strings"),
        (lambda: layers.StringLookup(output_mode="tf_idf").set_vocabulary(["a"]), "`idf_weights`"),
        (lambda: layers.StringLookup().set_vocabulary(["a"], [1.0]), "`idf_weights`"),
    ],
)
def test_bad_use(make, words):
    with refused(words):
        make()


def test_the_size_of_vectors_does_not_change_once_used():
    for layer, turn in pair(output_mode="multi_hot"):
        layer.adapt(turn([12, 36]))
        layer.adapt(turn([12, 36, 42]))  # nobody relied on it yet
        layer(turn([12]))
        layer.set_vocabulary(turn([7, 12, 36]))
        for change in (layer.adapt, layer.set_vocabulary):
            with refused("a vocabulary of 4 tokens", "pad_to_max_tokens=True"):
                change(turn([12]))
        assert layer.get_vocabulary(False) == turn([7, 12, 36])


# --- HashedCrossing -----------------------------------------------------------------------------

LETTERS, NUMBERS = np.array(["A", "B", "A", "B", "A"]), np.array([101, 101, 101, 102, 102])


def test_crossings_have_the_bins_of_keras():
    layer = layers.HashedCrossing(5)
    for shape in ((5,), (5, 1)):
        y = layer((LETTERS.reshape(shape), NUMBERS.reshape(shape)))
        assert y.shape == shape
        assert y.dtype == jnp.int32
        assert y.ravel().tolist() == [1, 4, 1, 1, 3]
        vectors = layers.HashedCrossing(5, "one_hot")
        y = vectors([LETTERS.reshape(shape), NUMBERS.reshape(shape)])
        np.testing.assert_array_equal(y, np.eye(5)[[1, 4, 1, 1, 3]])
        assert y.dtype == jnp.float32
    assert int(layers.HashedCrossing(10)((np.array("A"), np.array(101)))) == 1


def test_crossings_of_numbers_in_compiled_code_and_models():
    layer = layers.HashedCrossing(1000)
    a, b = np.array([[3], [-1], [3]]), np.array([[4], [4], [3]])
    y = layer((a, b))
    np.testing.assert_array_equal(jax.jit(lambda a, b: layer((a, b)))(a, b), y)
    assert len({*y.ravel().tolist(), *layer((b, a)).ravel().tolist()}) == 5  # the order counts
    assert layer((a, b, a)).shape == (3, 1)
    inputs = [lamina.Input((1,), dtype="int32") for _ in range(2)]
    model = lamina.Model(inputs, layer(inputs))
    np.testing.assert_array_equal(model.predict([a, b], verbose=0), y)


def test_crossings_keep_the_config_of_keras():
    assert layers.HashedCrossing(3, name="h").get_config() == {
        "name": "h", "dtype": "int64", "num_bins": 3, "output_mode": "int", "sparse": False,
    }  # fmt: skip
    layer = layers.HashedCrossing(3, "one_hot", dtype="float16")
    again = layers.HashedCrossing.from_config(layer.get_config())
    assert again((LETTERS, NUMBERS)).dtype == jnp.float16


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.HashedCrossing(0), "a positive integer as `num_bins`"),
        (lambda: layers.HashedCrossing(2, "count"), "`output_mode`"),
        (lambda: layers.HashedCrossing(2, "one_hot", sparse=True), "sparse=False"),
        (lambda: layers.HashedCrossing(2)(np.array(1)), "two or more features"),
        (lambda: layers.HashedCrossing(2)([np.array(1)]), "two or more features"),
        (lambda: layers.HashedCrossing(2)([np.ones(2), np.ones(2)]), "strings or whole numbers"),
        (lambda: layers.HashedCrossing(2)([np.array([None]), np.array([1])]), "strings or whole"),
        (lambda: layers.HashedCrossing(2)([np.ones((1, 2), int)] * 2), "(N,) or (N, 1)"),
        (lambda: layers.HashedCrossing(2)([np.ones(2, int), np.ones(3, int)]), "of one shape"),
        (lambda: layers.HashedCrossing(2)([lamina.Input((2,), dtype="int32")] * 2), "of one shape"),
        (lambda: layers.HashedCrossing(2)([lamina.Input((1,))] * 2), "strings or whole numbers"),
    ],
)
def test_bad_use_of_crossings(make, words):
    with refused(words):
        make()


# --- Pipeline -----------------------------------------------------------------------------------


class Seen(layers.Layer):
    """Keeps what it was called with."""

    def call(self, x, training=False, mask=None):
        self.seen = (training, mask is not None)
        return x

    def compute_mask(self, x, mask=None):
        return x


def test_layers_of_a_pipeline_get_training_and_masks():
    pipeline = layers.Pipeline([Seen(), Seen()])
    for training in (True, False):
        pipeline(np.array([0.0]), training=training, mask=np.array([0]))
        assert [layer.seen for layer in pipeline.layers] == [(training, True)] * 2
    y = pipeline(np.array([0.0]))
    assert pipeline.layers[0].seen == (True, False)
    assert pipeline.layers[1].seen == (True, True)  # the first one's mask
    assert y._keras_mask.shape == (1,)


def test_a_pipeline_computes_what_keras_one_does():
    x = np.random.default_rng(0).normal(size=(2, 3)).astype("float32")
    ours, theirs = (
        library.layers.Pipeline(
            [library.layers.Rescaling(2.0, 1.0), library.layers.Dense(2, name="d")], name="p"
        )
        for library in (lamina, keras)
    )
    for layer in (ours, theirs):
        layer(x)
    assert [w.path for w in ours.weights] == [w.path for w in theirs.weights]
    ours.set_weights(theirs.get_weights())
    assert_close(ours(x), theirs(x))
    assert set(ours.get_config()) == set(theirs.get_config())
    again = keras.layers.Pipeline.from_config(json.loads(json.dumps(ours.get_config())))
    again(x)
    again.set_weights(ours.get_weights())
    assert_close(ours(x), again(x))


def test_a_pipeline_takes_strings():
    pipeline = layers.Pipeline([
        layers.StringLookup(vocabulary=["a", "b"]), layers.CategoryEncoding(3, "count")
    ])  # fmt: skip
    for form in ([["a", "b"], ["z", "z"]], np.array([["a", "b"], ["z", "z"]])):
        assert pipeline(form).tolist() == [[0.0, 1.0, 1.0], [2.0, 0.0, 0.0]]
    again = layers.deserialize(json.loads(json.dumps(layers.serialize(pipeline))))
    assert again([["b"]]).tolist() == [[0.0, 0.0, 1.0]]


def test_the_layers_of_a_pipeline_come_back_built():
    pipeline = layers.Pipeline([layers.Rescaling(2.0), layers.Dense(2)])
    y = pipeline(np.ones((1, 3)))
    again = layers.deserialize(json.loads(json.dumps(layers.serialize(pipeline))))
    again.set_weights(pipeline.get_weights())
    np.testing.assert_array_equal(again(np.ones((1, 3))), y)


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Pipeline(layers.Dense(2)),
        lambda: layers.Pipeline([np.sin]),
        lambda: layers.Pipeline([layers.Dense]),
        lambda: layers.Pipeline.from_config({"name": "p"}),
        lambda: layers.Pipeline.from_config({"layers": None}),
    ],
)
def test_what_is_no_list_of_layers(make):
    with refused("Pipeline", "a list of layers"):
        make()
