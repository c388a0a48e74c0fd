"""Dense and its kin, embeddings, Masking, Lambda, Wrapper."""

import json

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
    run,
    share_weights,
    with_mask,
)  # fmt: skip

CASES = [
    Case("Dense", {"units": 5, "activation": "tanh"}, (3, 4)),
    Case("Dense", {"units": 5, "use_bias": False, "kernel_regularizer": "l2"}, (2, 3, 4)),
    Case("Dense", {"units": 5, "lora_rank": 2}, (3, 4)),
    Case("EinsumDense", {"equation": "ab,bc->ac", "output_shape": 5, "bias_axes": "c"}, (3, 4)),
    Case("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (None, 2, 3),
                         "bias_axes": "de", "activation": "relu"}, (2, 3, 4)),
    Case("EinsumDense", {"equation": "abde,dec->abc", "output_shape": (None, 5)}, (2, 3, 2, 4)),
    Case("EinsumDense", {"equation": "...x,xy->...y", "output_shape": 5, "bias_axes": "y"},
         (2, 3, 4)),
    Case("EinsumDense", {"equation": "ab...,bc->ac...", "output_shape": 5, "bias_axes": "c"},
         (2, 4, 3)),
    Case("EinsumDense", {"equation": "abc,cd->abd", "output_shape": (3, 5), "bias_axes": "bd",
                         "lora_rank": 2}, (2, 3, 4)),
    Case("Embedding", {"input_dim": 6, "output_dim": 4}, (3, 5), ints=6),
    Case("Embedding", {"input_dim": 6, "output_dim": 4, "mask_zero": True, "lora_rank": 2}, (3,),
         ints=6),
    Case("ReversibleEmbedding", {"input_dim": 6, "output_dim": 4}, (3, 5), ints=6),
    Case("ReversibleEmbedding", {"input_dim": 6, "output_dim": 4, "logit_soft_cap": 2.0}, (3, 4),
         call={"reverse": True}),
    Case("ReversibleEmbedding", {"input_dim": 6, "output_dim": 4, "tie_weights": False}, (3, 4),
         call={"reverse": True}),
    Case("Masking", {"mask_value": 0.5}, (2, 3, 4)),
    Case("Identity", {}, (2, 3)),
]  # fmt: skip
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


# --- LoRA ---------------------------------------------------------------------------------------

ADAPTED = [CASES[2], CASES[8], CASES[10]]


@pytest.mark.parametrize("case", ADAPTED, ids=str)
def test_lora_is_merged_when_saved_and_starts_anew_when_loaded(case):
    ours, theirs = case.pair()
    share_weights(ours, theirs)
    mine, his = {}, {}
    ours.save_own_variables(mine)
    theirs.save_own_variables(his)
    assert list(mine) == list(his)
    for name, value in mine.items():
        np.testing.assert_allclose(value, np.asarray(his[name]), rtol=1e-5, atol=1e-6)

    x = case.inputs()
    before = run(ours, x, gradients=False)[0]
    ours.load_own_variables(mine)
    assert all(not v.numpy().any() for v in ours.weights if "lora" in v.name)
    assert_close(run(ours, x, gradients=False)[0], before)
    plain = type(ours).from_config({**ours.get_config(), "lora_rank": None, "lora_alpha": None})
    plain.build(case.shape)
    plain.load_own_variables(mine)
    assert_close(run(plain, x, gradients=False)[0], before)


def test_lora_freezes_the_kernel_and_scales_by_alpha():
    layer = layers.Dense(3, use_bias=False, lora_rank=2, lora_alpha=8)
    layer.build((None, 4))
    assert [v.name for v in layer.trainable_variables] == ["lora_kernel_a", "lora_kernel_b"]
    kernel = layer.kernel
    layer.lora_kernel_b.assign(np.ones((2, 3)))
    np.testing.assert_allclose(
        layer.kernel - kernel, 4 * layer.lora_kernel_a.numpy() @ np.ones((2, 3)), rtol=1e-5
    )
    assert layers.Dense.from_config(layer.get_config()).lora_alpha == 8


