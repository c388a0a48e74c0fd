"""Every primitive beside jax, with odd sizes, odd layouts and the values at the edges."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

rng = np.random.default_rng(0)
A, B = (rng.normal(size=(7, 19)).astype("float32") for _ in range(2))
TALL = rng.normal(size=(33, 3)).astype("float32")
CUBE = rng.normal(size=(4, 5, 6)).astype("float32")
POSITIVE = (rng.random((7, 19)) * 3 + 0.01).astype("float32")
EDGES = np.array(
    [0, -0.0, np.nan, np.inf, -np.inf, 1e-41, -1e-41, 3e38, -3e38, 88.7, 88.8, -87.4, -104, 0.5,
     -1, 1, 1e-8, 2.5, 3.5, 1e10], "float32",
)  # fmt: skip
WHOLE = np.array([0, 1, -1, 7, -8, 2**31 - 1, -(2**31), 12345], "int32")
WORDS = WHOLE.view("uint32")
ROWS = np.array([3, 0, -1, 99, 6], "int32")  # two are outside of 7 rows

FLOATS = {
    "exp": jnp.exp, "log": jnp.log, "log1p": jnp.log1p, "expm1": jnp.expm1, "tanh": jnp.tanh,
    "logistic": jax.nn.sigmoid, "erf": lax.erf, "erfc": lax.erfc, "sqrt": jnp.sqrt,
    "rsqrt": lax.rsqrt, "floor": jnp.floor, "ceil": jnp.ceil, "round": jnp.round, "sign": jnp.sign,
    "abs": jnp.abs, "neg": jnp.negative, "finite": jnp.isfinite, "cube": lambda x: x**3,
    "inverse": lambda x: lax.integer_pow(x, -2), "relu": jax.nn.relu, "sin": jnp.sin,
    "max": lambda x: jnp.maximum(x, x[::-1]), "min": lambda x: jnp.minimum(x, x[::-1]),
    "clip": lambda x: jnp.clip(x, -1, 1), "int": lambda x: x.astype("int32"),
    "uint": lambda x: x.astype("uint32"), "byte": lambda x: jnp.clip(x, 0, 9).astype("uint8"),
    "less": lambda x: x < x[::-1], "unequal": lambda x: x != x[::-1], "exp2": jnp.exp2,
    "bool": lambda x: x.astype(bool), "bits": lambda x: lax.bitcast_convert_type(x, "int32"),
    "pow": lambda x: jnp.power(jnp.abs(x), 0.3), "cbrt": jnp.cbrt,
    "atan2": lambda x: jnp.atan2(x, x[::-1]),
}  # fmt: skip
INTEGERS = {
    "add": lambda x: x + x[::-1], "mul": lambda x: x * x[::-1],
    "div": lambda x: lax.div(x, x[::-1]), "rem": lambda x: lax.rem(x, x[::-1]),
    "neg": lambda x: -x, "sign": jnp.sign, "abs": jnp.abs,
    "and": lambda x: x & 12, "or": lambda x: x | 3, "xor": lambda x: x ^ 5, "not": lambda x: ~x,
    "shl": lambda x: x << 3, "shr": lambda x: x >> 2, "max": lambda x: jnp.maximum(x, x[::-1]),
    "less": lambda x: x < x[::-1], "float": lambda x: x.astype("float32"), "pow": lambda x: x**3,
    "short": lambda x: x.astype("int16"), "far": lambda x: lax.shift_right_logical(x, jnp.abs(x)),
}  # fmt: skip
SHAPES = {
    "sums": lambda a, b: [a.sum(), a.sum(0), a.sum(1), (a * b).mean(1, keepdims=True)],
    "extremes": lambda a, b: [a.max(0), a.max(1), a.min(), jnp.prod(a / 2, 1), (a > b).any(0)],
    "places": lambda a, b: [a.argmax(1), a.argmin(0), a.argmax(), a[0].argmin()],
    "scans": lambda a, b: [jnp.cumsum(a, 1), lax.cummax(b, 0), lax.cumsum(a, 0, reverse=True)],
    "views": lambda a, b: [a.T + 1, a[::-1, ::2] * 2, a[None] - b[:, None], a[2:5, 3:9].T * 1],
    "reshape": lambda a, b: [a.reshape(19, 7) + 1, (a + b).reshape(-1)[:5], (a.T * 2).reshape(133)],
    "joined": lambda a, b: [jnp.concatenate([a, b[:2]], 0), jnp.stack([a, b], 1), jnp.pad(a, 2)],
    "iota": lambda a, b: [a * jnp.arange(19), a + jnp.arange(7)[:, None], jnp.eye(7) @ a],
    "chosen": lambda a, b: [jnp.where(a > b, a, 0), lax.select_n((a > 0).astype("int32"), a, b)],
    "products": lambda a, b: [a @ b.T, a.T @ b, a[0] @ b[1], a @ b[2], jnp.outer(a[0], b[1])],
    "branch": lambda a, b: [lax.cond(a[0, 0] > 0, lambda: a * 2, lambda: b), a + b],
    "uniform": lambda a, b: [jnp.full((3, 5), a[0, 0]), jnp.ones((2, 3)).sum() + a[1, 1]],
}  # fmt: skip


def same(found, wanted, tolerance=2e-6):
    """Equal up to rounding, in proportion to the largest number; NaN and infinities alike."""
    for mine, theirs in zip(found, wanted, strict=True):
        theirs = np.asarray(theirs)
        assert mine.dtype == theirs.dtype
        assert np.shape(mine) == theirs.shape
        if theirs.dtype != np.float32:
            np.testing.assert_array_equal(mine, theirs)
            continue
        finite = np.abs(theirs[np.isfinite(theirs)])
        largest = finite.max() if finite.size else 0
        np.testing.assert_allclose(mine, theirs, rtol=3e-6, atol=tolerance * min(largest, 1))


def test_functions_of_floats(native):
    functions = list(FLOATS.values())

    def many(x, y):
        return [f(v) for f in functions for v in (x, y)]

    found = native(many)(EDGES, A)
    wanted = jax.jit(many)(EDGES, A)
    for k, name in enumerate(FLOATS):
        try:
            same(found[2 * k : 2 * k + 2], wanted[2 * k : 2 * k + 2])
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None


@pytest.mark.parametrize("x", [WHOLE, WORDS, WHOLE.astype("int8")], ids=lambda x: str(x.dtype))
def test_functions_of_integers(native, x):
    def many(x):
        return [f(x) for f in INTEGERS.values()]

    for name, mine, theirs in zip(INTEGERS, native(many)(x), jax.jit(many)(x), strict=True):
        np.testing.assert_array_equal(mine, theirs, err_msg=name)


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(native, name):
    same(native(SHAPES[name])(A, B), jax.jit(SHAPES[name])(A, B), 1e-5)


@pytest.mark.parametrize("name", ["sums", "extremes", "places", "scans", "products", "joined"])
def test_narrow_shapes(native, name):
    def tall(a, b):
        return SHAPES[name](a, b * 2)

    same(native(tall)(TALL, TALL[::-1]), jax.jit(tall)(TALL, TALL[::-1]), 1e-5)


@pytest.mark.parametrize(
    ("formula", "first", "second"),
    [
        ("bij,bjk->bik", (3, 4, 5), (3, 5, 6)),
        ("bqhd,bkhd->bhqk", (2, 5, 3, 4), (2, 6, 3, 4)),
        ("bhqk,bkhd->bqhd", (2, 3, 5, 6), (2, 6, 3, 4)),
        ("btc,cd->btd", (3, 5, 8), (8, 7)),
        ("btc,btd->cd", (3, 5, 8), (3, 5, 7)),
        ("abc,cad->bd", (3, 5, 4), (4, 3, 6)),
        ("ab,cb->ac", (70, 40), (50, 40)),  # large enough for panels and blocks
        ("ba,bc->ac", (40, 70), (40, 100)),
        ("ab,bc->ac", (37, 33), (33, 49)),
        ("ab,bc->ac", (3, 70), (70, 2)),  # sums along what is summed over
        ("xab,xbc->axc", (2, 3, 70), (2, 70, 2)),
        ("xab,xcb->xca", (2, 3, 70), (2, 4, 70)),
    ],
)
def test_products(native, formula, first, second):
    x, y = (rng.normal(size=s).astype("float32") for s in (first, second))

    def product(x, y):
        return [jnp.einsum(formula, x, y, precision="highest")]

    same(native(product)(x, y), jax.jit(product)(x, y), 1e-5)


def test_places_outside_are_treated_as_in_jax(native):
    """Rows are counted from the end if negative, filled with NaN or left out if outside."""

    def many(a, rows, labels):
        found = [a.at[rows].get(mode=m) for m in ("clip", "fill", "promise_in_bounds")]
        found += [a[rows], jnp.take_along_axis(a, labels[:, None], 1)]
        found += [a.at[rows].add(1.0), a.at[rows].set(2.0), a.at[rows, 2].max(9.0)]
        found += [lax.dynamic_slice(a, (rows[3], rows[0]), (2, 3))]
        found += [lax.dynamic_update_slice(a, a[:2, :2] * 3, (rows[3], rows[2]))]
        return [*found, a[0][labels], labels[rows]]

    rows = np.array([3, 0, 99, 6], "int32")
    labels = np.array([0, 18, 19, -1, -30, 5, 2**31 - 1], "int32")
    same(native(many)(A, rows, labels), jax.jit(many)(A, rows, labels))


def test_random_numbers_are_those_of_jax(native):
    def many(key):
        key = jax.random.wrap_key_data(key)
        first, second = jax.random.split(key)
        third = jax.random.fold_in(second, 7)
        return [
            jax.random.bits(first, (37,)), jax.random.uniform(second, (5, 6)),
            jax.random.bernoulli(third, 0.3, (50,)), jax.random.key_data(third),
            jax.random.randint(key, (9,), 0, 10),
        ]  # fmt: skip

    key = np.array([17, 2**32 - 5], "uint32")
    for mine, theirs in zip(native(many)(key), jax.jit(many)(key), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    normal = lambda key: [jax.random.normal(jax.random.wrap_key_data(key), (99,))]  # noqa: E731
    same(native(normal)(key), jax.jit(normal)(key))


def test_long_chains_and_many_uses(native):
    def chain(a, b):
        x = a
        for i in range(150):
            x = jnp.where(x > 0, x * 0.9 + b * 0.01, x + 0.1 * (i % 3))
        return [x, x.sum(0), (x * x).sum()]

    same(native(chain)(A, B), jax.jit(chain)(A, B), 1e-5)
