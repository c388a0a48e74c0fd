"""Losses by themselves: extremes, errors, symbolic calls, weights that Keras gets wrong, CTC."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lamina import losses
from lamina._core.masks import set_mask
from lamina._core.tensor import KerasTensor

INF = float("inf")


def value_and_grad(loss, t, p):
    both = jax.jit(jax.value_and_grad(lambda p: jnp.sum(loss(np.asarray(t), p))))
    value, grad = both(jnp.asarray(p))
    return np.asarray(value), np.asarray(grad)


CERTAIN = [[1.0, 0.0], [0.0, 1.0]]
EXTREMES = {
    "categorical, sure and right": (losses.CategoricalCrossentropy(), CERTAIN, CERTAIN),
    "categorical, sure and wrong": (losses.CategoricalCrossentropy(), CERTAIN, CERTAIN[::-1]),
    "categorical, all zeros": (losses.CategoricalCrossentropy(), CERTAIN, [[0.0, 0.0]] * 2),
    "categorical, huge logits": (
        losses.CategoricalCrossentropy(from_logits=True), CERTAIN, [[1e30, -1e30], [-1e30, 1e30]],
    ),
    "categorical, infinite logits": (
        losses.CategoricalCrossentropy(from_logits=True), CERTAIN, [[INF, 0.0], [-INF, 0.0]],
    ),
    "sparse, infinite logits": (
        losses.SparseCategoricalCrossentropy(from_logits=True), [0, 1], [[INF, 0.0], [-INF, 0.0]],
    ),
    "sparse, NaN in what is ignored": (
        losses.SparseCategoricalCrossentropy(ignore_class=-1), [-1, 1], [[np.nan, INF], [0.5, 0.5]],
    ),
    "binary, sure and right": (losses.BinaryCrossentropy(), CERTAIN, CERTAIN),
    "binary, sure and wrong": (losses.BinaryCrossentropy(), CERTAIN, CERTAIN[::-1]),
    "binary, infinite logits": (
        losses.BinaryCrossentropy(from_logits=True), CERTAIN, [[INF, -INF], [-INF, INF]],
    ),
    "binary focal, sure and right": (losses.BinaryFocalCrossentropy(gamma=0.5), CERTAIN, CERTAIN),
    "binary focal, infinite logits": (
        losses.BinaryFocalCrossentropy(from_logits=True), CERTAIN, [[INF, -INF], [-INF, INF]],
    ),
    "binary focal, overflowing and wrong": (
        losses.BinaryFocalCrossentropy(from_logits=True), CERTAIN, [[-3e38, 3e38], [3e38, -3e38]],
    ),
    "binary focal, infinite logits and wrong": (
        losses.BinaryFocalCrossentropy(from_logits=True), CERTAIN, [[-INF, INF], [INF, -INF]],
    ),
    "categorical focal, infinite logits and wrong": (
        losses.CategoricalFocalCrossentropy(from_logits=True), CERTAIN, [[-INF, INF], [0.0, -INF]],
    ),
    "categorical focal, sure": (
        losses.CategoricalFocalCrossentropy(gamma=0.5), CERTAIN, CERTAIN[::-1],
    ),
    "categorical focal, infinite logits": (
        losses.CategoricalFocalCrossentropy(gamma=0.5, from_logits=True), CERTAIN,
        [[INF, 0.0], [-INF, 0.0]],
    ),
    "generalized, sure and wrong": (
        losses.CategoricalGeneralizedCrossEntropy(), [0, 1], CERTAIN[::-1],
    ),
    "divergence, zeros": (losses.KLDivergence(), CERTAIN, CERTAIN[::-1]),
    "poisson, zeros": (losses.Poisson(), CERTAIN, [[0.0, 0.0]] * 2),
    "cosine, zeros": (losses.CosineSimilarity(), CERTAIN, [[0.0, 0.0]] * 2),
    "cosine, huge": (losses.CosineSimilarity(), CERTAIN, [[1e30, 0.0], [0.0, 1e-30]]),
    "huber, infinite error": (losses.Huber(reduction="none"), CERTAIN, [[1e30, 0.0], [0.0, -1e30]]),
    "log cosh, huge error": (losses.LogCosh(), CERTAIN, [[1e30, 0.0], [0.0, -1e30]]),
    "percentage, zeros": (losses.MeanAbsolutePercentageError(), [[0.0, 0.0]] * 2, CERTAIN),
    "logarithmic, negative": (losses.MeanSquaredLogarithmicError(), CERTAIN, [[-5.0, -1.0]] * 2),
    "logarithmic, infinite and wrong": (
        losses.MeanSquaredLogarithmicError(), CERTAIN, [[INF, 1.0], [0.0, INF]],
    ),
    "dice, nothing there": (losses.Dice(), [[0.0, 0.0]] * 2, [[0.0, 0.0]] * 2),
    "tversky, nothing there": (losses.Tversky(), [[0.0, 0.0]] * 2, [[0.0, 0.0]] * 2),
    "circle, no partners": (losses.Circle(), [0, 1], CERTAIN),
    "circle, no opponents": (losses.Circle(), [0, 0], CERTAIN),
    "ctc, too few frames": (losses.CTC(), [[1, 1, 1, 1]], [[[0.0, 1.0]] * 3]),
    "ctc, huge logits": (losses.CTC(), [[1, 0]], [[[1e30, -1e30]] * 3]),
}  # fmt: skip


@pytest.mark.parametrize("name", EXTREMES)
def test_extremes_are_finite(name):
    loss, t, p = EXTREMES[name]
    value, grad = value_and_grad(loss, t, np.asarray(p, "float32"))
    assert np.isfinite(grad).all(), grad
    infinite = "wrong" not in name and "huge logits" not in name
    assert np.isfinite(value) or "infinite logits" in name or not infinite, value


def test_known_values_at_extremes():
    sparse = losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
    np.testing.assert_allclose(
        sparse([0, 1, 0], [[INF, 0.0], [-INF, 0.0], [-INF, 0.0]]), [0, 0, INF]
    )
    binary = losses.BinaryCrossentropy(from_logits=True, reduction=None)
    np.testing.assert_allclose(binary([[1.0], [0.0], [0.0]], [[INF], [-INF], [INF]]), [0, 0, INF])
    focal = losses.BinaryFocalCrossentropy(from_logits=True)
    for t, p, slope in ([0.0, INF, 1], [1.0, -INF, -1], [0.0, 3e38, 1], [1.0, INF, 0]):
        value, grad = value_and_grad(focal, [[t]], np.float32([[p]]))
        assert (value, grad) == (p * slope if slope else 0, slope)
    assert losses.CosineSimilarity()([[1.0, 0.0]], [[1e30, 0.0]]) == -1.0
    assert losses.Huber()([[0.0]], [[INF]]) == INF


def test_nothing_that_counts_gives_zero():
    t, p = np.ones((3, 2), "float32"), jnp.zeros((3, 2))
    zeros = np.zeros(3, "float32")
    for reduction in losses._loss.REDUCTIONS:
        assert np.all(np.asarray(losses.MeanSquaredError(reduction)(t, p, zeros)) == 0)
    set_mask(p, jnp.zeros(3, bool))
    loss = losses.MeanSquaredError()
    assert loss(t, p) == 0
    grad = jax.grad(lambda x: losses.MeanSquaredError("mean_with_sample_weight")(t, x, zeros))(p)
    assert np.all(np.asarray(grad) == 0)
    assert losses.MeanSquaredError()(np.ones((0, 2)), np.ones((0, 2))).shape == (0,)


def test_weights_are_per_sample_whatever_the_shape():
    rng = np.random.RandomState(0)
    t, p = rng.rand(3, 3, 2).astype("float32"), rng.rand(3, 3, 2).astype("float32")
    weight = np.array([1.0, 2.0, 0.0], "float32")
    each = np.square(t - p).mean(-1)
    loss = losses.MeanSquaredError()
    np.testing.assert_allclose(loss(t, p, weight), (each * weight[:, None]).mean(), rtol=1e-6)
    np.testing.assert_allclose(loss(t[:2], p[:2], weight), (each[:2] * weight).mean(), rtol=1e-6)


def test_soft_labels_have_gradients():
    loss = losses.CategoricalCrossentropy(from_logits=True)
    grad = jax.grad(lambda t: loss(t, np.array([[1.0, 2.0]])))(jnp.asarray([[0.0, 1.0]]))
    np.testing.assert_allclose(grad, -jax.nn.log_softmax(jnp.asarray([[1.0, 2.0]])), rtol=1e-6)


def test_structures():
    class Both(losses.Loss):
        def call(self, y_true, y_pred):
            return jnp.abs(y_true["a"] - y_pred["a"]) + jnp.abs(y_true["b"] - y_pred["b"])

    t = {"a": np.zeros(2), "b": np.ones(2)}
    assert Both()(t, {"a": np.ones(2), "b": np.ones(2)}, sample_weight=np.array([1.0, 3.0])) == 2.0


@pytest.mark.parametrize("axis", [-1, 1])
def test_sparse_class_axis(axis):
    rng = np.random.RandomState(0)
    logits, classes = rng.randn(2, 4, 3).astype("float32"), rng.randint(0, 3, (2, 4))
    moved = np.moveaxis(logits, -1, axis)
    value = losses.sparse_categorical_crossentropy(classes, moved, True, axis=axis)
    expected = optax.softmax_cross_entropy_with_integer_labels(logits, classes)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    column = np.expand_dims(classes, axis)
    again = losses.sparse_categorical_crossentropy(column, moved, True, axis=axis)
    np.testing.assert_allclose(again, value)


def test_smoothing_counts_the_classes_of_the_axis():  # Keras those of the last one
    t = np.eye(4, dtype="float32")[np.random.RandomState(0).randint(0, 4, (2, 3))]
    p = np.random.RandomState(1).rand(2, 3, 4).astype("float32")
    loss = losses.CategoricalCrossentropy(label_smoothing=0.2, axis=1)
    value = loss(np.moveaxis(t, -1, 1), np.moveaxis(p, -1, 1))
    np.testing.assert_allclose(value, losses.CategoricalCrossentropy(label_smoothing=0.2)(t, p))


def test_ctc_beside_optax():
    rng = np.random.RandomState(3)
    labels = np.array([[1, 2, 2, 3], [3, 3, 3, 0], [1, 0, 0, 0], [2, 1, 2, 1]])
    logits = rng.randn(4, 9, 5).astype("float32") * 3

    def ours(x):
        each = losses.ctc(labels, x)
        return jnp.sum(each), each

    def reference(x):
        each = optax.ctc_loss(x, np.zeros((4, 9)), labels, (labels == 0).astype("float32"))
        return jnp.sum(each), each

    (_, each), grad = jax.jit(jax.value_and_grad(ours, has_aux=True))(logits)
    (_, their_each), their_grad = jax.jit(jax.value_and_grad(reference, has_aux=True))(logits)
    np.testing.assert_allclose(each, their_each, rtol=1e-5)
    np.testing.assert_allclose(grad, their_grad, rtol=1e-4, atol=1e-5)


def test_ctc_is_the_sum_over_alignments():
    log_p = jax.nn.log_softmax(jnp.asarray(np.random.RandomState(0).randn(1, 4, 3), "float32"))
    total = 0.0
    for path in itertools.product(range(3), repeat=4):
        collapsed = [k for k, _ in itertools.groupby(path) if k]
        if collapsed == [1, 2]:
            total += np.exp(sum(float(log_p[0, t, k]) for t, k in enumerate(path)))
    np.testing.assert_allclose(losses.ctc([[1, 2]], log_p), [-np.log(total)], rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "t", "p", "shape"),
    [
        ("mean_squared_error", (None, 3), (None, 3), (None,)),
        ("categorical_crossentropy", (None, 5, 3), (None, 5, 3), (None, 5)),
        ("sparse_categorical_crossentropy", (None,), (None, 3), (None,)),
        ("binary_focal_crossentropy", (2, 3), (2, 3), (2,)),
        ("circle", (None,), (None, 3), (None,)),
        ("ctc", (None, 4), (None, 9, 3), (None,)),
        ("dice", (None, 4), (None, 4), ()),
        ("hinge", (None, 4), (None, 4), (None,)),
    ],
)
def test_symbolic_calls(name, t, p, shape):
    t, p = KerasTensor(t, "float32"), KerasTensor(p, "float32")
    out = getattr(losses, name)(t, p)
    assert (out.shape, out.dtype) == (shape, "float32")
    loss = losses.LossFunctionWrapper(getattr(losses, name))(t, p)
    assert (loss.shape, loss.dtype, loss.node.operation.name) == ((), "float32", loss.node.name)


def test_numbers_in_lists():
    loss = losses.BinaryCrossentropy()
    assert loss([1, 0], [0.5, 0.5]) == loss(np.array([1, 0]), np.array([0.5, 0.5]))
    np.testing.assert_allclose(losses.mean_squared_error([1, 2], [1, 4]), 2.0)  # whole numbers


MISTAKES = {
    "reduction": (lambda: losses.MeanSquaredError(reduction="summ"), "did you mean 'sum'"),
    "reduction unlike any": (lambda: losses.Huber(reduction="best"), "None keeps"),
    "no such loss": (lambda: losses.get("meen_squared_error"), "mean_squared_error"),
    "labels": (lambda: losses.mean_squared_error(np.ones((4, 2)), np.ones((4, 3))), "(4, 2)"),
    "one-hot": (
        lambda: losses.categorical_crossentropy(np.ones(4), np.ones((4, 3))), "to_categorical",
    ),
    "not one-hot": (
        lambda: losses.sparse_categorical_crossentropy(np.ones((4, 3)), np.ones((4, 3))),
        "categorical_crossentropy",
    ),
    "label out of range": (
        lambda: losses.sparse_categorical_crossentropy([0, 3], np.ones((2, 3))), "from 0 to 3",
    ),
    "binary": (lambda: losses.binary_crossentropy(np.ones((4, 2)), np.ones((4, 3))), "(4, 3)"),
    "weights": (
        lambda: losses.MeanSquaredError()(np.ones((4, 2)), np.ones((4, 2)), np.ones(3)), "(3,)",
    ),
    "circle": (lambda: losses.circle([[0, 1]], [[1.0, 0.0]]), "argmax"),
    "ctc": (lambda: losses.ctc([1, 2], np.ones((1, 3, 4))), "(N, T, C)"),
    "generalized": (
        lambda: losses.CategoricalGeneralizedCrossEntropy()(np.eye(3), np.eye(3)), "argmax",
    ),
    "structure": (
        lambda: losses.LossFunctionWrapper(len)([np.ones(2)], [np.ones(2), np.ones(2)]), "2 pred",
    ),
    "mask": (lambda: _loss_with_long_mask(), "mask"),
}  # fmt: skip
# These errors have nothing to advise.
BRIEF = {
    "axis": lambda: losses.categorical_crossentropy(np.eye(3), np.eye(3), axis=2),
    "axis is no flag": lambda: losses.categorical_crossentropy(np.eye(3), np.eye(3), axis=True),
    "number": lambda: losses.mean_squared_error(1.0, 2.0),
    "q": lambda: losses.CategoricalGeneralizedCrossEntropy(q=1.0),
    "delta": lambda: losses.Huber(delta=-1.0),
    "label_smoothing": lambda: losses.CategoricalCrossentropy(label_smoothing=2.0),
}


def _loss_with_long_mask():
    p = jnp.ones((4, 3, 1))
    set_mask(p, jnp.ones((4, 3), bool))
    return losses.MeanSquaredError()(np.ones((4, 3)), p)


@pytest.mark.parametrize("name", [*MISTAKES, *BRIEF])
def test_mistakes_are_explained(name):
    call, advice = MISTAKES.get(name) or (BRIEF[name], "")
    with pytest.raises(ValueError, match="expected") as caught:
        call()
    text = str(caught.value)
    assert "\n  Got " in text
    assert advice in text
    assert "\n  Help: " in text or name in BRIEF


def test_one_class_warns():
    with pytest.warns(SyntaxWarning, match="binary_crossentropy"):
        losses.categorical_crossentropy(np.ones((2, 1)), np.ones((2, 1)))
