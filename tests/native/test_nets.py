"""Random nets, optimizers and losses, a step at a time from the same state, beside XLA.

python tests/native/test_nets.py [100 [50]]    this many nets, this many steps of each
"""

import contextlib
import sys

import jax
import numpy as np
import pytest

import lamina
from lamina import layers, losses, metrics, optimizers
from lamina._native.engine import Engine
from lamina._training.program import Program

ROWS, BATCH = 50, 16
ACTIVATIONS = [
    "relu", "sigmoid", "softplus", "softsign", "tanh", "selu", "elu", "exponential", "leaky_relu",
    "relu6", "silu", "hard_silu", "gelu", "hard_sigmoid", "linear", "mish", "celu", "hard_tanh",
    "log_sigmoid",
]  # fmt: skip
SCHEDULES = [
    optimizers.schedules.ExponentialDecay(0.01, 10, 0.9),
    optimizers.schedules.CosineDecay(0.001, 10, warmup_steps=2, warmup_target=0.01),
    optimizers.schedules.PiecewiseConstantDecay([2, 4], [0.01, 0.005, 0.001]),
]
# Of gradients that are zero but for rounding errors, optimizers that divide by their size make
# steps as large as any; `epsilon` keeps those small, so that both engines take the same ones.
FUZZ = 1e-3
OPTIMIZERS = [
    lambda rate: optimizers.SGD(rate), lambda rate: optimizers.SGD(rate, 0.9, nesterov=True),
    lambda rate: optimizers.RMSprop(rate, centered=True, epsilon=FUZZ),
    lambda rate: optimizers.Adam(rate, epsilon=FUZZ),
    lambda rate: optimizers.Adam(rate, amsgrad=True, clipnorm=0.5, epsilon=FUZZ),
    lambda rate: optimizers.AdamW(rate, use_ema=True, ema_overwrite_frequency=2, epsilon=FUZZ),
    lambda rate: optimizers.Adadelta(rate, epsilon=FUZZ),
    lambda rate: optimizers.Adagrad(rate, epsilon=FUZZ),
    lambda rate: optimizers.Adamax(rate, global_clipnorm=0.5, epsilon=FUZZ),
    lambda rate: optimizers.Nadam(rate, epsilon=FUZZ), lambda rate: optimizers.Ftrl(rate),
    lambda rate: optimizers.Lamb(rate, clipvalue=0.1, epsilon=FUZZ),
    lambda rate: optimizers.SGD(rate, gradient_accumulation_steps=2),
]  # fmt: skip
MIDDLES = [
    lambda: layers.Dropout(0.3), lambda: layers.GaussianNoise(0.1),
    lambda: layers.GaussianDropout(0.2), lambda: layers.BatchNormalization(),
    lambda: layers.LayerNormalization(), lambda: layers.RMSNormalization(),
    lambda: layers.UnitNormalization(), lambda: layers.PReLU(),
    lambda: layers.Dense(6, kernel_regularizer="l1_l2", activity_regularizer="l2"),
    lambda: layers.Dense(6, kernel_constraint="unit_norm", bias_constraint="non_neg"),
    lambda: layers.ActivityRegularization(0.01), lambda: layers.AlphaDropout(0.1),
]  # fmt: skip
DISTANCES = [
    "mean_squared_error", "mean_absolute_error", "huber", "log_cosh", "cosine_similarity", "hinge",
]  # fmt: skip
LIKELIHOODS = [
    "categorical_crossentropy", "binary_crossentropy", "kl_divergence", "poisson",
    "categorical_hinge", "dice", "binary_focal_crossentropy",
]  # fmt: skip


def body(rng, kind):
    """The layers before the last one, with their input."""
    hidden = layers.Dense(int(rng.integers(2, 40)), activation=str(rng.choice(ACTIVATIONS)))
    middle = MIDDLES[rng.integers(len(MIDDLES))]()
    if kind == 0:
        x = layers.Input((6,), dtype="int32")
        embedded = layers.Embedding(20, 5, mask_zero=bool(rng.integers(2)))(x)
        pool = layers.GlobalAveragePooling1D() if rng.integers(2) else layers.Flatten()
        return x, hidden(pool(embedded))
    x = layers.Input((12,))
    if kind == 1:
        one, two = layers.Dense(8, activation="tanh")(x), hidden(x)
        merge = [layers.Concatenate(), layers.Add(), layers.Multiply()][rng.integers(3)]
        return x, merge(
            [one, two if isinstance(merge, layers.Concatenate) else layers.Dense(8)(two)]
        )
    return x, middle(hidden(x))


