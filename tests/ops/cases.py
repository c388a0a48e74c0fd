"""The table of calls of ops that are compared with real Keras, checked for shapes, and so on."""

import jax.numpy as jnp
import numpy as np

DTYPES = ("float32", "bfloat16", "int32", "bool")
FLOATS = ("float32", "bfloat16")
TOLERANCE = {"bfloat16": 1e-2}


class A:
    """An array to be made: of the dtype under test, unless it has one of its own."""

    def __init__(self, *shape, low=-3.0, high=3.0, dtype=None, seed=0):
        self.shape, self.low, self.high, self.dtype, self.seed = shape, low, high, dtype, seed

    def __repr__(self):
        return "x".join(map(str, self.shape))

    def make(self, dtype):
        dtype = self.dtype or dtype
        x = np.random.RandomState(self.seed).uniform(self.low, self.high, self.shape)
        if dtype == "bool":
            return x > (self.low + self.high) / 2
        return (np.floor(x) if "int" in dtype else x).astype(jnp.dtype(dtype))


class Given(A):
    """An array of these values, in their own dtype: float32, int32, bool or complex64."""

    def __init__(self, values):
        self.values = np.asarray(values)
        super().__init__(*self.values.shape)

    def make(self, dtype):
        kind = {"f": "float32", "i": "int32", "c": "complex64"}.get(self.values.dtype.kind)
        return self.values if kind is None else self.values.astype(kind)


class Case:
    """A call of an op.

    Args:
        grad: whether the gradients of its floats are compared.
        symbolic: whether shapes are inferred, and symbolic tensors taken.
        batch: the numbers of those of its arrays whose first axis is the batch; None for all.
    """

    def __init__(self, name, *args, dtypes=DTYPES, grad=False, symbolic=True, batch=None, **kwargs):
        self.name, self.args, self.kwargs = name, args, kwargs
        self.dtypes, self.grad, self.symbolic, self.batch = dtypes, grad, symbolic, batch

    def __str__(self):
        shown = [repr(a) if isinstance(a, (A, list, tuple, str, int)) else "..." for a in self.args]
        return "-".join([self.name, *shown])[:60]

    def arguments(self, dtype, leaf=lambda x, in_batch: x):
        """Its arguments and keyword arguments, `leaf(array, in_batch)` in place of arrays."""
        count = iter(range(99))

        def made(x):
            if isinstance(x, A):
                number = next(count)
                return leaf(x.make(dtype), self.batch is None or number in self.batch)
            if isinstance(x, (list, tuple)):
                return type(x)(map(made, x))
            return x

        return tuple(map(made, self.args)), {k: made(v) for k, v in self.kwargs.items()}


X, Y = A(2, 3), A(2, 3, seed=1)
ROW, COLUMN, EMPTY = A(3, seed=2), A(2, 1, seed=3), A(0, 3)
POSITIVE, UNIT = A(2, 3, low=0.1), A(2, 3, low=-0.9, high=0.9)
SQUARE = A(3, 3, seed=4)
WHOLE, COUNTS = A(2, 3, dtype="int32"), A(4, low=0, high=4, dtype="int32")
IMAGES = A(2, 6, 6, 3, low=0.0, high=1.0)
PLANES = A(2, 3, 6, 6, low=0.0, high=1.0)
PLACES = A(2, 7, low=-1.0, high=5.0)
SIGNAL, SERIES = A(2, 16, seed=5), A(2, 6, 3, seed=6)
F = {"dtypes": FLOATS}
ONE = {"dtypes": ("float32",)}
NUMBERS = {"dtypes": ("float32", "bfloat16", "int32", "int8")}
NO_INT = {"dtypes": ("float32", "bfloat16", "bool")}


def each(names, *args, **options):
    return [Case(name, *args, **options) for name in names.split()]


def symmetric(n=3):
    """A positive definite matrix."""
    x = np.random.RandomState(8).randn(n, n).astype("float32")
    return x @ x.T + np.eye(n, dtype="float32")


