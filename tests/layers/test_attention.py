"""Attention, AdditiveAttention, MultiHeadAttention, GroupQueryAttention."""

import warnings

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import lamina
from lamina import layers

from .side_by_side import (
    Case,
    assert_close,
    check_config,
    check_mixed,
    check_shapes,
    check_values,
    first_of_each,
    plain,
    share_weights,
    simple_starts,
    unknown_sizes,
    with_mask,
)

PAIR, TRIPLE = [(2, 3, 4), (2, 5, 4)], [(2, 3, 4), (2, 5, 6), (2, 5, 4)]
CASES = [
    Case("Attention", {}, PAIR),
    Case("Attention", {"use_scale": True, "score_mode": "concat"}, TRIPLE),
    Case("Attention", {"use_scale": True}, PAIR, call={"use_causal_mask": True}),
    Case("AdditiveAttention", {}, TRIPLE),
    Case("AdditiveAttention", {"use_scale": False}, PAIR),
]
each = pytest.mark.parametrize("case", CASES, ids=str)


@each
def test_values_and_gradients(case):
    check_values(case)


@each
def test_shapes(case):
    check_shapes(case)


@each
def test_config(case):
    check_config(case)


@pytest.mark.parametrize("case", first_of_each(CASES), ids=str)
def test_mixed_precision(case):
    check_mixed(case)


@pytest.mark.parametrize("kind", ["Attention", "AdditiveAttention"])
@pytest.mark.parametrize("causal", [False, True])
def test_masks_scores_and_the_mask_of_the_outputs(kind, causal):
    case = Case(kind, {}, PAIR)
    ours, theirs = case.pair()
    share_weights(ours, theirs)
    query, value = case.inputs()
    query = with_mask(query, [[True, True, False], [True, False, False]])
    value = with_mask(value, [[True, True, False, False, False], [True] * 5])
    options = {"return_attention_scores": True, "use_causal_mask": causal}
    mine, his = (layer([query, value], **options) for layer in (ours, theirs))
    assert_close(mine, his)
    assert not mine[0][1, 1:].any()
    np.testing.assert_allclose(mine[1][0, :, 2:], 0, atol=1e-6)
    assert mine[0]._keras_mask.tolist() == his[0]._keras_mask.tolist()
    assert getattr(mine[1], "_keras_mask", None) is None
    given = ours([query, value], mask=[None, jnp.zeros((2, 5), bool)])
    assert np.isfinite(given).all()


# --- several heads ------------------------------------------------------------------------------

SELF, CROSS = [(2, 3, 8), (2, 3, 8)], [(2, 3, 8), (2, 5, 6), (2, 5, 7)]
WIDE = [(2, 3, 8), (2, 5, 8), (2, 5, 7)]  # Keras wants values as wide as queries where heads group
LIMITS = np.array([[[1, 0, 1, 0, 1], [0, 1, 1, 0, 0], [1, 1, 1, 1, 1]]] * 2, bool)
MULTI, GROUPED = (
    {"num_heads": 2, "key_dim": 3},
    {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2},
)
HEADED = [
    Case("MultiHeadAttention", MULTI, SELF),
    Case("MultiHeadAttention", {**MULTI, "value_dim": 5, "output_shape": (2, 3)}, CROSS,
         call={"return_attention_scores": True}),  # without the scores Keras wants key_dim for both
    Case("MultiHeadAttention", MULTI, CROSS, call={"attention_mask": LIMITS}),
    Case("MultiHeadAttention", {**MULTI, "use_bias": False}, SELF, call={"use_causal_mask": True}),
    Case("MultiHeadAttention", MULTI, CROSS,
         call={"use_causal_mask": True, "attention_mask": LIMITS, "return_attention_scores": True}),
    Case("MultiHeadAttention", {**MULTI, "sliding_window": 2, "use_gate": True}, SELF),
    Case("MultiHeadAttention", {**MULTI, "dropout": 0.4}, SELF, call={"use_causal_mask": True}),
    Case("MultiHeadAttention", {**MULTI, "attention_axes": (2,)}, [(2, 3, 4, 8), (2, 3, 5, 6)]),
    Case("MultiHeadAttention", {**MULTI, "attention_axes": (1, -2)}, [(2, 3, 2, 8), (2, 4, 2, 8)],
         call={"return_attention_scores": True}),
    Case("MultiHeadAttention", MULTI, [(2, 2, 3, 8), (2, 3, 2, 8)]),
    Case("GroupQueryAttention", GROUPED, SELF),
    Case("GroupQueryAttention", {**GROUPED, "use_gate": True, "sliding_window": 2}, WIDE),
    Case("GroupQueryAttention", {**GROUPED, "use_bias": False, "dropout": 0.4}, SELF,
         call={"use_causal_mask": True}),
    Case("GroupQueryAttention", GROUPED, WIDE,
         call={"attention_mask": LIMITS, "return_attention_scores": True}),
]  # fmt: skip
each_headed = pytest.mark.parametrize("case", HEADED, ids=str)


