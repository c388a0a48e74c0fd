"""The same variables and gradients for optimizers here and in real Keras."""

import warnings

import jax
import numpy as np
import pytest

import lamina

keras = pytest.importorskip("keras")

STEPS = 20


@pytest.fixture(autouse=True)
def _keras_may_warn():
    """Warnings are errors here, but those of Keras' own code are its own."""
    warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)


SHAPES = {"kernel": (3, 4), "bias": (4,), "embeddings": (5, 2)}


def start(library, names=tuple(SHAPES)):
    """The variables, with the same values in each library."""
    rng = np.random.default_rng(0)
    values = {name: rng.normal(size=shape).astype("float32") for name, shape in SHAPES.items()}
    return [library.Variable(values[name], name=name) for name in names]


def gradients(names=tuple(SHAPES)):
    """STEPS gradients for each variable: (STEPS, *shape), of quite different sizes."""
    rng = np.random.default_rng(1)
    sizes = 10.0 ** rng.uniform(-3, 1, size=STEPS)
    made = {
        n: np.stack([s * rng.normal(size=SHAPES[n]) for s in sizes]).astype("float32")
        for n in SHAPES
    }
    return [made[n] for n in names]


def trajectory(optimizer, variables):
    """The variables after each step, from one compiled loop over `stateless_apply`."""
    optimizer.build(variables)
    state = [v.value for v in variables], [v.value for v in optimizer.variables]

    def step(state, grads):
        trained, own = optimizer.stateless_apply(state[1], list(grads), state[0])
        return (list(trained), list(own)), list(trained)

    (_, own), path = jax.jit(lambda s, g: jax.lax.scan(step, s, g))(state, gradients())
    return [np.asarray(p) for p in path], [np.asarray(v) for v in own]


def pair(kind, **options):
    """An optimizer of each library; schedules and inner optimizers are given as functions of it."""
    made = []
    for library in (lamina, keras):
        own = {k: v(library) if callable(v) else v for k, v in options.items()}
        made.append(getattr(library.optimizers, kind)(**own))
    return made
