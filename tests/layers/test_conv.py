"""Convolutions: plain, depthwise, separable and transposed, beside real Keras."""

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
)

FIRST = {"data_format": "channels_first"}
LAST = {"data_format": "channels_last"}
PENALTIES = {
    "kernel_regularizer": "l2",
    "bias_regularizer": "l2",
    "activity_regularizer": "l2",
    "kernel_constraint": "non_neg",
    "bias_constraint": "max_norm",
}
CASES = [
    Case("Conv1D", {"filters": 4, "kernel_size": 3, "activation": "tanh"}, (2, 7, 3)),
    Case(
        "Conv1D",
        {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2},
        (2, 7, 3),
    ),
    Case(
        "Conv1D",
        {"filters": 4, "kernel_size": 2, "padding": "causal", "strides": 2, **FIRST},
        (2, 3, 7),
    ),
    Case("Conv1D", {"filters": 4, "kernel_size": 4, "padding": "SAME", "groups": 2}, (2, 7, 6)),
    Case("Conv2D", {"filters": 4, "kernel_size": 3, **PENALTIES}, (2, 6, 5, 3)),
    Case(
        "Conv2D",
        {"filters": 5, "kernel_size": (3, 2), "strides": (2, 1), "padding": "same"},
        (2, 6, 5, 3),
    ),
    Case("Conv2D", {"filters": 4, "kernel_size": 3, "strides": 2, "use_bias": False}, (2, 8, 7, 3)),
    Case("Conv2D", {"filters": 4, "kernel_size": 2, "dilation_rate": (2, 3)}, (2, 6, 7, 3)),
    Case(
        "Conv2D",
        {"filters": 6, "kernel_size": 3, "groups": 3, "padding": "same", **LAST},
        (2, 5, 6, 6),
    ),
    Case(
        "Conv2D",
        {"filters": 4, "kernel_size": 3, "padding": "same", "strides": 3, **FIRST},
        (2, 3, 6, 7),
    ),
    Case("Conv2D", {"filters": 4, "kernel_size": 1, "strides": 2}, (2, 5, 6, 3)),
    Case("Conv2D", {"filters": 4, "kernel_size": 2, "lora_rank": 2}, (2, 3, 4, 3)),
    Case("Conv3D", {"filters": 4, "kernel_size": 2, "activation": "relu"}, (2, 4, 3, 5, 3)),
    Case(
        "Conv3D",
        {"filters": 4, "kernel_size": (3, 1, 2), "strides": (2, 1, 1), "padding": "same"},
        (1, 4, 3, 5, 2),
    ),
    Case("Conv3D", {"filters": 4, "kernel_size": 2, "groups": 2, **FIRST}, (1, 4, 3, 4, 3)),
    Case(
        "Conv1DTranspose",
        {"filters": 4, "kernel_size": 3, "strides": 2, "activation": "tanh"},
        (2, 5, 3),
    ),
    Case("Conv1DTranspose", {"filters": 4, "kernel_size": 3, "dilation_rate": 2}, (2, 5, 3)),
    Case(
        "Conv2DTranspose",
        {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"},
        (2, 3, 4, 3),
    ),
    Case(
        "Conv2DTranspose",
        {"filters": 4, "kernel_size": 2, "strides": (3, 2), **FIRST, **PENALTIES},
        (2, 3, 3, 4),
    ),
    Case(
        "Conv2DTranspose",
        {
            "filters": 4,
            "kernel_size": (3, 4),
            "strides": 2,
            "padding": "same",
            "output_padding": (0, 1),
        },
        (2, 3, 4, 3),
    ),
    Case("Conv2DTranspose", {"filters": 4, "kernel_size": 3, "padding": "same"}, (2, 3, 4, 3)),
    Case(
        "Conv3DTranspose",
        {"filters": 2, "kernel_size": 2, "strides": 2, "output_padding": 1},
        (1, 2, 3, 2, 3),
    ),
    Case("DepthwiseConv1D", {"kernel_size": 3, "activation": "tanh"}, (2, 7, 3)),
    Case(
        "DepthwiseConv1D",
        {"kernel_size": 2, "dilation_rate": 2, "padding": "same", **FIRST},
        (2, 3, 7),
    ),
    Case("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2}, (2, 6, 5, 3)),
    Case(
        "DepthwiseConv2D",
        {
            "kernel_size": (3, 2),
            "strides": 2,
            "padding": "same",
            "depthwise_regularizer": "l2",
            "depthwise_constraint": "non_neg",
        },
        (2, 6, 5, 3),
    ),
    Case(
        "DepthwiseConv2D",
        {"kernel_size": 3, "strides": 2, "use_bias": False, **FIRST},
        (2, 3, 7, 6),
    ),
    Case("SeparableConv1D", {"filters": 4, "kernel_size": 3, "depth_multiplier": 2}, (2, 7, 3)),
    Case(
        "SeparableConv2D",
        {"filters": 4, "kernel_size": 3, "padding": "same", "activation": "relu"},
        (2, 6, 5, 3),
    ),
    Case(
        "SeparableConv2D",
        {
            "filters": 4,
            "kernel_size": 2,
            "strides": 2,
            "pointwise_regularizer": "l2",
            "pointwise_constraint": "non_neg",
            **FIRST,
        },
        (2, 3, 6, 5),
    ),
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


def test_second_names():
    for rank in (1, 2, 3):
        assert getattr(layers, f"Convolution{rank}D") is getattr(layers, f"Conv{rank}D")
        transposed = getattr(layers, f"Conv{rank}DTranspose")
        assert getattr(layers, f"Convolution{rank}DTranspose") is transposed
    assert layers.SeparableConvolution2D is layers.SeparableConv2D
    record = layers.serialize(layers.Convolution2D(3, 2, name="one"))
    assert record["class_name"] == "Conv2D"
    assert layers.deserialize({**record, "class_name": "Convolution2D"}).filters == 3


def test_images_of_any_size():
    x = layers.Input((None, None, 3))
    assert layers.Conv2D(4, 3)(x).shape == (None, None, None, 4)
    assert layers.Conv2DTranspose(4, 3, strides=2, padding="same")(x).shape == (
        None, None, None, 4)  # fmt: skip
    layer = layers.Conv2D(4, 3, strides=2, padding="same")
    assert layer(x).shape == (None, None, None, 4)
    assert layer(np.ones((1, 7, 8, 3))).shape == (1, 4, 4, 4)


def test_lora_is_merged_when_saved():
    case = CASES[11]
    ours, theirs = case.pair()
    share_weights(ours, theirs)
    mine, his = {}, {}
    ours.save_own_variables(mine)
    theirs.save_own_variables(his)
    for name, value in mine.items():
        np.testing.assert_allclose(value, np.asarray(his[name]), rtol=1e-5, atol=1e-6)
    before = run(ours, case.inputs(), gradients=False)[0]
    ours.load_own_variables(mine)
    assert_close(run(ours, case.inputs(), gradients=False)[0], before)
    layer = layers.Conv1D(4, 3)
    layer.build((None, 5, 3))
    layer.enable_lora(2, lora_alpha=8)
    assert [v.name for v in layer.trainable_variables] == ["bias", "lora_kernel_a", "lora_kernel_b"]
    assert layers.Conv1D.from_config(layer.get_config()).lora_alpha == 8


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "shape", "words"),
    [
        (lambda: layers.Conv2D(4, 3), (2, 5, 5), "an input of 4 axes"),
        (lambda: layers.Conv1D(4, 3), (2, 5, 5, 3), "an input of 3 axes"),
        (lambda: layers.Conv2D(4, 3), (2, 5, 5, None), "axis -1 has a fixed size"),
        (lambda: layers.Conv2D(4, 3, **FIRST), (2, None, 5, 5), "axis 1 has a fixed size"),
        (lambda: layers.Conv2D(4, 3, groups=2), (2, 5, 5, 3), "groups=2 divides"),
        (lambda: layers.Conv2D(4, 3), (2, 2, 5, 3), "at least as large as the kernel"),
        (
            lambda: layers.Conv2D(4, 3, dilation_rate=2),
            (2, 5, 4, 3),
            "at least as large as the kernel",
        ),
        (lambda: layers.Conv3D(4, 3, **FIRST), (2, 3, 5, 5, 2), "at least as large as the kernel"),
        (lambda: layers.DepthwiseConv1D(4), (2, 3, 3), "at least as large as the kernel"),
        (lambda: layers.SeparableConv2D(4, 4), (2, 3, 5, 3), "at least as large as the kernel"),
    ],
)
def test_bad_shapes(make, shape, words):
    with lamina._core.context.using(path=("net", "block")):
        layer = make()
        with pytest.raises(ValueError, match=words) as caught:
            layer(layers.Input(batch_shape=shape))
        text = str(caught.value)
        assert text.startswith(f"net/block/{layer.name} ({type(layer).__name__}): expected ")
        assert "Got " in text
        assert "Help: " in text or "axes" in words or "groups" in words


def test_bad_shapes_in_a_model():
    x = layers.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="first")(x)
    with pytest.raises(ValueError, match=r"second \(Conv2D\): expected .* kernel"):
        layers.Conv2D(4, 7, name="second")(x)
    layer = layers.Conv2D(4, 3, name="built")
    layer.build((None, 8, 8, 3))
    with pytest.raises(ValueError, match=r"built \(Conv2D\): expected last axis of size 3"):
        layer(np.ones((1, 8, 8, 4)))
    with pytest.raises(ValueError, match=r"built \(Conv2D\): expected an input of 4 axes"):
        layer(np.ones((8, 8, 3)))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.Conv2D(0, 3), "a positive integer as `filters`"),
        (
            lambda: layers.Conv2D(4, (3, 3, 3)),
            "an integer or 2 integers of 1 or more as `kernel_size`",
        ),
        (lambda: layers.Conv2D(4, 0), "`kernel_size`"),
        (lambda: layers.Conv2D(4, 3, strides=0), "`strides`"),
        (lambda: layers.Conv2D(4, 3, dilation_rate=0), "`dilation_rate`"),
        (lambda: layers.Conv2D(4, 3, padding="causal"), "one of valid, same as `padding`"),
        (lambda: layers.Conv1D(4, 3, padding="full"), "one of valid, same, causal as `padding`"),
        (lambda: layers.Conv1DTranspose(4, 3, padding="causal"), "one of valid, same as `padding`"),
        (lambda: layers.Conv2D(4, 3, strides=2, dilation_rate=2), "not both"),
        (lambda: layers.Conv2D(4, 3, groups=3), "that `groups` divides"),
        (lambda: layers.Conv2D(4, 3, data_format="NHWC"), "channels_last"),
        (lambda: layers.Conv2D(4, 3, lora_rank=0), "`lora_rank`"),
        (lambda: layers.Conv2D(4, 3, stride=2), "did you mean `strides`"),
        (lambda: layers.Conv2DTranspose(4, 3, strides=2, output_padding=2), "below `strides`"),
        (lambda: layers.DepthwiseConv2D(3, depth_multiplier=0), "`depth_multiplier`"),
        (lambda: layers.SeparableConv1D(-1, 3), "a positive integer as `filters`"),
    ],
)
def test_bad_arguments(make, words):
    with pytest.raises(ValueError, match=words):
        make()
