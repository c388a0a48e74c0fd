"""Metrics by themselves: extremes, errors, late variables, dictionaries, weights, precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import losses, metrics
from lamina._core.tensor import KerasTensor

RNG = np.random.RandomState(0)
BITS = RNG.randint(0, 2, (6, 3)).astype("float32")
CHANCES = RNG.rand(6, 3).astype("float32")


class Extent(metrics.Metric):
    """A user's metric: variables as the first batch wants them, and a dictionary as result."""

    def __init__(self, name="extent", **kwargs):
        super().__init__(name=name, **kwargs)
        self.largest = None

    def update_state(self, y_true, y_pred, sample_weight=None):
        if self.largest is None:
            self.largest = self.add_weight((y_pred.shape[-1],), name="largest")
        self.largest.assign(jnp.maximum(self.largest.value, jnp.max(y_pred, axis=0)))

    def result(self):
        return {"first": self.largest[0], "last": self.largest[-1]}


LATE = {
    "extent": Extent,
    "r2": metrics.R2Score,
    "f1": metrics.F1Score,
    "auc": lambda: metrics.AUC(multi_label=True),
}


@pytest.mark.parametrize("name", LATE)
def test_late_variables_are_there_before_compiled_code(name):
    metric, eager = LATE[name](), LATE[name]()
    metric.prepare(KerasTensor((None, 3), "float32"), KerasTensor((None, 3), "float32"))
    update = jax.jit(metric.stateless_update_state)
    state = update([v.value for v in metric.variables], BITS, CHANCES)
    eager.update_state(BITS, CHANCES)
    ours = metric.stateless_result(state)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), ours, eager.result())
    assert not any(v.numpy().any() for v in metric.variables)


def test_late_variables_make_no_trouble_when_left_out():
    for make in (metrics.R2Score, metrics.F1Score, LATE["auc"]):
        metric = make()
        assert float(metric.result()) == 0.0
        metric.reset_state()
    Extent().prepare(
        KerasTensor((None,), "float32"), KerasTensor((), "float32")
    )  # cannot, is silent


def test_metrics_inside_metrics():
    class Pair(metrics.Metric):
        def __init__(self):
            super().__init__(name="pair")
            self.parts = [metrics.MeanSquaredError(), metrics.MeanAbsoluteError()]

        def update_state(self, y_true, y_pred, sample_weight=None):
            for part in self.parts:
                part.update_state(y_true, y_pred, sample_weight)

        def result(self):
            return {part.name: part.result() for part in self.parts}

    pair = Pair()
    state = jax.jit(pair.stateless_update_state)(pair.stateless_reset_state(), BITS, CHANCES)
    assert [v.name for v in pair.variables] == ["total", "count"] * 2
    np.testing.assert_allclose(
        pair.stateless_result(state)["mean_squared_error"],
        np.square(BITS - CHANCES).mean(),
        rtol=1e-5,
    )


def taken(metric, *batch):
    """Give a batch to a metric, compiled, which is quicker here; return its result."""
    if len(batch) > 1:
        metric.prepare(*batch[:2])

    @jax.jit
    def both(state):
        state = metric.stateless_update_state(state, *batch)
        return state, metric.stateless_result(state)

    state, result = both(metric.stateless_reset_state())
    for variable, value in zip(metric.variables, state, strict=True):
        variable.assign(value)
    return np.asarray(result)


def test_weights_of_zero():
    zeros = np.zeros(6, "float32")
    for metric in (
        metrics.MeanSquaredError(),
        metrics.AUC(),
        metrics.AUC(curve="PR"),
        metrics.Precision(),
        metrics.F1Score(),
        metrics.R2Score(),
        metrics.MeanIoU(2, dtype="float32", sparse_y_pred=True),
        metrics.SensitivityAtSpecificity(0.5),
        metrics.RootMeanSquaredError(),
    ):
        predictions = BITS if isinstance(metric, metrics.IoU) else CHANCES
        assert np.all(taken(metric, BITS, predictions, zeros) == 0.0), metric


def test_no_samples():
    metric = metrics.BinaryAccuracy()
    metric.update_state(np.zeros((0, 1)), np.zeros((0, 1)))
    assert float(metric.result()) == 0.0


