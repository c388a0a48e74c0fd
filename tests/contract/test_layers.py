"""What every exported layer must do: each check runs over one example of every class.

A new layer needs a row in EXAMPLES, and gets all the checks for it.
"""

import copy
import dataclasses
import inspect
import json
import pickle
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import lamina
from lamina import layers

ABSTRACT = {layers.Layer, layers.Wrapper}  # bases: they have no `call`
OF_TEXTS = {layers.StringLookup}  # they are called on data only, never in models
FOREIGN = {  # functions of others: tests/layers/test_foreign.py, test_torch.py
    layers.FlaxLayer, layers.JaxLayer, layers.TFSMLayer, layers.TorchModuleWrapper,
}  # fmt: skip
NEED_TENSORFLOW = {"HashedCrossing", "Hashing", "IntegerLookup"}  # in Keras
FLAT, SEQUENCE, IMAGE, VOLUME = (2, 3), (2, 4, 3), (2, 4, 4, 2), (2, 3, 3, 3, 2)


@dataclass
class Example:
    """A layer with options, and the shapes of what it is called on, by position.

    `options` may be a function of the library, where they hold its objects; a shape may be a list
    of shapes; `ints` is the number of whole numbers that inputs are drawn from, None for floats.
    """

    kind: str
    options: dict[str, Any] | Callable[[Any], dict[str, Any]]
    shapes: tuple
    ints: int | None = None

    @property
    def cls(self) -> Any:
        return getattr(layers, self.kind)

    def make(self, library: Any = lamina, **more: Any) -> Any:
        options = self.options(library) if callable(self.options) else self.options
        return getattr(library.layers, self.kind)(**{**options, **more})

    def map(self, fn: Callable[[tuple], Any]) -> tuple:
        def each(shape: Any) -> Any:
            return [each(s) for s in shape] if isinstance(shape, list) else fn(shape)

        return tuple(each(s) for s in self.shapes)

    def arrays(self, batch: int = 2, seed: int = 0) -> tuple:
        rng = np.random.default_rng(seed)

        def draw(shape: tuple) -> Any:
            shape = (batch, *shape[1:])
            if self.ints is not None:
                return jnp.asarray(rng.integers(0, self.ints, shape), "int32")
            return jnp.asarray(rng.normal(size=shape), "float32")

        return self.map(draw)

    def symbols(self, library: Any = lamina) -> tuple:
        dtype = "float32" if self.ints is None else "int32"
        return self.map(lambda s: library.Input(s[1:], dtype=dtype))


def around(kind: str, /, *shapes: Any, inner: str = "Dense", **options: Any) -> Example:
    """An example of a wrapper."""
    options = options or {"units": 3}
    return Example(kind, lambda lib: {"layer": getattr(lib.layers, inner)(**options)}, shapes)


def ranks(name: str, options: dict[str, Any], upto: int = 3) -> list[Example]:
    """Examples of `name` for one, two and three axes of space."""
    shapes = [SEQUENCE, IMAGE, VOLUME]
    return [Example(name.format(r), options, (shapes[r - 1],)) for r in range(1, upto + 1)]