CASES = [
    # arithmetic
    *each("abs absolute negative square sign", X, grad=True),
    *each("add subtract multiply maximum minimum fmax fmin", X, Y, grad=True),
    *each("add subtract multiply divide true_divide maximum", COLUMN, ROW),
    *each("add multiply", X, 2),
    *each("add multiply power", X, 2.5),
    *each("divide true_divide divide_no_nan", X, A(2, 3, low=1.0, seed=1), grad=True),
    *each("divide_no_nan", X, 0.0),
    *each("floor_divide mod fmod", X, A(2, 3, low=1.0, seed=1)),
    *each("power", A(2, 3, low=1.0), A(2, 3, low=1.0, seed=1), grad=True),
    *each("reciprocal", POSITIVE, grad=True, **F),
    *each("sqrt rsqrt", POSITIVE, grad=True, dtypes=("float32", "bfloat16", "int32")),
    *each("cbrt", POSITIVE, grad=True),
    *each("fabs ceil floor trunc round signbit nan_to_num", X),
    *each("round", X, 1),
    Case("round", A(2, 3, low=-3000, high=3000), -2, dtypes=("float32", "int32")),
    *each("clip", X, -1, 1, grad=True),
    *each("clip", X, Given([-1, 0, 1]), 2.0, batch=(0,)),
    *each("gcd lcm", WHOLE, A(2, 3, dtype="int32", seed=1), dtypes=("int32",)),
    *each("heaviside", X, Y, grad=False, **F),
    *each("nextafter", X, Y, **ONE),
    *each("nan_to_num", [np.nan, np.inf, -np.inf, 1.0], 5.0, 6.0, 7.0, **ONE),
    # bits
    *each("bitwise_and bitwise_or bitwise_xor", X, Y, dtypes=("int32", "bool")),
    *each("bitwise_invert bitwise_not", X, dtypes=("int32", "bool")),
    *each(
        "bitwise_left_shift bitwise_right_shift left_shift right_shift",
        X,
        A(2, 3, low=0, dtype="int32"),
        dtypes=("int32",),
    ),
    # questions
    *each("equal not_equal less less_equal greater greater_equal", X, Y),
    *each("equal less greater_equal", COLUMN, ROW),
    *each("logical_and logical_or logical_xor isclose allclose isin", X, Y),
    *each("logical_not isfinite isinf isnan isneginf isposinf isreal", X),
    *each("isneginf isposinf isinf isnan isfinite", [np.nan, np.inf, -np.inf, 1.0], **ONE),
    Case("isclose", [np.nan, 1.0], [np.nan, 1.1], rtol=0.2, equal_nan=True, **ONE),
    Case("isin", X, Y, invert=True, dtypes=("int32",)),
    # complex numbers
    *each("real imag conj conjugate", X),
    *each("angle", X, dtypes=("float32", "bfloat16", "int32")),
    *each("real imag conj conjugate angle isreal", Given([1 + 2j, 3.0]), **ONE),
    Case("polar", POSITIVE, X, **ONE),
    Case("view_as_complex", A(3, 2), **F),
    Case("view_as_real", Given([1 + 2j, 3.0]), **ONE),
    # transcendental functions
    *each("exp exp2 expm1 sin cos tan arctan sinh cosh tanh arcsinh sinc", X, grad=True),
    *each("log log10 log1p log2", POSITIVE, grad=True),
    *each("arcsin arccos arctanh", UNIT, grad=True),
    *each("arccosh", A(2, 3, low=1.1), grad=True),
    *each("deg2rad rad2deg", X, grad=True),
    *each("i0", X),
    *each("erf", X, grad=True, **F),
    *each("erfc", X, grad=True),
    *each("erfinv", UNIT, grad=True),
    *each("logaddexp logaddexp2 arctan2 hypot", X, Y, grad=True),
    Case("ldexp", X, WHOLE, **F),
    # reductions
    *each("sum mean max min amax amin prod var std all any", X),
    *each("sum mean max min amax amin var std all any logsumexp", X, axis=0),
    *each("sum mean max min prod var std logsumexp", X, axis=-1, keepdims=True),
    *each("sum mean max all", SERIES, axis=(0, 2)),
    *each("sum mean max min prod var std logsumexp", X, axis=1, dtypes=("float32",), grad=True),
    *each("sum mean prod all any count_nonzero", EMPTY, axis=0),
    *each("max min", EMPTY, axis=0, initial=1, dtypes=("float32", "int32")),
    Case("prod", X, axis=0, dtype="float32"),
    *each("ptp count_nonzero", X),
    *each("ptp count_nonzero", X, axis=1),
    *each("average", X, axis=1),
    Case("average", X, axis=1, weights=A(3, low=0.5, seed=2), batch=(0,), **F),
    *each("logsumexp", X, **F),
    *each("cumsum cumprod", X),
    *each("cumsum cumprod", X, axis=1, grad=True),
    Case("cumsum", X, axis=0, dtype="float32"),
    *each("argmax argmin", X),
    *each("argmax argmin", X, axis=1, keepdims=True),
    *each("argmax argmin", np.array([0.0, -1e-45, 2.0, 2.0], "float32"), **ONE),
    *each(
        "nansum nanmean nanprod nanmax nanmin nanvar nanstd nancumsum nancumprod",
        Given([[1.0, np.nan, 3.0], [np.nan, 2.0, 5.0]]),
        axis=1,
        **ONE,
    ),
    *each("nansum nanmean nanprod nanmax nanmin nanvar nanstd nanargmax nanargmin", X),
    *each("nancumsum nancumprod", X, axis=0),
    *each("nanargmax nanargmin", Given([[1.0, np.nan], [np.nan, np.nan]]), axis=1, **ONE),
    # statistics
    *each("median nanmedian", X, dtypes=("float32", "int32")),
    *each("median nanmedian", X, axis=1, keepdims=True, dtypes=("float32", "bfloat16")),
    *each("quantile nanquantile", X, 0.3, dtypes=("float32", "bfloat16", "int32")),
    *each("quantile nanquantile", X, [0.3, 0.5], axis=1, method="nearest", **ONE),
    *each("percentile nanpercentile", X, 30.0, axis=0, keepdims=True, **ONE),
    Case("histogram", ROW, 4, symbolic=True),
    Case("histogram", ROW, 4, (-1.0, 1.0), **ONE),
    Case("bincount", COUNTS, symbolic=False, dtypes=("int32",)),
    Case("bincount", COUNTS, weights=A(4), minlength=7, symbolic=False, dtypes=("float32",)),
    Case("bincount", Given([[0, 1, 1], [2, 1, 2]]), minlength=4, symbolic=False, **ONE),
    Case("digitize", X, [-1.0, 0.0, 1.0], dtypes=("float32", "int32")),
    *each("corrcoef", X, dtypes=("float32", "bfloat16", "int32")),
    *each("correlate", A(5), A(3), batch=(0,), dtypes=("float32", "bfloat16", "int32")),
    *[Case("correlate", A(5), A(3), mode=m, batch=(0,), **ONE) for m in ("same", "full")],
    *each("diff", X),
    *each("diff", X, n=2, axis=1, grad=True),
    *each("trapezoid", X, dx=0.5, grad=True, dtypes=("float32", "bfloat16", "int32")),
    Case("trapezoid", X, x=ROW, batch=(0,), **ONE),
    # shapes
    *each("reshape", X, (3, 2), grad=True),
    *each("reshape", X, -1),
    *each("transpose ravel flip fliplr flipud copy array", X),
    *each("transpose", SERIES, (2, 0, 1), grad=True),
    *each("squeeze", COLUMN, 1),
    *each("squeeze", COLUMN),
    *each("expand_dims", X, 1),
    Case("expand_dims", X, (0, -1)),
    *each("swapaxes moveaxis", SERIES, 0, 2),
    Case("moveaxis", SERIES, (0, 1), (-1, 0)),
    *each("broadcast_to", ROW, (2, 3), batch=()),
    *each("broadcast_to", COLUMN, (2, 3)),
    *each("flip", X, axis=1),
    Case("roll", X, 1),
    Case("roll", X, 2, axis=1),
    Case("rot90", X),
    Case("rot90", SERIES, k=3, axes=(1, 2)),
    Case("repeat", X, 2),
    Case("repeat", X, 2, axis=0),
    Case("repeat", X, np.array([1, 0, 2]), axis=1, **ONE),
    Case("tile", X, 2),
    Case("tile", X, (2, 1, 2)),
    *each("concatenate hstack vstack dstack", [X, Y], grad=False),
    Case("concatenate", [X, COLUMN], axis=1, grad=False),
    *each("concatenate", [X, EMPTY], axis=0),
    *each("stack", [X, Y], axis=1),
    *each("append", X, Y),
    *each("append", X, Y, axis=0),
    *each("split", A(4, 6), 2),
    *each("split", A(4, 6), [1, 4], axis=1),
    *each("array_split", A(5, 4), 3),
    *each("hsplit vsplit", A(4, 6), 2),
    Case("dsplit", A(2, 2, 4), [1]),
    *each("unstack", X, axis=1),
    *each("pad", X, 1),
    *each("pad", X, ((0, 1), (2, 0)), constant_values=1),
    *each("pad", A(4, 5), ((1, 1), (2, 1)), mode="reflect"),
    *each("pad", X, ((1, 0), (0, 2)), mode="edge", grad=True),
    Case("meshgrid", ROW, A(2)),
    Case("meshgrid", ROW, A(2), indexing="ij", **ONE),
    Case("rearrange", SERIES, "b t c -> b (t c)"),
    Case("rearrange", SERIES, "b (g t) c -> (b g) c t", g=2, **ONE),
    *each("size ndim shape", X, symbolic=False),
    # creation
    *[Case(n, (2, 3), symbolic=False, **ONE) for n in ("zeros", "ones", "empty")],
    *[Case(n, (2,), dtype="int32", symbolic=False, **ONE) for n in ("zeros", "ones")],
    Case("full", (2, 3), 7, symbolic=False, **ONE),
    Case("full", (2,), 7, dtype="int32", symbolic=False, **ONE),
    *each("zeros_like ones_like", X),
    Case("ones_like", X, dtype="bfloat16"),
    Case("full_like", X, 2),
    *[Case("arange", *a, symbolic=False, **ONE) for a in ((3,), (1, 4), (0, 1, 0.25), (3.0,))],
    Case("arange", 3, dtype="float32", symbolic=False, **ONE),
    *each("linspace logspace geomspace", 1, 4, 5, symbolic=False, **ONE),
    *each("linspace", ROW, A(3, seed=9), 4, axis=1, endpoint=False, dtypes=("float32", "int32")),
    Case("linspace", 0, 1, 5, retstep=True, dtype="float32", symbolic=False, **ONE),
    Case("eye", 3, 4, 1, symbolic=False, **ONE),
    Case("eye", 2, dtype="int32", symbolic=False, **ONE),
    Case("identity", 3, symbolic=False, **ONE),
    Case("tri", 3, 4, -1, symbolic=False, **ONE),
    *each("tril triu", SQUARE, 1),
    *each("diag diagonal trace", SQUARE),
    *each("diag diagflat", ROW, 1),
    Case("diagonal", SERIES, offset=1, axis1=1, axis2=2),
    Case("trace", SERIES, offset=-1, axis1=1, axis2=2, grad=True),
    *each("vander", ROW),
    Case("vander", ROW, 2, True, **ONE),
    *each("bartlett blackman hamming hanning", 6, symbolic=False, **ONE),
    Case("kaiser", 6, 8.0, symbolic=False, **ONE),
    # places
    Case("get_item", X, (slice(None), 1), grad=True),
    Case("get_item", SERIES, (..., None, -1)),
    Case("get_item", X, np.array([1, 0, 1])),
    Case("take", X, [[0, -1]], axis=1, grad=True),
    Case("take", X, [0, 5]),
    Case("take_along_axis", X, Given([[0, 2], [1, 1]]), axis=1, grad=True),
    Case("where", X, X, Y),
    Case("where", Given([True, False, True]), X, 0.0, batch=(1,)),
    Case("where", Given([True, False, True]), symbolic=False, **ONE),
    Case("nonzero", X, symbolic=False, dtypes=("int32", "bool")),
    Case(
        "select",
        [Given([True, False, False]), Given([True, True, False])],
        [ROW, A(3, seed=9)],
        2,
    ),
    Case("searchsorted", [-1.0, 0.0, 1.0], X, side="right", dtypes=("float32", "int32")),
    Case("unravel_index", Given([1, 5]), (2, 3), **ONE),
    Case("slice", SERIES, (0, 1, 1), (2, 3, 1), grad=True),
    Case("slice_update", SERIES, (0, 1, 1), A(2, 2, 1), grad=True),
    Case("scatter", np.array([[0], [2], [2]]), A(3, 4), (5, 4), dtypes=("float32", "int32")),
    Case("scatter_update", X, Given([[0, 1], [1, 2]]), A(2, seed=9), batch=(0,)),
    *[
        Case(
            "scatter_update",
            *(X, Given([[0], [1]]), A(2, 3, seed=9), reduction),
            grad=reduction != "mul",  # jax has no gradient of it
            batch=(0,),
            **ONE,
        )
        for reduction in ("add", "max", "min", "mul")
    ],
    *each(
        "segment_sum segment_max segment_min segment_prod",
        A(4, 3),
        np.array([0, 0, 2, 3]),
        num_segments=4,
        dtypes=("float32", "bfloat16", "int32"),
    ),
    # order
    *each("sort argsort", X),
    *each("sort argsort", X, axis=0),
    Case("argpartition", X, 1, dtypes=("float32", "int32")),
    Case("top_k", X, 2, dtypes=("float32", "bfloat16", "int32")),
    Case("in_top_k", Given([1, 0]), X, 2, **F),
    Case("unique", COUNTS, symbolic=False, dtypes=("int32",)),
    Case("unique", COUNTS, True, True, True, True, symbolic=False, dtypes=("int32",)),
    Case("unique", COUNTS, size=6, fill_value=-1, dtypes=("int32",)),
    # products
    *each("matmul", X, A(3, 4), batch=(0,), grad=True, **NUMBERS),
    *each("matmul", A(2, 4, 3), A(3, 5), batch=(0,), **ONE),
    *each("dot inner tensordot", A(3, 3), A(3, 3, seed=1), dtypes=("float32", "int32")),
    *each("outer vdot kron", X, Y, dtypes=("float32", "bfloat16", "int32"), grad=True),
    Case("tensordot", SERIES, SERIES, axes=[[0, 2], [0, 2]], **ONE),
    Case("einsum", "ij,kj->ik", X, Y, grad=True, **NUMBERS),
    Case("cross", X, Y, dtypes=("float32", "bfloat16", "int32"), grad=True),
    Case("cdist", X, A(4, 3, seed=1), grad=True, **F),
    # spectra
    *each("fft", (A(2, 8), A(2, 8, seed=1)), **ONE),
    *each("fft2 ifft2", (A(4, 4), A(4, 4, seed=1)), **ONE),
    Case("rfft", SIGNAL, grad=False, **ONE),
    Case("rfft", SIGNAL, 12, **ONE),
    Case("irfft", (A(2, 5), A(2, 5, seed=1)), **ONE),
    Case("irfft", (A(2, 5), A(2, 5, seed=1)), 7, **ONE),
    Case("extract_sequences", SIGNAL, 6, 3, dtypes=("float32", "int32"), grad=True),
    Case("stft", SIGNAL, 6, 3, 8, **ONE),
    Case("stft", SIGNAL, 8, 4, 8, window="hamming", center=False, **ONE),
    Case("stft", SIGNAL, 8, 4, 8, window=None, **ONE),
    Case("istft", (A(2, 5, 5), A(2, 5, 5, seed=1)), 6, 3, 8, **ONE),
    Case("istft", (A(2, 5, 5), A(2, 5, 5, seed=1)), 8, 4, 8, length=10, window="hamming", **ONE),
    Case("istft", (A(2, 5, 5), A(2, 5, 5, seed=1)), 8, 4, 8, window=None, center=False, **ONE),
    # conversion
    *[Case("cast", X, to) for to in ("float32", "int32", "bool", "bfloat16", "uint8")],
    *[Case("saturate_cast", A(2, 3, low=-500, high=500), to) for to in ("uint8", "float16")],
    Case("saturate_cast", np.array([1e20, -1e20, 3.5], "float32"), "int32", **ONE),
    *each("convert_to_tensor stop_gradient", X),
    Case("convert_to_tensor", [1, 2], symbolic=False, **ONE),
    Case("convert_to_tensor", [1.0, 2.0], dtype="bfloat16", symbolic=False, **ONE),
    *each("convert_to_numpy", X, symbolic=False),
    Case("view", X, "int32", dtypes=("float32", "int32")),
    # activations
    *each("relu relu6 leaky_relu hard_tanh", X, grad=True),
    *each("sigmoid log_sigmoid silu swish softplus softsign elu selu celu gelu", X, grad=True),
    *each("hard_sigmoid hard_silu hard_swish sparse_sigmoid squareplus sparse_plus", X, grad=True),
    *each("tanh_shrink soft_shrink hard_shrink", X, grad=True),
    *each("softmax log_softmax", X, grad=True, **F),
    *each("softmax log_softmax", X, axis=0, grad=True, **ONE),
    *each("softmax log_softmax", SERIES, axis=(0, 2), **ONE),
    *each("elu celu leaky_relu soft_shrink hard_shrink", X, 0.3, **F),
    Case("gelu", X, False, grad=True, **F),
    Case("glu", A(2, 4), grad=True, **F),
    Case("glu", A(4, 3), axis=0, **ONE),
    Case("threshold", X, 0.5, 7.0, grad=True),
    Case("squareplus", X, 2, **F),
    Case("one_hot", Given([[0, 2], [1, 5]]), 4, **ONE),
    Case("one_hot", WHOLE, 4, axis=1, dtype="int32", **ONE),
    Case("multi_hot", Given([[0, 2], [1, 1]]), 4, **ONE),
    Case("multi_hot", [0, 2], 4, dtype="int32", **ONE),
    *each("depth_to_space", A(2, 3, 2, 8), 2),
    Case("depth_to_space", A(2, 8, 3, 2), 2, data_format="channels_first", **ONE),
    *each("space_to_depth", A(2, 4, 6, 2), 2),
    Case("space_to_depth", A(2, 2, 4, 6), 2, data_format="channels_first", **ONE),
    # normalization
    Case("moments", SERIES, [0, 1], **F),
    Case("moments", SERIES, -1, keepdims=True, **ONE),
    Case(
        "batch_normalization",
        *(SERIES, ROW, A(3, low=1.0), -1, A(3), A(3)),
        grad=True,
        batch=(0,),
        **F,
    ),
    Case("batch_normalization", SERIES, A(6), A(6, low=1.0), 1, epsilon=0.1, batch=(0,), **ONE),
    Case("layer_normalization", SERIES, A(3), A(3, seed=1), grad=True, batch=(0,), **F),
    Case("layer_normalization", SERIES, A(6, 3), axis=[1, 2], epsilon=0.1, batch=(0,), **ONE),
    Case("rms_normalization", SERIES, A(3), grad=True, batch=(0,), **F),
    Case("rms_normalization", SERIES, axis=(1, 2), epsilon=0.1, **ONE),
    Case("normalize", X, grad=True, **F),
    Case("normalize", X, axis=0, order=3, epsilon=0.1, grad=True, **ONE),
    # losses
    Case("binary_crossentropy", A(2, 3, low=0, high=1), A(2, 3, low=0.1, high=0.9), grad=True, **F),
    Case("binary_crossentropy", A(2, 3, low=0, high=1), X, from_logits=True, grad=True, **F),
    Case("categorical_crossentropy", np.eye(3)[:2], POSITIVE, grad=True, **F),
    Case("categorical_crossentropy", np.eye(3)[:2], X, True, 0, grad=True, **ONE),
    Case("sparse_categorical_crossentropy", Given([1, 0]), POSITIVE, grad=True, **F),
    Case("sparse_categorical_crossentropy", Given([[1], [5]]), X, True, grad=True, **ONE),
    Case("psnr", X, Y, 3.0, grad=True, **ONE),
    Case(
        "ctc_loss",
        *(Given([[1, 2, 2], [3, 1, 0]]), A(2, 8, 4), Given([3, 2]), Given([8, 6])),
        grad=True,
        **ONE,
    ),
    Case(
        "ctc_loss",
        *(Given([[1, 0], [2, 2]]), A(2, 6, 4), Given([1, 2]), Given([6, 4])),
        mask_index=3,
        **ONE,
    ),
    Case("ctc_decode", A(2, 8, 4), Given([8, 5]), **ONE),
    Case("ctc_decode", A(2, 8, 4), Given([8, 5]), merge_repeated=False, mask_index=None, **ONE),
    Case("ctc_decode", A(2, 6, 4), Given([6, 4]), "beam_search", 8, 3, **ONE),
    Case("ctc_decode", A(2, 6, 4), Given([6, 4]), "beam_search", 30, 2, mask_index=3, **ONE),
    # attention
    Case(
        "dot_product_attention",
        *(A(2, n, 4, 3, seed=n) for n in (5, 6, 6)),
        dtypes=FLOATS,
        grad=True,
    ),
    Case(
        "dot_product_attention",
        *(A(2, 5, h, 3, seed=h) for h in (4, 2, 2)),
        bias=A(2, 4, 5, 5),
        mask=A(2, 1, 5, 5, dtype="bool"),
        scale=0.5,
        is_causal=True,
        **ONE,
    ),
    # convolutions
    Case("conv", IMAGES, A(3, 3, 3, 4), grad=True, **F),
    Case("conv", IMAGES, A(3, 2, 3, 4), (2, 1), "same", **ONE),
    Case("conv", IMAGES, A(3, 3, 1, 6), padding="same", dilation_rate=2, **ONE),
    Case("conv", PLANES, A(3, 3, 3, 4), 2, "same", "channels_first", **ONE),
    Case("conv", SERIES, A(3, 3, 4), grad=True, **ONE),
    Case("conv", A(1, 4, 4, 4, 2), A(2, 2, 2, 2, 3), **ONE),
    Case("depthwise_conv", IMAGES, A(3, 3, 3, 2), grad=True, **F),
    Case("depthwise_conv", PLANES, A(3, 3, 3, 2), 2, "same", "channels_first", **ONE),
    Case("separable_conv", IMAGES, A(3, 3, 3, 2), A(1, 1, 6, 4), padding="same", grad=True, **ONE),
    *[
        Case("conv_transpose", IMAGES, A(3, 2, 4, 3), s, p, out, dilation_rate=d, batch={0}, **ONE)
        for s, p, out, d in (
            (1, "valid", None, 1),
            (2, "same", None, 1),
            ((2, 3), "valid", None, 1),
            (2, "same", 1, 1),
            (2, "valid", (1, 0), 1),
            (1, "same", None, 2),
        )
    ],
    Case("conv_transpose", SERIES, A(3, 4, 3), 2, "same", grad=True, **F),
    Case("conv_transpose", PLANES, A(3, 3, 4, 3), 2, "same", None, "channels_first", **ONE),
    # pooling
    # A pool size without strides is an error in Keras on JAX.
    *each("max_pool average_pool", IMAGES, 2, 2, grad=True, **F),
    *each("max_pool average_pool", IMAGES, (3, 2), (2, 1), "same", **ONE),
    *each("max_pool average_pool", PLANES, 3, 2, "same", "channels_first", grad=True, **ONE),
    *each("max_pool average_pool", SERIES, 2, 1, "same", **ONE),
    *each("adaptive_average_pool adaptive_max_pool", IMAGES, (4, 3), grad=True, **F),
    *each("adaptive_average_pool adaptive_max_pool", PLANES, 4, "channels_first", **ONE),
    *each("adaptive_average_pool adaptive_max_pool", SERIES, 4, **ONE),
    # columns
    Case("unfold", PLANES, 3, grad=True, **ONE),
    Case("unfold", PLANES, (2, 3), (2, 1), (1, 0), (1, 2), **ONE),
    Case("fold", A(2, 12, 9), (4, 4), 2, **ONE),
    Case("fold", A(2, 12, 4), 5, 2, dilation=2, padding=1, stride=3, grad=True, **ONE),
    # linear algebra
    Case("cholesky", Given(symmetric()), **ONE),
    Case("cholesky", Given(symmetric()), upper=True, **ONE),
    Case("cholesky_inverse", Given(np.tril(symmetric())), **ONE),
    Case("cholesky_inverse", Given(np.triu(symmetric())), upper=True, **ONE),
    *each("det inv logdet slogdet eigh pinv lu_factor matrix_rank", Given(symmetric()), **ONE),
    *each("det inv", A(2, 3, 3, seed=11), grad=True, **ONE),
    Case("lu_factor", A(2, 3, 3, seed=11), **ONE),
    Case("pinv", X, grad=True, **ONE),
    *each("qr svd", X, **ONE),
    Case("qr", A(4, 3), "complete", **ONE),
    Case("svd", A(2, 4, 3), False, **ONE),
    Case("svd", X, compute_uv=False, **ONE),
    Case("solve", SQUARE, A(3, 2), grad=True, **ONE),
    Case("solve", SQUARE, ROW, **ONE),
    Case("solve_triangular", Given(symmetric()), A(3, 2), **ONE),
    Case("solve_triangular", Given(symmetric()), A(3, 2), lower=True, **ONE),
    Case("lstsq", A(5, 3), A(5), **ONE),
    Case("lstsq", A(5, 3), A(5, 2), **ONE),
    *each("norm", X),
    *[
        Case("norm", SERIES, ord=o, axis=a, keepdims=k, **ONE)
        for o, a, k in (
            (1, 1, True),
            (np.inf, -1, False),
            ("fro", (0, 1), False),
            (2, (1, 2), True),
            ("nuc", (1, 2), False),
        )
    ],
    # images
    *each("image.rgb_to_grayscale", IMAGES, grad=True, dtypes=("float32", "bfloat16", "int32")),
    *[
        Case(f"image.{name}", PLANES, "channels_first", **ONE)
        for name in ("rgb_to_grayscale", "rgb_to_hsv", "hsv_to_rgb")
    ],
    *each("image.rgb_to_hsv image.hsv_to_rgb", IMAGES, grad=True, **F),
    Case("image.resize", IMAGES, (4, 9), grad=True, dtypes=("float32", "bfloat16", "int32")),
    *[
        Case("image.resize", IMAGES, (4, 9), i, **ONE)
        for i in ("nearest", "bicubic", "lanczos3", "lanczos5")
    ],
    Case("image.resize", PLANES, (4, 4), antialias=True, data_format="channels_first", **ONE),
    Case("image.resize", IMAGES, (4, 9), crop_to_aspect_ratio=True, **ONE),
    Case("image.resize", IMAGES, (4, 9), pad_to_aspect_ratio=True, fill_value=0.5, **ONE),
    Case("image.crop_images", IMAGES, 1, 2, target_height=3, target_width=2, **F),
    Case("image.crop_images", PLANES, 1, 2, 1, 0, data_format="channels_first", **ONE),
    Case("image.pad_images", IMAGES, 1, 2, target_height=9, target_width=8, **F),
    Case("image.pad_images", PLANES, 1, 2, 1, 0, data_format="channels_first", **ONE),
    Case(
        "image.scale_and_translate",
        IMAGES,
        (2, 8, 8, 3),
        np.array([1.5, 1.2], "float32"),
        np.array([0.5, -1.0], "float32"),
        (1, 2),
        "linear",
        **ONE,
    ),
    *[
        Case("image.map_coordinates", A(4, 5), PLACES, order, mode, batch=(0,), **ONE)
        for order, mode in (
            (1, "constant"),
            (0, "nearest"),
            (0, "wrap"),
            (0, "mirror"),
            (0, "reflect"),
        )
    ],
    *[
        Case("image.affine_transform", x, np.array(t, "float32"), i, m, 0.5, f, **ONE)
        for x, t, i, m, f in (
            (IMAGES, [[1, 0.2, 1, -0.1, 1, 0, 0, 0]] * 2, "bilinear", "constant", None),
            (PLANES, [[0.8, 0.2, 1, -0.1, 1, 0, 0, 0]] * 2, "nearest", "reflect", "channels_first"),
            (A(6, 5, 3), [1, 0, 1.5, 0, 1, -0.5, 0, 0], "bilinear", "wrap", None),
        )
    ],
    Case(
        "image.perspective_transform",
        A(6, 5, 3),
        np.array([[0, 0], [4, 0], [0, 5], [4, 5]], "float32"),
        np.array([[0, 1], [4, 0], [1, 5], [3, 4]], "float32"),
        **ONE,
    ),
    Case("image.gaussian_blur", IMAGES, (3, 5), (1.0, 2.0), "channels_last", grad=True, **F),
    Case("image.gaussian_blur", PLANES, data_format="channels_first", **ONE),
    Case("image.sobel_edges", IMAGES, grad=True, **F),
    Case("image.sobel_edges", PLANES, data_format="channels_first", **ONE),
    Case("image.ssim", IMAGES, A(2, 6, 6, 3, low=0.0, high=1.0, seed=1), 1.0, 5, grad=True, **ONE),
    Case("image.ssim", A(6, 6, 3), A(6, 6, 3, seed=1), 1.0, 3, 0.5, 0.1, 0.1, **ONE),
    Case("image.extract_patches", IMAGES, (2, 3), grad=True, dtypes=("float32", "bfloat16")),
    Case("image.extract_patches", PLANES, 3, 2, 1, "same", "channels_first", **ONE),
    Case("image.extract_patches", A(6, 5, 2), 2, 1, 2, **ONE),
    Case("image.extract_patches", A(1, 4, 4, 4, 2), (2, 2, 2), **ONE),
    Case("image.extract_patches_3d", A(1, 4, 5, 4, 2), 2, padding="same", **ONE),
]  # fmt: skip
