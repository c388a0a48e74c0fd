"""What the larger workloads share: data without a pattern, and Adam with softmax written in jax."""

import numpy as np

RATE, FIRST, SECOND, FUZZ = 1e-3, 0.9, 0.999, 1e-7  # adam's defaults in Keras


def noise(rows, shape, classes, words=None):
    """Rows of normal values, or of whole numbers below `words`, and classes as columns."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(rows, *shape)) if words is None else rng.integers(0, words, (rows, *shape))
    return x.astype("float32"), np.eye(classes, dtype="float32")[rng.integers(0, classes, rows)]


def compiled(model):
    """A Keras model as all of these workloads train theirs."""
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def glorot(*shape):
    scale = np.sqrt(6 / (shape[-1] + np.prod(shape[:-1])))
    return np.random.default_rng(sum(shape)).uniform(-scale, scale, shape).astype("float32")


def zeros(*shape):
    return np.zeros(shape, "float32")


def adam_program(jax, weights, forward):
    """The start, `step(state, x, y)` and `apply(state, x)` for logits `forward(weights, x, key)`.

    The key is None where nothing is to be dropped.
    """
    jnp = jax.numpy

    def loss(weights, x, y, key):
        logits = forward(weights, x, key)
        return -(y * jax.nn.log_softmax(logits)).sum(-1).mean(), logits

    def step(state, x, y):
        key, now = jax.random.split(state["key"])
        (value, logits), slopes = jax.value_and_grad(loss, has_aux=True)(
            state["weights"], x, y, now
        )
        t = state["t"] + 1
        pace = RATE * jnp.sqrt(1 - SECOND**t) / (1 - FIRST**t)
        means = [m + (1 - FIRST) * (g - m) for m, g in zip(state["means"], slopes, strict=True)]
        squares = [
            v + (1 - SECOND) * (g * g - v) for v, g in zip(state["squares"], slopes, strict=True)
        ]
        moved = zip(state["weights"], means, squares, strict=True)
        return {
            "weights": [w - pace * m / (jnp.sqrt(v) + FUZZ) for w, m, v in moved],
            "means": means,
            "squares": squares,
            "t": t,
            "key": key,
            "loss": state["loss"] + value,
            "accuracy": state["accuracy"] + (logits.argmax(-1) == y.argmax(-1)).mean(),
        }

    start = {
        "weights": [jnp.asarray(w) for w in weights],
        "means": [jnp.zeros_like(w) for w in weights],
        "squares": [jnp.zeros_like(w) for w in weights],
        "t": jnp.zeros(()),
        "key": jax.random.key(0),
        "loss": jnp.zeros(()),
        "accuracy": jnp.zeros(()),
    }
    return start, step, lambda state, x: jax.nn.softmax(forward(state["weights"], x, None))


def torch_parts(torch, net):
    """What the torch peer takes: net, loss of logits, optimizer, last function."""
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE, eps=FUZZ)
    return net, torch.nn.CrossEntropyLoss(), optimizer, torch.nn.Softmax(-1)