CONV = {"filters": 2, "kernel_size": 2}
EXAMPLES = [
    Example("InputLayer", {"shape": (3,)}, (FLAT,)),
    # core
    Example("Dense", {"units": 2}, (FLAT,)),
    Example("TernaryDense", {"units": 2}, (FLAT,)),
    Example("EinsumDense", {"equation": "abc,cd->abd", "output_shape": (None, 2)}, (SEQUENCE,)),
    Example("Embedding", {"input_dim": 5, "output_dim": 2, "mask_zero": True}, ((2, 4),), 5),
    Example("ReversibleEmbedding", {"input_dim": 5, "output_dim": 2}, ((2, 4),), 5),
    Example("Identity", {}, (SEQUENCE,)),
    Example("Lambda", lambda library: {"function": library.ops.square}, (SEQUENCE,)),
    Example("Masking", {}, (SEQUENCE,)),
    # activations
    Example("Activation", {"activation": "relu"}, (SEQUENCE,)),
    *(Example(kind, {}, (SEQUENCE,)) for kind in ("ELU", "LeakyReLU", "ReLU")),
    Example("PReLU", {}, (SEQUENCE,)),
    Example("Softmax", {}, (FLAT,)),
    # merging
    *(
        Example(kind, {}, ([SEQUENCE, SEQUENCE],))
        for kind in ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract", "Concatenate")
    ),
    Example("Dot", {"axes": 2}, ([SEQUENCE, SEQUENCE],)),
    # normalization
    Example("BatchNormalization", {}, (SEQUENCE,)),
    Example("GroupNormalization", {"groups": 3}, (SEQUENCE,)),
    Example("LayerNormalization", {}, (SEQUENCE,)),
    Example("RMSNormalization", {}, (SEQUENCE,)),
    Example("UnitNormalization", {}, (SEQUENCE,)),
    around("SpectralNormalization", FLAT),
    # regularization
    Example("ActivityRegularization", {"l2": 0.1}, (SEQUENCE,)),
    *(
        Example(kind, {"rate": 0.5, "seed": 1}, (SEQUENCE,))
        for kind in ("Dropout", "AlphaDropout", "GaussianDropout")
    ),
    Example("GaussianNoise", {"stddev": 0.5, "seed": 1}, (SEQUENCE,)),
    *ranks("SpatialDropout{}D", {"rate": 0.5, "seed": 1}),
    # shapes
    Example("Flatten", {}, (IMAGE,)),
    Example("Permute", {"dims": (2, 1)}, (SEQUENCE,)),
    Example("RepeatVector", {"n": 2}, (FLAT,)),
    Example("Reshape", {"target_shape": (2, -1)}, (SEQUENCE,)),
    *ranks("Cropping{}D", {"cropping": 1}),
    *ranks("UpSampling{}D", {"size": 2}),
    *ranks("ZeroPadding{}D", {"padding": 1}),
    # convolution and pooling
    *ranks("Conv{}D", CONV),
    *ranks("Conv{}DTranspose", CONV),
    *ranks("DepthwiseConv{}D", {"kernel_size": 2}, upto=2),
    *ranks("SeparableConv{}D", CONV, upto=2),
    *ranks("MaxPooling{}D", {"pool_size": 2}),
    *ranks("AveragePooling{}D", {"pool_size": 2}),
    *ranks("GlobalMaxPooling{}D", {}),
    *ranks("GlobalAveragePooling{}D", {}),
    *ranks("AdaptiveMaxPooling{}D", {"output_size": 2}),
    *ranks("AdaptiveAveragePooling{}D", {"output_size": 2}),
    # recurrent
    *(Example(kind, {"units": 2}, (SEQUENCE,)) for kind in ("SimpleRNN", "GRU", "LSTM")),
    Example("RNN", lambda library: {"cell": library.layers.GRUCell(2)}, (SEQUENCE,)),
    *(Example(kind, {"units": 2}, (FLAT, [(2, 2)])) for kind in ("SimpleRNNCell", "GRUCell")),
    Example("LSTMCell", {"units": 2}, (FLAT, [(2, 2), (2, 2)])),
    Example("StackedRNNCells", lambda library: {"cells": [library.layers.GRUCell(2)]},
            (FLAT, [[(2, 2)]])),
    *ranks("ConvLSTM{}D", {"filters": 1, "kernel_size": 1}),
    around("Bidirectional", SEQUENCE, inner="GRU", units=2, return_sequences=True),
    around("TimeDistributed", SEQUENCE),
    # attention
    Example("Attention", {"use_scale": True}, ([SEQUENCE, SEQUENCE],)),
    Example("AdditiveAttention", {}, ([SEQUENCE, SEQUENCE],)),
    Example("MultiHeadAttention", {"num_heads": 2, "key_dim": 2}, (SEQUENCE, SEQUENCE)),
    Example("GroupQueryAttention", {"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 1},
            (SEQUENCE, SEQUENCE)),
    # preprocessing
    Example("CategoryEncoding", {"num_tokens": 4}, ((2, 3),), 4),
    Example("Discretization", {"bin_boundaries": [0.0, 1.0]}, (FLAT,)),
    Example("HashedCrossing", {"num_bins": 3}, ([(2, 1), (2, 1)],), 9),
    Example("Hashing", {"num_bins": 3}, ((2, 3),), 9),
    Example("IntegerLookup", {"vocabulary": [3, 1, 7]}, ((2, 3),), 9),
    Example("Normalization", {}, (FLAT,)),
    Example("Pipeline", lambda library: {"layers": [library.layers.Dense(3),
                                                    library.layers.Dense(2)]}, (SEQUENCE,)),
    Example("Rescaling", {"scale": 2.0}, (FLAT,)),
]  # fmt: skip
for _example in EXAMPLES:
    if _example.kind.startswith("ConvLSTM"):  # their inputs have time before space
        _n, *_rest = _example.shapes[0]
        _example.shapes = ((_n, 2, *_rest),)
EXAMPLES = [e for e in EXAMPLES if hasattr(layers, e.kind)]
each = pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.kind)