def test_lora_trains_the_correction_alone():
    model = lamina.Sequential([layers.Input((4,)), layers.Dense(3), layers.Dense(1)])
    for layer in model.layers:
        layer.enable_lora(2)
    before = {v.path: v.numpy() for v in model.variables}
    model.compile("sgd", "mse")
    x = np.random.normal(size=(8, 4))
    history = model.fit(x, x[:, :1], epochs=20, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    changed = {v.name for v in model.variables if (v.numpy() != before[v.path]).any()}
    assert changed == {"bias", "lora_kernel_a", "lora_kernel_b"}


@pytest.mark.parametrize(
    ("layer", "built", "words"),
    [
        (lambda: layers.Dense(3), False, "expected a built layer"),
        (lambda: layers.Dense(3, kernel_constraint="non_neg"), True, "kernel_constraint"),
        (lambda: layers.Embedding(3, 2, lora_rank=1), True, "without LoRA"),
    ],
)
def test_lora_where_it_cannot_be(layer, built, words):
    layer = layer()
    if built:
        layer.build((None, 3))
    with pytest.raises(ValueError, match=words):
        layer.enable_lora(2)


def test_quantization_is_refused():
    with pytest.raises(
        ValueError, match=r"(?s)Dense: expected None as `quantization_config`.*Got.*Help"
    ):
        layers.Dense(3, quantization_config={"class_name": "Int8QuantizationConfig"})


# --- TernaryDense: newer than the Keras installed -----------------------------------------------


@pytest.mark.parametrize("threshold", [None, 0.3])
def test_ternary_dense(threshold):
    layer = layers.TernaryDense(5, threshold=threshold, use_bias=False)
    layer.build((None, 4))
    kernel, x = layer.kernel.numpy(), np.random.normal(size=(3, 4)).astype("float32")
    size = np.abs(kernel)
    beta = size.mean()
    ternary = np.sign(kernel) * (size > (beta / 2 if threshold is None else threshold))
    assert {*ternary.ravel()} <= {-1.0, 0.0, 1.0}
    scale = beta if threshold is None else 1.0
    y, _, (gradients, dx) = run(layer, jnp.asarray(x))
    np.testing.assert_allclose(y, scale * x @ ternary, rtol=1e-5, atol=1e-6)
    factors = np.cos(np.arange(15)).reshape(3, 5)
    through = (
        (factors * (x @ ternary)).sum() * np.sign(kernel) / kernel.size if threshold is None else 0
    )
    np.testing.assert_allclose(gradients[0], scale * x.T @ factors + through, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(dx, scale * factors @ ternary.T, rtol=1e-4, atol=1e-5)
    assert layers.TernaryDense.from_config(layer.get_config()).threshold == threshold


# --- masks --------------------------------------------------------------------------------------


def test_masks_are_made_as_in_keras():
    numbers = np.array([[1, 2, 0], [3, 0, 0]], "int32")
    steps = np.random.normal(size=(2, 3, 4)).astype("float32")
    steps[0, 2] = steps[1, 1:] = 0
    for make in (
        lambda library: library.layers.Embedding(5, 2, mask_zero=True)(numbers),
        lambda library: library.layers.ReversibleEmbedding(5, 2, mask_zero=True)(numbers),
        lambda library: library.layers.Masking()(steps),
        lambda library: library.layers.Dense(2)(library.layers.Masking()(steps)),
    ):
        ours, theirs = make(lamina)._keras_mask, make(keras)._keras_mask
        assert ours.tolist() == theirs.tolist() == [[True, True, False], [True, False, False]]


def test_an_embedding_without_padding_ends_a_mask():
    with pytest.warns(UserWarning, match="got a mask that it does not use"):
        layers.Embedding(5, 2)(with_mask(np.array([[1, 2]]), [[True, False]]))


def test_embedding_starts_from_weights():
    table = np.arange(6.0).reshape(3, 2)
    for weights in (table, [table]):
        layer = layers.Embedding(3, 2, weights=weights)
        np.testing.assert_array_equal(layer.embeddings.numpy(), table)
    assert "weights" not in layer.get_config()


def test_a_number_without_a_row_gives_nan():
    assert np.isnan(layers.Embedding(3, 2)(np.array([3]))).all()


# --- Lambda and Wrapper -------------------------------------------------------------------------


@lamina.utils.register_keras_serializable("tests")
def scaled(x, factor=1.0, training=False):
    return x * factor if training else x


def test_lambda_gives_what_its_function_asks_for():
    layer = layers.Lambda(scaled, arguments={"factor": 3.0})
    x = np.ones(2)
    assert layer(x).tolist() == [1.0, 1.0]
    assert layer(x, training=True).tolist() == [3.0, 3.0]
    masked = layers.Lambda(lambda x, mask: jnp.where(mask, x, 0.0))
    with pytest.warns(UserWarning, match="does not use"):
        assert masked(with_mask(np.ones(2), [True, False])).tolist() == [1.0, 0.0]
    known = layers.Lambda(lambda x: x + 0, mask=lambda x, mask: jnp.logical_not(mask))
    assert known(with_mask(np.ones(2), [True, False]))._keras_mask.tolist() == [False, True]


def test_lambda_is_saved_by_name():
    record = json.loads(
        json.dumps(layers.serialize(layers.Lambda(scaled, arguments={"factor": 3.0})))
    )
    assert record["config"]["function"]["config"] == "tests>scaled"
    layer = layers.deserialize(record)
    assert layer.function is scaled
    assert layer(np.ones(1), training=True).tolist() == [3.0]
    activation = layers.deserialize(layers.serialize(layers.Lambda(lamina.activations.relu)))
    assert activation(np.array([-1.0, 1.0])).tolist() == [0.0, 1.0]
    with pytest.raises(ValueError, match="can be named in a file"):
        layers.Lambda(lambda x: x).get_config()
    code = {
        "class_name": "__lambda__",
        "config": {"code": "4wAAAAA=", "defaults": None, "closure": None},
    }
    with pytest.raises(ValueError, match="without code in it"):
        layers.deserialize({**record, "config": {**record["config"], "function": code}})


def test_lambda_shapes():
    x = layers.Input((None, 4))
    assert layers.Lambda(lambda x: x[..., :2])(x).shape == (None, None, 2)
    assert layers.Lambda(lambda x: x, output_shape=(7, 4))(x).shape == (None, 7, 4)
    assert layers.Lambda(lambda x: x, output_shape=lambda s: (s[0], 9, s[2]))(x).shape == (
        None,
        9,
        4,
    )
    two = layers.Lambda(lambda x: [x, x[:, 0]], output_shape=[(7, 4), (4,)])(x)
    assert [t.shape for t in two] == [(None, 7, 4), (None, 4)]


def test_wrapper_holds_a_layer():
    class Twice(layers.Wrapper):
        def call(self, inputs):
            return self.layer(self.layer(inputs))

    layer = Twice(layers.Dense(4, name="inner"), name="outer")
    assert layer(np.ones((2, 4))).shape == (2, 4)
    assert [v.path for v in layer.weights] == ["outer/inner/kernel", "outer/inner/bias"]
    again = Twice.from_config(json.loads(json.dumps(layer.get_config())))
    assert again.layer.units == 4
    with pytest.raises(ValueError, match=r"(?s)expected a layer as `layer`.*Got.*Lambda"):
        layers.Wrapper(np.tanh)


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "shape", "words"),
    [
        (lambda: layers.Dense(3), (None, None), "axis -1 has a fixed size"),
        (lambda: layers.Dense(3), (4,), "at least 2 axes"),
        (lambda: layers.EinsumDense("ab->ac", 3), (2, 4), "an equation of the form"),
        (lambda: layers.EinsumDense("ab,bc->ac", 3), (2, 4, 5), "the axes of 'ab,bc->ac'"),
        (lambda: layers.EinsumDense("abc,cd->abd", (4, 3)), (2, 5, 4), "one size for axis 'b'"),
        (lambda: layers.EinsumDense("ab,bc->ac", 3, bias_axes="b"), (2, 4), "bias_axes"),
        (lambda: layers.EinsumDense("ab,bc->ad", 3), (2, 4), "'ab,bc->ad' to have a size"),
    ],
)  # fmt: skip
def test_bad_shapes(make, shape, words):
    with pytest.raises(ValueError, match=words) as caught:
        make()(layers.Input(batch_shape=shape))
    assert "Got " in str(caught.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.Dense(0), "a positive integer as `units`"),
        (lambda: layers.Dense(True), "a positive integer as `units`"),
        (lambda: layers.Dense(3, lora_rank=-1), "`lora_rank`"),
        (lambda: layers.Embedding(0, 3), "a positive integer as `input_dim`"),
        (lambda: layers.Embedding(3, 2.5), "a positive integer as `output_dim`"),
        (lambda: layers.TernaryDense(3, threshold=-1.0), "0 or more as `threshold`"),
        (lambda: layers.Lambda(3), "expected a function"),
    ],
)
def test_bad_arguments(make, words):
    with pytest.raises(ValueError, match=words):
        make()