def test_extreme_predictions():
    ends = np.array([[0.0, 1.0, np.nan], [1.0, 0.0, 2.0]], "float32")
    truth = np.array([[0, 1, 1], [1, 0, 1]], "float32")
    for metric in (metrics.AUC(), metrics.AUC(thresholds=[0.2, 0.9]), metrics.AUC(curve="PR")):
        assert np.isfinite(taken(metric, truth, ends))
        assert float(metric.false_negatives[0]) == 1.0  # NaN passes no threshold
        assert float(metric.true_positives[-1]) == (1.0 if metric.num_thresholds == 4 else 0.0)
    accuracy = metrics.SparseTopKCategoricalAccuracy(k=1)
    guesses = np.array([[np.nan, 0.5], [-np.inf, np.inf]])
    assert taken(accuracy, np.array([0, 1]), guesses) == 0.5
    constant = np.ones((4, 1), "float32")
    pearson = metrics.PearsonCorrelation(axis=0)
    assert taken(pearson, constant, constant) == 0.0
    assert taken(metrics.R2Score(), constant, constant) == 1.0
    assert taken(metrics.R2Score(), constant, 0 * constant) == 0.0


def test_gradients_of_correlations_are_finite_for_constants():
    for fn in (metrics.pearson_correlation, metrics.concordance_correlation):
        grad = jax.grad(lambda p, fn=fn: fn(jnp.arange(4.0)[None], p).sum())(jnp.ones((1, 4)))
        assert np.isfinite(grad).all()


def test_half_precision_predictions_are_measured_in_single():
    short = jnp.asarray(CHANCES, "bfloat16")
    for metric in (metrics.MeanSquaredError(), metrics.BinaryCrossentropy(), metrics.AUC()):
        again = type(metric)()
        metric.update_state(BITS, short)
        again.update_state(BITS, short.astype("float32"))
        assert metric.result().dtype == "float32"
        np.testing.assert_array_equal(metric.result(), again.result())
    assert metrics.Mean(dtype="mixed_bfloat16").dtype == "bfloat16"


def test_weights_per_time_step_and_per_sample():
    t, p = np.ones((2, 3, 1), "float32"), RNG.rand(2, 3, 1).astype("float32")
    weight = np.array([1.0, 0.0], "float32")
    metric = metrics.MeanAbsoluteError()
    metric.update_state(t, p, weight)
    np.testing.assert_allclose(metric.result(), np.abs(t - p)[0].mean(), rtol=1e-6)
    recall = metrics.Recall()  # Keras cannot broadcast these
    recall.update_state(t, p, weight)
    np.testing.assert_allclose(recall.result(), (p[0] > 0.5).mean(), rtol=1e-6)
    total = metrics.Sum()
    total.update_state(p, weight)
    np.testing.assert_allclose(total.result(), p[0].sum(), rtol=1e-6)


def test_fractions_as_weights_of_counts_warn():
    metric = metrics.MeanIoU(2)
    with pytest.warns(UserWarning, match="dtype='float32'"):
        metric.update_state([0, 1], [0, 1], np.array([0.5, 0.5]))


def test_losses_and_functions_as_metrics():
    wrapped = metrics.MeanMetricWrapper(losses.Huber(delta=0.5), name="huber")
    wrapped.update_state(BITS, CHANCES)
    np.testing.assert_allclose(wrapped.result(), losses.Huber(0.5)(BITS, CHANCES), rtol=1e-6)
    assert wrapped._direction == "down"
    again = metrics.MeanMetricWrapper.from_config(wrapped.get_config())
    again.update_state(BITS, CHANCES)
    np.testing.assert_array_equal(again.result(), wrapped.result())
    assert metrics.MeanMetricWrapper(losses.huber)._direction == "down"
    nested = metrics.MeanMetricWrapper(lambda t, p: t["a"] - p["a"], name="difference")
    nested.update_state({"a": np.ones(2)}, {"a": np.zeros(2)})
    assert float(nested.result()) == 1.0
    assert nested._direction is None


def test_old_names():
    kinds = {
        "acc": metrics.Accuracy,
        "kullback_leibler_divergence": metrics.KLDivergence,
        "cosine_proximity": metrics.CosineSimilarity,
        "logcosh": metrics.LogCoshError,
        "rmse": metrics.RootMeanSquaredError,
    }
    for name, cls in kinds.items():
        assert isinstance(metrics.get(name), cls)
    assert metrics.get("huber") is metrics.huber
    assert metrics.get(None) is None
    assert metrics.get({"class_name": "Recall", "config": {"top_k": 3}}).top_k == 3