def exported() -> list[type]:
    """The layer classes of the public package, each once whatever its second names."""
    found = {getattr(layers, name): None for name in layers.__all__}
    return [c for c in found if isinstance(c, type) and issubclass(c, layers.Layer)]


def built(example: Example, **more: Any) -> Any:
    """A layer with its weights: called on symbols, which compiles nothing."""
    layer = example.make(**more)
    layer(*example.symbols())
    return layer


def is_symbol(x: Any) -> bool:
    """Whether x is a symbolic tensor of either library."""
    return isinstance(x, (lamina.KerasTensor, keras.KerasTensor))


def floats(structure: Any) -> list[Any]:
    return [a for a in jax.tree.leaves(structure) if jnp.issubdtype(a.dtype, jnp.floating)]


def same(a: Any, b: Any, tolerance: float = 0.0) -> None:
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)


# --- what can be read off the class -------------------------------------------------------------


def test_every_exported_layer_has_an_example():
    known = {e.cls for e in EXAMPLES} | ABSTRACT | OF_TEXTS | FOREIGN
    missing = sorted(c.__name__ for c in exported() if c not in known)
    assert not missing, f"add a row to EXAMPLES for {missing}"


@pytest.mark.parametrize("cls", exported(), ids=lambda c: c.__name__)
def test_documented_under_its_public_name(cls):
    assert cls.__module__ == ("lamina" if cls is layers.Layer else "lamina.layers")
    assert getattr(layers, cls.__qualname__) is cls
    text = inspect.getdoc(cls)
    assert cls.__doc__
    assert "Example:" in text
    first = text.split("\n")[0]
    assert len(first) > 10
    assert not first.startswith(cls.__name__)


@each
def test_a_name_with_a_slash_is_refused(example):
    name = example.cls.__name__
    with pytest.raises(ValueError, match=rf"{name}: expected a name without '/'.\n  Got 'a/b'"):
        example.make(name="a/b")


@each
def test_an_unknown_argument_is_refused_with_the_nearest_name(example):
    words = rf"{example.cls.__name__}: expected only .*\n  Got `nam='x'`.\n.*did you mean `name`\?"
    with pytest.raises(ValueError, match=words):
        example.make(nam="x")


@each
def test_it_supports_masks_if_keras_does(example):
    peer = getattr(keras.layers, example.kind, None)
    if peer is None or example.kind in NEED_TENSORFLOW | {"InputLayer"}:
        pytest.skip("newer than the Keras installed, needs TensorFlow, or never called there")
    assert example.make().supports_masking == example.make(keras).supports_masking


# --- shapes -------------------------------------------------------------------------------------


@each
def test_symbolic_shape_is_the_eager_one(example):
    layer = example.make()
    symbols = example.symbols()
    symbolic = jax.tree.leaves(layer(*symbols), is_leaf=is_symbol)
    arrays = jax.tree.leaves(layer(*example.arrays(batch=5)))
    assert len(symbolic) == len(arrays)
    for t, a in zip(symbolic, arrays, strict=True):
        assert t.shape == (None, *a.shape[1:])
        assert a.shape[0] == 5
        assert t.dtype == str(a.dtype) or {t.dtype, str(a.dtype)} == {"int32", "int64"}
    shapes = example.map(lambda s: (None, *s[1:]))
    named = layer.compute_output_shape(*shapes)
    assert jax.tree.leaves(named) == jax.tree.leaves([t.shape for t in symbolic])


# --- configs and weights ------------------------------------------------------------------------


