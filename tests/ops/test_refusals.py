"""Ops given what they cannot take: where, what was expected, what came, before anything runs."""

import re
from operator import attrgetter

import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import KerasTensor, ops


def f(*shape):
    return np.ones(shape, "float32")


def i(*shape):
    return np.ones(shape, "int32")


def bad(name, *args, **kwargs):
    return pytest.param(name, args, kwargs, id=name)


X, T, MASK = f(2, 3), KerasTensor((None, 3), name="t"), np.ones((7, 5, 5), bool)
ONE_IMAGE, QUERY = f(1, 5, 5, 3), f(2, 5, 4, 3)
BAD = [
    bad("add", X, f(4)),
    bad("multiply", T, KerasTensor((None, 4))),
    bad("matmul", X, X),
    bad("matmul", T, KerasTensor((2, 3))),
    bad("dot", X, X),
    bad("einsum", "ij,jk->ik", X, X),
    bad("einsum", "ij,j->z", X, f(3)),
    bad("einsum", 3, X),
    bad("where", X > 0, X, f(5)),
    bad("reshape", X, (4, 2)),
    bad("reshape", X, (-1, -1)),
    bad("reshape", KerasTensor((2, 3)), (4, 2)),
    bad("transpose", X, (0, 2)),
    bad("transpose", X, (0, 0)),
    bad("concatenate", [X, f(3, 4)], axis=0),
    bad("concatenate", [], axis=0),
    bad("concatenate", [X, X], axis=2),
    bad("stack", [X, f(3, 2)]),
    bad("split", X, 4, axis=1),
    bad("split", X, 2, axis=5),
    bad("squeeze", X, 0),
    bad("expand_dims", X, 5),
    bad("broadcast_to", X, (2, 4)),
    bad("sum", X, axis=2),
    bad("mean", T, axis=-3),
    bad("max", f(0, 3)),
    bad("argmax", X, axis=2),
    bad("argmax", f(0)),
    bad("softmax", X, axis=2),
    bad("log_softmax", X, axis=(0, 4)),
    bad("cumsum", X, axis=3),
    bad("sort", X, axis=3),
    bad("take", X, [0], axis=4),
    bad("take", X, [0.5], axis=0),
    bad("take_along_axis", X, [[0]], axis=3),
    bad("take_along_axis", X, [0], axis=0),
    bad("pad", X, ((1, 1), (1, 1), (1, 1))),
    bad("pad", X, 1, mode="nearby"),
    bad("pad", X, 1, mode="edge", constant_values=1),
    bad("repeat", X, 2, axis=4),
    bad("tile", X, -1),
    bad("one_hot", [0], -3),
    bad("top_k", X, 7),
    bad("in_top_k", [0, 1, 1], X, 1),
    bad("cast", X, "float33"),
    bad("convert_to_tensor", ["a"]),
    bad("convert_to_tensor", [[1], [1, 2]]),
    bad("convert_to_tensor", [1], dtype="int33"),
    bad("zeros", (2, -1)),
    bad("ones", (2,), dtype="quick"),
    bad("arange", 0, 5, 0),
    bad("linspace", 0, 1, -1),
    bad("eye", -2),
    bad("full", (2, 3), f(4)),
    bad("bitwise_and", X, X),
    bad("left_shift", X, 1),
    bad("gcd", X, X),
    bad("cross", f(2, 4), f(2, 4)),
    bad("cdist", X, f(2, 4)),
    bad("norm", X, ord="huge"),
    bad("norm", X, axis=(0, 1, 2)),
    bad("cholesky", X),
    bad("inv", X),
    bad("solve", f(3, 3), f(2)),
    bad("det", X),
    bad("qr", X, mode="best"),
    bad("svd", f(3)),
    bad("lstsq", X, f(3)),
    bad("matrix_power", X, 2),
    bad("conv", ONE_IMAGE, f(3, 3, 4, 2)),
    bad("conv", f(5, 3), f(3, 3, 3, 2)),
    bad("conv", ONE_IMAGE, f(3, 3, 3, 2), padding="some"),
    bad("conv", ONE_IMAGE, f(3, 3, 3, 2), strides=(1, 1, 1)),
    bad("conv", ONE_IMAGE, f(3, 3, 3, 2), data_format="channels_middle"),
    bad("conv", KerasTensor((None, 5, 5, 3)), f(3, 3, 4, 2)),
    bad("depthwise_conv", ONE_IMAGE, f(3, 3, 4, 2)),
    bad("separable_conv", ONE_IMAGE, f(3, 3, 3, 2), f(1, 1, 5, 2)),
    bad("conv_transpose", ONE_IMAGE, f(3, 3, 2, 4)),
    bad("max_pool", ONE_IMAGE, (2, 2, 2)),
    bad("max_pool", ONE_IMAGE, 2, padding="x"),
    bad("average_pool", f(5, 3), 2),
    bad("adaptive_average_pool", ONE_IMAGE, (2, 2, 2)),
    bad("batch_normalization", X, f(4), f(4), -1),
    bad("batch_normalization", X, f(3), f(3), 4),
    bad("layer_normalization", X, f(4)),
    bad("moments", X, [3]),
    bad("normalize", X, order=0),
    bad("binary_crossentropy", f(2, 3), f(2, 4)),
    bad("categorical_crossentropy", f(2, 3), f(2, 4)),
    bad("sparse_categorical_crossentropy", i(3), f(2, 4)),
    bad("ctc_loss", i(2, 3), f(2, 8, 4), i(3), i(2)),
    bad("ctc_loss", i(3), f(2, 8, 4), i(2), i(2)),
    bad("ctc_decode", f(2, 8, 4), i(2), strategy="random"),
    bad("ctc_decode", f(2, 8, 4), i(3)),
    bad("dot_product_attention", QUERY, f(2, 5, 4, 2), QUERY),
    bad("dot_product_attention", f(2, 5, 4), f(2, 5, 4), f(2, 5, 4)),
    bad("dot_product_attention", QUERY, QUERY, QUERY, mask=MASK),
    bad("psnr", X, f(3, 3), 1.0),
    bad("stft", f(16), 8, 4, 6),
    bad("stft", f(16), 8, 4, 8, window="triangle"),
    bad("extract_sequences", f(16), 8, 0),
    bad("fft", X),
    bad("rfft", X, -2),
    bad("segment_sum", X, i(3)),
    bad("segment_max", X, i(2, 3)),
    bad("scatter", [[0]], f(2, 3), (4, 3)),
    bad("scatter_update", X, [[0, 0, 0]], f(1)),
    bad("scatter_update", X, [[0, 0]], f(1), reduction="mean"),
    bad("slice", X, (0, 0), (3, 1)),
    bad("slice", X, (0,), (1, 1)),
    bad("slice_update", X, (0, 0, 0), f(1, 1)),
    bad("rearrange", X, "a b c -> a (b c)"),
    bad("rearrange", X, "a b -> a c"),
    bad("rearrange", X, "(a c) b -> a b c", a=4),
    bad("unfold", f(3), 2),
    bad("fold", f(2, 7, 4), 4, 2),
    bad("glu", X),
    bad("gelu", "a"),
    bad("relu", None),
    bad("depth_to_space", f(1, 2, 2, 3), 2),
    bad("space_to_depth", f(1, 3, 3, 3), 2),
    bad("swapaxes", X, 0, 4),
    bad("moveaxis", X, 0, 4),
    bad("diagonal", f(3)),
    bad("trace", f(3)),
    bad("tril", f()),
    bad("roll", X, 1, axis=3),
    bad("rot90", f(3)),
    bad("flip", X, axis=3),
    bad("quantile", X, 0.5, method="guess"),
    bad("histogram", X, 0),
    bad("bincount", X),
    bad("digitize", X, [[1.0]]),
    bad("searchsorted", [1.0, 2.0], X, side="up"),
    bad("correlate", X, X),
    bad("average", X, axis=1, weights=f(4)),
    bad("vander", X),
    bad("outer", "a", X),
    bad("view", f(3).astype("float16"), "int64"),
    bad("nonzero", T),
    bad("unique", T),
    bad("bincount", KerasTensor((None,), "int32")),
    bad("get_item", X, (0, 0, 0)),
    bad("meshgrid", f(3), f(2), indexing="ab"),
    bad("unstack", T, axis=0),
    bad("image.rgb_to_grayscale", f(4, 4, 2)),
    bad("image.rgb_to_hsv", i(4, 4, 3)),
    bad("image.resize", f(4, 4), (2, 2)),
    bad("image.resize", f(4, 4, 3), (2,)),
    bad("image.resize", f(4, 4, 3), (2, 2), interpolation="magic"),
    bad("image.resize", f(4, 4, 3), (2, 2), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True),
    bad("image.affine_transform", f(4, 4, 3), f(7)),
    bad("image.affine_transform", f(4, 4, 3), f(8), fill_mode="no"),
    bad("image.perspective_transform", f(4, 4, 3), f(3, 2), f(3, 2)),
    bad("image.map_coordinates", f(4, 4), f(3, 5), 1),
    bad("image.map_coordinates", f(4, 4), f(2, 5), 3),
    bad("image.crop_images", f(4, 4, 3), 1, 1, target_height=9, target_width=2),
    bad("image.pad_images", f(4, 4, 3), 1, 1),
    bad("image.pad_images", f(4, 4, 3), -1, 1, 1, 1),
    bad("image.extract_patches", f(4, 4), 2),
    bad("image.gaussian_blur", f(4, 4)),
    bad("image.sobel_edges", f(4, 4)),
    bad("image.ssim", f(16, 16, 3), f(16, 15, 3)),
    bad("image.scale_and_translate", f(4, 4), (4, 4), [1.0], [1.0], (0, 1), "linear"),
    bad("image.elastic_transform", f(4, 4, 3), fill_mode="no"),
    bad("image.reconstruct_patches", f(2, 2, 12), 2, (9, 9)),
    bad("logsumexp", X, axis=3),
    bad("erf", "a"),
    bad("threshold", X, None, 1),
    bad("clip", X, f(4), 1),
    bad("saturate_cast", X, "no"),
    bad("view_as_complex", f(3)),
    bad("ldexp", X, X),
    bad("tensordot", X, X, axes=1),
    bad("inner", X, f(4)),
    bad("vdot", X, f(4)),
    bad("isin", X, "a"),
    bad("var", X, axis=7),
    bad("median", X, axis=7),
    bad("diff", X, n=-1),
    bad("polar", X, f(4)),
]