def case(seed):
    """A compiled model, its data and what else `fit` is given."""
    rng = np.random.default_rng(seed)
    lamina.utils.set_random_seed(seed)
    kind = int(rng.integers(5))
    x, hidden = body(rng, kind)
    inputs = rng.normal(size=(ROWS, 12)).astype("float32")
    if kind == 0:
        inputs = rng.integers(0, 20, (ROWS, 6)).astype("int32")
    labels = rng.integers(0, 3, ROWS).astype("int32")
    more, measured = {}, []
    goal = int(rng.integers(3))
    if goal == 0:
        y, loss = rng.normal(size=(ROWS, 3)).astype("float32"), str(rng.choice(DISTANCES))
        outputs, measured = layers.Dense(3)(hidden), ["mae", metrics.R2Score()]
    elif goal == 1:
        y, loss = np.eye(3, dtype="float32")[labels], str(rng.choice(LIKELIHOODS))
        outputs = layers.Dense(3, activation="softmax")(hidden)
        measured = ["accuracy", metrics.AUC(num_thresholds=20)]
    else:
        y, loss = labels, losses.SparseCategoricalCrossentropy(from_logits=True)
        outputs = layers.Dense(3)(hidden)
        measured = ["accuracy", metrics.SparseTopKCategoricalAccuracy(2)]
        more = {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}} if rng.integers(2) else {}
    if not more and rng.integers(2):
        more = {"sample_weight": rng.random(ROWS).astype("float32")}
    rate = SCHEDULES[rng.integers(3)] if rng.integers(4) == 0 else 10.0 ** -rng.integers(2, 4)
    model = lamina.Model(x, outputs)
    optimizer = OPTIMIZERS[rng.integers(len(OPTIMIZERS))](rate)
    model.compile(optimizer, loss, metrics=measured)
    return model, (inputs, y), more


class Caught(Exception):
    """Ends a `fit` as soon as its program is there."""


def caught(model, data, more):
    """The program of `fit` with the values and the data that it is for."""
    found = []

    def prepare(program, values, arrays, order):
        found.extend([program, values, arrays, order])
        raise Caught

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Program, "prepare", prepare)
        with contextlib.suppress(Caught):
            model.fit(*data, batch_size=BATCH, verbose=0, shuffle=False, **more)
    return found


def engine_of(program, checked=True):
    report = None if program._report is None else program._reported()
    variables = len(program.variables)
    engine = Engine(program.jaxpr, report, variables, program._written, program.batch, checked)
    engine.compile()
    return engine


def difference(program, mine, theirs, before):
    """The largest difference in proportion to a leaf's largest number, and where it is.

    A leaf that only moved by rounding errors (the gradient is zero) is measured by 1e-3 instead.
    """
    worst = (0.0, "")
    for i in program._written:
        a, b = np.asarray(mine[i]), np.asarray(theirs[i])
        if a.dtype != np.float32:
            assert np.array_equal(a, b), program.variables[i].path
            continue
        scale = max(np.abs(b).max(), np.abs(np.asarray(before[i])).max(), 1e-3)
        worst = max(worst, (float(np.abs(a - b).max() / scale), program.variables[i].path))
    return worst


def compared(seed, steps):
    """The worst difference of a case."""
    program, values, data, order = caught(*case(seed))
    engine, leaves = engine_of(program), jax.tree.leaves(data)
    worst, total = (0.0, ""), ROWS // BATCH
    for step in range(steps):
        at = step % total
        rows = jax.tree.map(lambda a, at=at: a[at * BATCH : (at + 1) * BATCH], data)
        mine = [jax.device_put(v, may_alias=False) for v in values]
        logs = engine(mine, leaves, order, at, at + 1)
        theirs, wanted = program.once(values, rows)
        worst = max(worst, difference(program, mine, theirs, values))
        for a, b in zip(logs, jax.tree.leaves(wanted), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
        values = theirs
    return worst


@pytest.mark.parametrize("seed", range(5))
def test_random_nets_take_the_steps_of_xla(seed):
    worst, where = compared(seed, 3)
    assert worst < 1e-5, f"{where} differs by {worst:.1e}"


def main(nets=100, steps=50):
    for seed in range(nets):
        try:
            worst, where = compared(seed, steps)
            mark = "" if worst < 1e-5 else "  LARGE"
            print(f"net {seed:3}: {worst:.1e} {where}{mark}", flush=True)
        except Exception as error:
            print(f"net {seed:3}: {type(error).__name__}: {error}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
