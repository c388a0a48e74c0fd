"""Every loss beside real Keras on JAX: values, gradients, reductions, weights, masks, configs."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras.src import backend as keras_backend
from keras.src.losses.losses import LossFunctionWrapper as KerasWrapper

from lamina import losses
from lamina._core.masks import set_mask

N, C = 6, 4
REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none")
FEWER = ("sum_over_batch_size", "mean_with_sample_weight", "none")


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def make_data():
    """Labels and predictions of every kind that losses take, by name."""
    rng = np.random.RandomState(7)
    logits = rng.randn(N, C).astype("float32")
    classes = rng.randint(0, C, N)
    one_hot = np.eye(C, dtype="float32")[classes]
    bits = rng.randint(0, 2, (N, C)).astype("float32")
    images = rng.randn(N, C, 3).astype("float32")  # classes on axis 1
    image_classes = rng.randint(0, C, (N, 3))
    image_one_hot = np.moveaxis(np.eye(C, dtype="float32")[image_classes], -1, 1)
    vectors = rng.randn(N, C).astype("float32")
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    frames = rng.randn(N, 7, 5).astype("float32")
    labels = np.array([[1, 2, 3], [2, 2, 0], [4, 4, 4], [1, 0, 0], [3, 1, 3], [0, 0, 0]])
    return {
        "numbers": (rng.randn(N, C).astype("float32"), logits * 2),
        "positive": (rng.rand(N, C).astype("float32") + 0.1, np.abs(logits)),
        "counts": (rng.poisson(2.0, (N, C)).astype("float32"), np.exp(logits)),
        "column": (rng.randn(N).astype("float32"), rng.randn(N, 1).astype("float32")),
        "probabilities": (one_hot, softmax(logits)),
        "logits": (one_hot, logits),
        "sparse": (classes, softmax(logits)),
        "sparse_column": (classes[:, None], softmax(logits)),
        "sparse_logits": (classes, logits),
        "sparse_images": (np.moveaxis(image_one_hot, 1, -1).argmax(-1), np.moveaxis(images, 1, -1)),
        "sparse_images_last": (image_classes, softmax(np.moveaxis(images, 1, -1))),
        "bit_images": (image_one_hot, 1 / (1 + np.exp(-images))),
        "images": (image_one_hot, softmax(images, 1)),
        "bits": (bits, 1 / (1 + np.exp(-logits))),
        "bit_logits": (bits, logits),
        "signs": (2 * bits - 1, logits),
        "vectors": (np.array([0, 0, 1, 1, 2, 0]), vectors),
        "frames": (labels, frames),
    }


DATA = make_data()

CASES = [
    ("MeanSquaredError", {}, "numbers"),
    ("MeanSquaredError", {}, "column"),
    ("MeanAbsoluteError", {}, "numbers"),
    ("MeanAbsolutePercentageError", {}, "positive"),
    ("MeanSquaredLogarithmicError", {}, "numbers"),
    ("CosineSimilarity", {}, "numbers"),
    ("CosineSimilarity", {"axis": 0}, "numbers"),
    ("Huber", {}, "numbers"),
    ("Huber", {"delta": 0.5}, "numbers"),
    ("LogCosh", {}, "numbers"),
    ("Hinge", {}, "signs"),
    ("Hinge", {}, "bit_logits"),
    ("SquaredHinge", {}, "signs"),
    ("CategoricalHinge", {}, "logits"),
    ("KLDivergence", {}, "probabilities"),
    ("Poisson", {}, "counts"),
    ("BinaryCrossentropy", {}, "bits"),
    ("BinaryCrossentropy", {"label_smoothing": 0.2, "axis": 0}, "bits"),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "bit_logits"),
    ("BinaryFocalCrossentropy", {}, "bits"),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "gamma": 1.5}, "bits"),
    ("BinaryFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "bit_logits"),
    ("CategoricalCrossentropy", {}, "probabilities"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.2, "from_logits": True}, "logits"),
    ("CategoricalCrossentropy", {"axis": 1}, "images"),
    ("CategoricalFocalCrossentropy", {}, "probabilities"),
    ("CategoricalFocalCrossentropy", {"axis": 1, "gamma": 3.0}, "images"),
    ("BinaryFocalCrossentropy", {"axis": 0, "alpha": 0.7, "apply_class_balancing": True}, "bits"),
    ("BinaryCrossentropy", {}, "bit_images"),
    ("MeanSquaredError", {}, "images"),
    ("Dice", {"axis": (1, 2)}, "images"),
    ("CategoricalFocalCrossentropy", {"alpha": [0.1, 0.2, 0.3, 0.4]}, "probabilities"),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "logits"),
    ("SparseCategoricalCrossentropy", {}, "sparse"),
    ("SparseCategoricalCrossentropy", {}, "sparse_column"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "sparse_images"),
    ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 1}, "sparse_logits"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "sparse_images_last"),
    ("CategoricalGeneralizedCrossEntropy", {}, "sparse"),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.9}, "sparse"),
    ("Dice", {}, "bits"),
    ("Dice", {"axis": (1,)}, "bits"),
    ("Tversky", {"alpha": 0.3, "beta": 0.8}, "bits"),
    ("Tversky", {"axis": -1}, "bits"),
    ("Circle", {}, "vectors"),
    ("Circle", {"gamma": 2.0, "margin": 0.2, "remove_diagonal": False}, "vectors"),
    ("CTC", {}, "frames"),
]  # fmt: skip
IDS = [f"{name}-{data}-{i}" for i, (name, _, data) in enumerate(CASES)]


def weights_for(values):
    """Weights of every accepted rank for values of this shape."""
    rows = values.shape[0] if values.ndim else N
    found = {"none": None, "samples": np.linspace(0.0, 2.0, rows).astype("float32")}
    if values.ndim == 1:
        found["column"] = found["samples"][:, None]
    if values.ndim == 2:  # Keras broadcasts (N,) along the last axis there
        found["samples"] = found["samples"][:, None]
        found["full"] = np.linspace(0.0, 1.0, values.size).astype("float32").reshape(values.shape)
    return found


def run(cls, kwargs, weights, t):
    """Return a compiled function of predictions: all reductions with all weights, one gradient."""
    long = cls.__name__ in ("CTC", "Circle")  # slow to compile so often
    made = {r: cls(reduction=r, **kwargs) for r in (FEWER if long else REDUCTIONS)}

    def mean(p):
        return jnp.sum(made["sum_over_batch_size"](t, p, weights["samples"]))

    @jax.jit
    def everything(p):
        values = {f"{r}/{w}": made[r](t, p, weights[w]) for r in made for w in weights}
        return values, jax.grad(mean)(p)

    return everything


@pytest.mark.parametrize(("name", "kwargs", "data"), CASES, ids=IDS)
def test_values_and_gradients(name, kwargs, data):
    t, p = DATA[data]
    shape = jax.eval_shape(getattr(losses, name)(reduction=None, **kwargs), t, p)
    weights = weights_for(np.empty(shape.shape))
    ours, our_grad = run(getattr(losses, name), kwargs, weights, t)(p)
    theirs, their_grad = run(getattr(keras.losses, name), kwargs, weights, t)(p)
    for key, value in theirs.items():
        assert ours[key].dtype == "float32"
        np.testing.assert_allclose(ours[key], value, rtol=1e-5, atol=1e-5, err_msg=key)
    assert np.isfinite(our_grad).all()
    if name != "Circle" or kwargs:  # Keras' gradient is NaN when a sample has no partner
        np.testing.assert_allclose(our_grad, their_grad, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("name", "kwargs", "data"), CASES, ids=IDS)
def test_configs_go_both_ways(name, kwargs, data):
    ours, theirs = (getattr(m, name)(reduction="sum", **kwargs) for m in (losses, keras.losses))
    config, keras_config = ours.get_config(), theirs.get_config()
    assert {k: config[k] for k in keras_config} == keras_config
    again = type(ours).from_config(config)
    assert again.get_config() == config
    assert type(ours).from_config(keras_config).reduction == "sum"
    assert type(theirs).from_config(config).get_config() == keras_config
    loaded = losses.deserialize(losses.serialize(ours))
    assert type(loaded) is type(ours)
    assert loaded.get_config() == config


FUNCTIONS = {
    "mean_squared_error": "numbers", "mean_absolute_error": "numbers",
    "mean_absolute_percentage_error": "positive", "mean_squared_logarithmic_error": "positive",
    "cosine_similarity": "numbers", "huber": "numbers", "log_cosh": "numbers", "hinge": "signs",
    "squared_hinge": "signs", "categorical_hinge": "logits", "kl_divergence": "probabilities",
    "poisson": "counts", "binary_crossentropy": "bits", "binary_focal_crossentropy": "bits",
    "categorical_crossentropy": "probabilities", "categorical_focal_crossentropy": "probabilities",
    "sparse_categorical_crossentropy": "sparse", "dice": "bits", "tversky": "bits",
    "circle": "vectors", "ctc": "frames", "categorical_generalized_cross_entropy": "sparse",
}  # fmt: skip


def test_every_function_is_compared():
    functions = {n for n in losses.__all__ if n.islower()} - {"get", "serialize", "deserialize"}
    assert set(FUNCTIONS) == functions
    classes = {n for n in losses.__all__ if not n.islower()} - {"Loss"}
    assert {name for name, _, _ in CASES} == classes


@pytest.mark.parametrize("name", FUNCTIONS)
def test_half_precision(name):
    t, p = DATA[FUNCTIONS[name]]
    short = jnp.asarray(p, "bfloat16")
    args = (0.5,) if name == "categorical_generalized_cross_entropy" else ()
    value = getattr(losses, name)(t, short, *args)
    assert value.dtype == "bfloat16"
    reference = getattr(losses, name)(t, short.astype("float32"), *args)
    np.testing.assert_allclose(value.astype("float32"), reference, rtol=1e-2)
    loss = losses.LossFunctionWrapper(getattr(losses, name), **({"q": 0.5} if args else {}))
    assert loss(t, short).dtype == "float32"


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_masks(reduction, weighted):
    rng = np.random.RandomState(1)
    t, p = rng.rand(N, 3, 2).astype("float32"), rng.rand(N, 3, 2).astype("float32")
    mask = rng.rand(N, 3) > 0.4
    weight = rng.rand(N, 3).astype("float32") if weighted else None
    ours, theirs = jnp.asarray(p), jnp.array(p)
    set_mask(ours, jnp.asarray(mask))
    keras_backend.set_keras_mask(theirs, jnp.asarray(mask))
    value = losses.MeanSquaredError(reduction)(t, ours, weight)
    reference = keras.losses.MeanSquaredError(reduction)(t, theirs, weight)
    np.testing.assert_allclose(value, reference, rtol=1e-5)


FIRST = {name: (kwargs, data) for name, kwargs, data in reversed(CASES)}


@pytest.mark.parametrize("name", sorted(FIRST.keys() - {"Dice", "Tversky"}))  # one value for all
def test_masks_of_every_loss(name):
    kwargs, data = FIRST[name]
    t, p = DATA[data]
    mask, weight = jnp.arange(N) % 3 > 0, np.linspace(0.5, 2, N).astype("float32")
    ours, theirs = jnp.asarray(p), jnp.array(p)
    set_mask(ours, mask)
    keras_backend.set_keras_mask(theirs, mask)
    value = getattr(losses, name)(**kwargs)(t, ours, weight)
    reference = getattr(keras.losses, name)(**kwargs)(t, theirs, weight)
    np.testing.assert_allclose(value, reference, rtol=1e-5)
    assert not np.allclose(value, getattr(losses, name)(**kwargs)(t, p, weight))


def test_mask_of_ignored_class_and_of_predictions():
    t, p = DATA["sparse_logits"]
    ours, theirs = jnp.asarray(p), jnp.array(p)
    mask = jnp.asarray([True, True, False, True, True, False])
    set_mask(ours, mask)
    keras_backend.set_keras_mask(theirs, mask)
    value, reference = (
        module.SparseCategoricalCrossentropy(from_logits=True, ignore_class=1)(t, pred)
        for module, pred in ((losses, ours), (keras.losses, theirs))
    )
    np.testing.assert_allclose(value, reference, rtol=1e-5)


def test_wrapper_config_goes_both_ways():
    ours = losses.LossFunctionWrapper(losses.huber, "sum", "mine", delta=2.0)
    theirs = KerasWrapper(keras.losses.huber, "sum", "mine", delta=2.0)
    assert ours.get_config() == theirs.get_config()
    again = losses.LossFunctionWrapper.from_config(theirs.get_config())
    t, p = DATA["numbers"]
    np.testing.assert_allclose(again(t, p), ours(t, p))


KERAS_NAMES = (
    "bce BCE kld KLD mae MAE mse MSE mape MAPE msle MSLE MeanSquaredError Huber huber log_cosh "
    "cosine_similarity categorical_hinge CTC tversky Circle KLDivergence"
)


@pytest.mark.parametrize("name", KERAS_NAMES.split())
def test_names(name):
    ours, theirs = losses.get(name), keras.losses.get(name)
    if isinstance(ours, losses.Loss):
        assert type(ours).__name__ == type(theirs).__name__
    else:
        assert ours.__name__ == theirs.__name__


def test_old_names():
    assert losses.get("kullback_leibler_divergence") is losses.kl_divergence
    assert losses.get("cosine_proximity") is losses.cosine_similarity
    assert losses.get("logcosh") is losses.log_cosh
    assert losses.get({"class_name": "Huber", "config": {"delta": 3.0}}).delta == 3.0
    assert losses.get(None) is None