@each
def test_config_and_weights_travel_through_json_and_arrays(example):
    layer = built(example)
    record = json.loads(json.dumps(layers.serialize(layer)))
    again = layers.deserialize(record)
    assert type(again) is type(layer)
    assert json.loads(json.dumps(layers.serialize(again)))["config"] == record["config"]
    assert layer.get_config()["name"] == again.name == layer.name
    if not again.built:
        again(*example.symbols())
    assert [(w.name, w.shape) for w in again.weights] == [(w.name, w.shape) for w in layer.weights]
    rng = np.random.default_rng(3)
    layer.set_weights([
        rng.uniform(0.5, 1.0, w.shape).astype(str(w.dtype)) for w in layer.weights
    ])  # fmt: skip
    again.set_weights(layer.get_weights())
    same(again(*example.arrays()), layer(*example.arrays()))

    third = layers.deserialize(record)
    third(*example.symbols())
    before = layer.get_weights()
    for source, target in zip(layer._flatten_layers(), third._flatten_layers(), strict=True):
        store: dict[str, Any] = {}
        source.save_own_variables(store)
        target.load_own_variables(store)
    same(third.get_weights(), layer.get_weights())

    # Weights that do not fit change nothing.
    for wrong in (
        [*(w + 1 for w in before), np.zeros(1)],
        [*(w + 1 for w in before[:-1]), [[[9]]]],
    ):
        with pytest.raises(ValueError, match="expected"):
            layer.set_weights(wrong)
    same(layer.get_weights(), before)


@each
def test_copies_are_alike_and_apart(example):
    layer = built(example)
    expected = layer(*example.arrays())
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        same(twin(*example.arrays()), expected)
        assert twin.get_config() == layer.get_config()
        assert not {id(v) for v in twin.variables} & {id(v) for v in layer.variables}


# --- numbers ------------------------------------------------------------------------------------


@pytest.fixture
def mixed():
    before = lamina.config.dtype_policy()
    lamina.config.set_dtype_policy("mixed_bfloat16")
    yield
    lamina.config.set_dtype_policy(before)


@each
def test_mixed_precision_gives_finite_numbers_in_the_compute_dtype(example, mixed):
    layer = built(example)
    out = jax.jit(layer)(*example.arrays())
    if example.kind not in ("CategoryEncoding", "InputLayer"):  # dtype is what they say
        assert {str(a.dtype) for a in floats(out)} <= {"bfloat16"}
    assert all(np.isfinite(np.asarray(a, "float32")).all() for a in floats(out))
    assert all(str(w.dtype) != "bfloat16" for w in layer.weights)


@each
def test_gradients_are_finite(example):
    layer, args = built(example), example.arrays()
    training = "training" in inspect.signature(layer.call).parameters

    def total(weights, args):
        more = {"training": True} if training else {}
        others = [v.value for v in layer.non_trainable_variables]
        out, _ = layer.stateless_call(weights, others, *args, **more)
        return sum(jnp.sum(a * jnp.cos(jnp.arange(a.size)).reshape(a.shape)) for a in floats(out))

    weights = [v.value for v in layer.trainable_variables]
    if example.ints is not None:
        gradients = jax.grad(lambda w: total(w, args) + 0.0)(weights)
    elif floats(jax.eval_shape(layer, *args)):
        gradients = jax.jit(jax.grad(total, argnums=(0, 1)))(weights, args)
    else:
        return  # whole numbers out: there is nothing to derive
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(gradients))
    if weights:
        assert any(np.any(g != 0) for g in jax.tree.leaves(gradients))


@each
def test_masks_go_on_where_keras_lets_them(example):
    first = example.shapes[0][0] if isinstance(example.shapes[0], list) else example.shapes[0]
    if not hasattr(keras.layers, example.kind) or example.ints is not None or len(first) < 3:
        pytest.skip("no time steps to mask, or newer than the Keras installed")
    if example.kind == "Pipeline":
        pytest.skip("Keras warns that it loses masks, and does so with symbols only")
    found = []
    for library in (lamina, keras):  # here masks go with arrays, there with symbols, too
        inputs = example.arrays() if library is lamina else example.symbols(keras)
        args = jax.tree.map(library.layers.Masking(), inputs, is_leaf=is_symbol)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            out = example.make(library, name="one")(*args)
        told = any("mask" in str(w.message) and "one" in str(w.message) for w in caught)
        masks = [getattr(t, "_keras_mask", None) for t in jax.tree.leaves(out, is_leaf=is_symbol)]
        found.append(([None if m is None else len(m.shape) for m in masks], told))
    assert found[0] == found[1]