def headed_pair(case, **more):
    ours, theirs = case.make(lamina, **more), case.make(keras, **more)
    with simple_starts():
        for layer in (ours, theirs):
            layer.build(*case.shape)
    share_weights(ours, theirs)
    return ours, theirs


def outputs_and_gradients(layer, xs, call):
    """The outputs, and the gradients of a sum of them with respect to weights and inputs."""
    library = lamina if isinstance(layer, lamina.Layer) else keras

    def loss(weights, xs):
        variables = layer.trainable_variables
        if library is lamina:
            ys, _ = layer.stateless_call(weights, layer.non_trainable_variables, *xs, **call)
        else:
            with keras.StatelessScope(state_mapping=list(zip(variables, weights, strict=True))):
                ys = layer(*xs, **call)
        first = jax.tree.leaves(ys)[0]
        return jnp.sum(first * jnp.cos(jnp.arange(first.size)).reshape(first.shape)), ys

    weights = [v.value for v in layer.trainable_variables]
    (_, ys), gradients = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))(weights, xs)
    return ys, gradients


@each_headed
def test_headed_values_and_gradients(case):
    ours, theirs = headed_pair(case)
    xs = case.inputs()
    assert_close(
        outputs_and_gradients(ours, xs, case.call), outputs_and_gradients(theirs, xs, case.call)
    )


@each_headed
def test_headed_shapes(case):
    ours, theirs = case.make(lamina), case.make(keras)
    shapes = unknown_sizes(case.shape)
    call = {k: v for k, v in case.call.items() if k != "attention_mask"}
    mine = ours(*(lamina.Input(batch_shape=s) for s in shapes), **call)
    with simple_starts():
        his = theirs(*(keras.Input(batch_shape=s) for s in shapes), **call)
    if isinstance(his, tuple):
        # Keras takes the lengths of query and value, and the rank of scores, for given.
        mine, his, scores = mine[0], his[0], mine[1]
        y = ours(*case.inputs(), **case.call)[1]
        assert scores.shape[1:] == y.shape[1:]
    assert (mine.shape, mine.dtype) == (his.shape, his.dtype)
    assert ours.compute_output_shape(*shapes) == theirs.compute_output_shape(*shapes)
    unknown = [(None, *[None] * (len(s) - 2), s[-1]) for s in shapes]
    again = case.make(lamina)(*(lamina.Input(batch_shape=s) for s in unknown), **call)
    again = again[0] if isinstance(again, tuple) else again
    assert again.shape[-1] == mine.shape[-1]
    assert again.shape[0] is None


@each_headed
def test_headed_config(case):
    check_config(case)
    ours, theirs = headed_pair(case, name="one")
    assert plain(ours.get_config()) == plain(theirs.get_config())


@pytest.mark.parametrize("case", first_of_each(HEADED), ids=str)
def test_headed_mixed_precision(case):
    ours, theirs = headed_pair(case, dtype="mixed_bfloat16")
    xs = case.inputs()
    assert_close(ours(*xs), theirs(*xs), 2e-2)


@pytest.mark.parametrize("case", first_of_each(HEADED), ids=str)
@pytest.mark.parametrize("scores", [False, True])
def test_masks_of_the_context(case, scores):
    """Every query sees something here; rows that see nothing are the next test's."""
    ours, theirs = headed_pair(case)
    query, value = case.inputs()
    seen = [[True, True, False], [True, False, False]]
    results = []
    for layer in (ours, theirs):
        with warnings.catch_warnings():
            if layer is theirs:  # Keras warns of what its own projections drop
                warnings.filterwarnings("ignore", "Layer '(key|value|query)'")
            results.append(layer(query, with_mask(value, seen), return_attention_scores=scores))
    assert_close(results[0], results[1])
    changed = value.at[1, 1:].set(7.0)
    again = ours(query, with_mask(changed, seen), return_attention_scores=scores)
    assert_close(again, results[0])


def test_the_mask_of_the_query_goes_on_and_stays_on_the_query():
    case = HEADED[0]
    ours, theirs = headed_pair(case)
    x = case.inputs()[0]
    seen = np.array([[True, True, False], [True, True, True]])
    mine, his = with_mask(x, seen), with_mask(x, seen)
    y, expected = ours(mine, mine), theirs(his, his)
    assert_close(y, expected)
    assert y._keras_mask.tolist() == expected._keras_mask.tolist() == seen.tolist()
    assert mine._keras_mask.tolist() == seen.tolist()  # Keras takes it away
    named = ours(x, x, query_mask=jnp.asarray(seen), value_mask=jnp.asarray(seen))
    assert_close(named, y)