MISTAKES = {
    "no such metric": (lambda: metrics.get("acuracy"), "accuracy"),
    "thresholds": (lambda: metrics.Precision(thresholds=1.5), "probabilities"),
    "threshold list": (lambda: metrics.TruePositives(thresholds=[0.5, None]), "thresholds"),
    "num_labels": (lambda: metrics.AUC(num_labels=3), "multi_label"),
    "labels by number": (lambda: metrics.Precision()(np.ones(6), CHANCES), "to_categorical"),
    "class_id": (lambda: metrics.Recall(class_id=3)(BITS, CHANCES), "last"),
    "class_id of a vector": (lambda: metrics.Recall(class_id=0)(BITS[:, 0], CHANCES[:, 0]), "axes"),
    "weights": (lambda: metrics.AUC()(BITS, CHANCES, np.ones(4)), "(4,)"),
    "mean's weights": (lambda: metrics.Mean()(CHANCES, np.ones(4)), "(4,)"),
    "f-score's rank": (lambda: metrics.F1Score()(BITS[:, 0], CHANCES[:, 0]), "(N, C)"),
    "r2's rank": (lambda: metrics.R2Score()(BITS[None], CHANCES[None]), "(N, C)"),
    "multi_label's rank": (
        lambda: metrics.AUC(multi_label=True)(BITS[None], CHANCES[None]), "flatten",
    ),
    "iou": (lambda: metrics.MeanIoU(3)(BITS[:, 0], CHANCES), "sparse_y_pred"),
    "top k": (lambda: metrics.top_k_categorical_accuracy(BITS[None], CHANCES), "one-hot"),
    "accuracy": (lambda: metrics.Accuracy()(np.ones(4), np.ones(3)), "reshape"),
    "state": (lambda: metrics.Mean().stateless_result([0.0]), "total, count"),
}  # fmt: skip
# These errors have nothing to advise.
BRIEF = {
    "k": lambda: metrics.TopKCategoricalAccuracy(k=0),
    "curve": lambda: metrics.AUC(curve="RCO"),
    "summation": lambda: metrics.AUC(summation_method="middle"),
    "num_thresholds": lambda: metrics.AUC(num_thresholds=1),
    "average": lambda: metrics.F1Score(average="mean"),
    "beta": lambda: metrics.FBetaScore(beta=0.0),
    "aggregation": lambda: metrics.R2Score(class_aggregation="mean"),
    "specificity": lambda: metrics.SensitivityAtSpecificity(1.5),
    "target": lambda: metrics.IoU(num_classes=2, target_class_ids=[2]),
}


@pytest.mark.parametrize("name", [*MISTAKES, *BRIEF])
def test_mistakes_are_explained(name):
    call, advice = MISTAKES.get(name) or (BRIEF[name], "")
    with pytest.raises(ValueError, match="expected") as caught:
        call()
    text = str(caught.value)
    assert "\n  Got " in text
    assert advice in text
    assert "\n  Help: " in text or name in BRIEF


def test_forgotten_super():
    class Bare(metrics.Metric):
        def __init__(self):
            self.total = self.add_weight(name="total")

    with pytest.raises(RuntimeError, match="super"):
        Bare()


def test_abstract():
    with pytest.raises(NotImplementedError, match="update_state"):
        metrics.Metric().update_state()
    with pytest.raises(NotImplementedError, match="result"):
        metrics.Metric().result()


@pytest.mark.parametrize(
    ("name", "t", "p", "shape"),
    [
        ("binary_accuracy", (None, 3), (None, 3), (None, 3)),
        ("categorical_accuracy", (None, 4, 3), (None, 4, 3), (None, 4)),
        ("sparse_categorical_accuracy", (None, 1), (None, 3), (None,)),
        ("top_k_categorical_accuracy", (None, 3), (None, 3), (None,)),
        ("pearson_correlation", (None, 3), (None, 3), (None,)),
        ("huber", (None, 3), (None, 3), (None,)),
    ],
)
def test_symbolic_calls(name, t, p, shape):
    out = getattr(metrics, name)(KerasTensor(t, "float32"), KerasTensor(p, "float32"))
    assert (out.shape, out.dtype) == (shape, "float32")