@pytest.mark.parametrize(("name", "args", "kwargs"), BAD)
def test_refused(name, args, kwargs):
    with pytest.raises((TypeError, ValueError, IndexError)) as caught:
        attrgetter(name)(ops)(*args, **kwargs)
    assert type(caught.value) in (TypeError, ValueError, IndexError)
    message = str(caught.value)
    assert re.match(rf"ops\.{re.escape(name)}\b.*\n  Got .+\.", message), message


def test_arguments_that_an_op_does_not_have():
    with pytest.raises(
        TypeError, match=r"^ops\.relu: .*'slope'.*\n  Got x=\(2, 3\) float32, slope=2"
    ):
        ops.relu(X, slope=2)
    with pytest.raises(TypeError, match=r"^ops\.relu: .*'x'.*\n  Got nothing"):
        ops.relu()


SYMBOLIC = {
    "if": (bool, "ops.where` or `ops.cond"),
    "not": (lambda t: not t, "ops.where` or `ops.cond"),
    "float": (float, "ops.cast"),
    "int": (int, "ops.cast"),
    "numpy.array": (np.array, "lamina.ops"),
    "numpy.sum": (np.sum, "lamina.ops"),
    "jax": (jnp.asarray, "lamina.ops"),
    "len": (len, r"x\.shape\[0\]"),
    "iteration": (list, "ops.unstack"),
    "convert_to_numpy": (ops.convert_to_numpy, "lamina.ops"),
}


@pytest.mark.parametrize("use", SYMBOLIC)
def test_symbolic_tensors_say_what_to_use_instead(use):
    call, instead = SYMBOLIC[use]
    with pytest.raises(TypeError, match=rf"(?s)'t': expected.*\(None, 3\).*Help: .*{instead}"):
        call(T)


def test_values_that_shapes_depend_on():
    for name in ("nonzero", "unique"):
        with pytest.raises((TypeError, IndexError), match="known: the shape of the result"):
            getattr(ops, name)(T)


def test_nothing_changes_when_refused():
    """A variable keeps its value, and the next call works."""
    v = lamina.Variable(X)
    with pytest.raises(ValueError, match=r"^ops\.add"):
        v.assign_add(ops.add(v, f(4)))
    np.testing.assert_array_equal(v + v, 2 * X)