@pytest.mark.parametrize("kind", ["MultiHeadAttention", "GroupQueryAttention"])
def test_dropout_falls_on_the_weights_of_the_sum(kind):
    options = {"MultiHeadAttention": MULTI, "GroupQueryAttention": GROUPED}[kind]
    layer = getattr(layers, kind)(**options, dropout=0.5, seed=3)
    x = np.random.normal(size=(2, 16, 8)).astype("float32")
    still = layer(x, x)
    first, second = layer(x, x, training=True), layer(x, x, training=True)
    assert not np.allclose(first, second)
    assert not np.allclose(first, still)
    assert np.abs(np.mean(first - still)) < 0.2
    assert_close(layer(x, x, training=False), still)


def test_values_of_another_size_than_keys():
    layer = layers.MultiHeadAttention(2, 3, value_dim=5)
    x, y = (np.random.normal(size=s).astype("float32") for s in ((2, 3, 8), (2, 4, 8)))
    assert_close(layer(x, y), layer(x, y, return_attention_scores=True)[0])


def test_projections_have_penalties_constraints_and_starts_of_their_own():
    layer = layers.MultiHeadAttention(
        2, 3, kernel_regularizer="l2", activity_regularizer="l2", kernel_constraint="non_neg"
    )
    x = np.ones((1, 2, 6), "float32")
    layer(x, x)
    assert len(layer.losses) == 4 + 4
    assert layer.query_dense.kernel.constraint is not None
    query, key = layer.query_dense.kernel.numpy(), layer.key_dense.kernel.numpy()
    assert (query != key).any()
    assert [d.name for d in (layer.value_dense, layer.output_dense)] == [
        "value",
        "attention_output",
    ]


def test_lora_of_a_projection():
    layer = layers.MultiHeadAttention(2, 3)
    layer.build((None, 4, 6), (None, 4, 6))
    layer.query_dense.enable_lora(2)
    names = [v.path.split("/", 1)[1] for v in layer.trainable_variables]
    assert "query/lora_kernel_a" in names
    assert "query/kernel" not in names


def test_an_own_attention_gets_the_causal_mask_spelled_out():
    class Uniform(layers.MultiHeadAttention):
        def _compute_attention(self, query, key, value, mask, training, scores=False):
            assert mask.shape == (1, 3, 3)
            weights = mask / mask.sum(-1, keepdims=True)
            return jnp.einsum("nts,nshv->nthv", jnp.repeat(weights, 2, 0), value), None

    x = np.random.normal(size=(2, 3, 8))
    assert Uniform(2, 4)(x, x, use_causal_mask=True).shape == (2, 3, 8)


@pytest.mark.parametrize(
    ("make", "shapes", "words"),
    [
        (lambda: layers.MultiHeadAttention(2, 3), CROSS[:2] + [(2, 4, 7)], "one key for each"),
        (lambda: layers.MultiHeadAttention(2, 3), [(2, 8), (2, 8)], "as many axes, 3 or more"),
        (lambda: layers.GroupQueryAttention(3, 4, 2), [(2, 3, 2, 8)] * 2, "of 3 axes"),
        (lambda: layers.Attention(), [(2, 3, 8)], r"expected a list \[query, value\]"),
    ],
)
def test_bad_shapes(make, shapes, words):
    with pytest.raises(ValueError, match=words) as caught:
        make()(*(layers.Input(batch_shape=s) for s in shapes))
    assert "Got " in str(caught.value)
    assert "Help: " in str(caught.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.MultiHeadAttention(0, 3), "a positive integer as `num_heads`"),
        (lambda: layers.MultiHeadAttention(2, 3.0), "a positive integer as `key_dim`"),
        (lambda: layers.MultiHeadAttention(2, 3, sliding_window=0), "positive number of steps"),
        (lambda: layers.MultiHeadAttention(2, 3, attention_axes="a"), "the number of an axis"),
        (lambda: layers.MultiHeadAttention(2, 3, dropout=0.1, flash_attention=True), "dropout=0.0"),
        (lambda: layers.GroupQueryAttention(3, 4, 3), "to be a multiple"),
        (lambda: layers.Attention(score_mode="add"), "one of dot, concat as `score_mode`"),
    ],
)
def test_bad_arguments(make, words):
    with pytest.raises(ValueError, match=words):
        make()