# --- in models ----------------------------------------------------------------------------------


@each
def test_shared_it_has_its_weights_once(example):
    layer = example.make()
    symbols = example.symbols(), example.symbols()
    outputs = [layer(*s) for s in symbols]
    count = len(layer.variables)
    flat = jax.tree.leaves(symbols, is_leaf=is_symbol)
    model = lamina.Model(flat, outputs)
    assert len(model.variables) == count
    args = example.arrays(seed=1), example.arrays(seed=2)
    same(model(jax.tree.leaves(args)), [layer(*a) for a in args], 1e-6)


# The rank is a parameter of one class: two axes of space stand for one and three.
ONE_RANK = [e for e in EXAMPLES if not re.search("[13]D", e.kind)]


@pytest.mark.parametrize("example", ONE_RANK, ids=lambda e: e.kind)
def test_an_epochs_program_does_what_steps_do(example):
    layer = built(example)
    if not layer.variables or example.kind == "Normalization":
        pytest.skip("nothing to train, nothing drawn")
    args = example.arrays(batch=4)
    runs = []
    for run_eagerly in (False, True):
        twin = copy.deepcopy(layer)
        symbols = example.symbols()
        flat = jax.tree.leaves(symbols, is_leaf=is_symbol)
        outputs = jax.tree.leaves(twin(*symbols), is_leaf=is_symbol)[0]
        model = lamina.Model(flat, outputs)
        model.compile(lamina.optimizers.SGD(0.1), "mse", run_eagerly=run_eagerly)
        target = np.ones((4, *outputs.shape[1:]), "float32")
        losses = model.fit(
            jax.tree.leaves(args), target, batch_size=2, shuffle=False, verbose=0
        ).history["loss"]  # fmt: skip
        runs.append(([v.numpy() for v in twin.variables], losses))
    same(runs[0], runs[1], 2e-5)
    assert any((a != b.numpy()).any() for a, b in zip(runs[0][0], layer.variables, strict=True))


# --- bad input ----------------------------------------------------------------------------------


def explained(error: Exception, layer: Any) -> bool:
    """Whether an error is one of three parts that says in which layer it arose."""
    text = "\n".join([str(error), *getattr(error, "__notes__", ())])
    parts = ("expected ", "\n  Got ", "\n  Help: ", layer.name)
    return isinstance(error, ValueError) and all(p in text for p in parts)


@each
def test_what_is_no_array_is_refused(example):
    layer = built(example)
    for given in ("text", object(), [np.ones(2), "text"]):
        if example.kind == "Hashing":
            continue  # it takes texts
        with pytest.raises(ValueError, match="expected") as caught:
            layer(given, *example.arrays()[1:])
        assert explained(caught.value, layer), caught.value


@each
@pytest.mark.parametrize("change", ["no axes", "an axis less", "an axis more"])
def test_of_another_rank_it_works_or_says_why_not(example, change):
    layer = example.make()
    axes = {"no axes": lambda s: s[:1], "an axis less": lambda s: s[:-1],
            "an axis more": lambda s: (*s, 2)}[change]  # fmt: skip
    try:
        layer(*dataclasses.replace(example, shapes=example.map(axes)).symbols())
    except Exception as error:
        if not explained(error, layer):
            raise


SIZED = [e for e in EXAMPLES if e.ints is None and e.kind not in ("Attention", "InputLayer")]


@pytest.mark.parametrize("example", SIZED, ids=lambda e: e.kind)
def test_of_sizes_it_was_not_built_for_it_says_so(example):
    layer = built(example)
    if not layer.weights:
        pytest.skip("nothing was built")
    other = dataclasses.replace(example, shapes=example.map(lambda s: (*s[:-1], s[-1] + 3)))
    for inputs in (other.arrays(), other.symbols()):
        with pytest.raises(Exception) as caught:  # noqa: PT011
            layer(*inputs)
        assert explained(caught.value, layer), repr(caught.value)
