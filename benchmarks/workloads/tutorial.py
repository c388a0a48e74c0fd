"""The tutorial: 1000 people, a 3-4-2 net, rmsprop, batches of 8, 10 epochs, accuracy.

A workload says WHAT is trained; a peer (peers/*.py) knows HOW its library trains. Each function
below whose name ends in a kind of peer is that peer's face of the workload; a peer whose face is
missing sits the workload out.
"""

import numpy as np

BATCH = 8
EPOCHS = 10
WARM_EPOCHS = 20
RATE, DECAY, FUZZ = 1e-3, 0.9, 1e-7  # rmsprop's defaults in Keras
SPREAD = 0.05  # of "random_normal"


def data():
    """Weight, height and age of 1000 people, half of them men, and their sex as two columns."""
    rng = np.random.default_rng(2018)
    people = rng.normal(size=(1000, 3))
    people[:500] += (1, 1, -1)
    sex = np.zeros((1000, 2))
    sex[:500, 1] = 1
    sex[500:, 0] = 1
    return people, sex


def model_keras(keras):
    model = keras.Sequential(name="tutorial")
    model.add(keras.Input((3,)))
    model.add(keras.layers.Dense(4, kernel_initializer="random_normal", name="Dense1"))
    model.add(keras.layers.Activation("relu", name="hidden"))
    model.add(keras.layers.Dense(2, kernel_initializer="random_normal", name="Dense2"))
    model.add(keras.layers.Activation("softmax", name="output"))
    model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def pictures_keras(keras):
    """What the tutorial draws besides its net: the perceptron."""
    model = keras.Sequential(name="perceptron")
    model.add(keras.Input((3,)))
    model.add(keras.layers.Dense(1, kernel_initializer="random_normal", name="Dense"))
    model.add(keras.layers.Activation("sigmoid", name="Activation"))
    return [model]


def program_jax(jax):
    """The start, `step(state, x, y)` and `apply(state, x)`."""
    jnp = jax.numpy
    first, second = jax.random.split(jax.random.key(0))
    weights = [
        SPREAD * jax.random.normal(first, (3, 4)),
        jnp.zeros(4),
        SPREAD * jax.random.normal(second, (4, 2)),
        jnp.zeros(2),
    ]

    def forward(weights, x):
        a, b, c, d = weights
        return jax.nn.softmax(jax.nn.relu(x @ a + b) @ c + d)

    def loss(weights, x, y):
        p = forward(weights, x)
        return -(y * jnp.log(jnp.clip(p, FUZZ, 1 - FUZZ))).sum(-1).mean(), p

    def step(state, x, y):
        (value, p), slopes = jax.value_and_grad(loss, has_aux=True)(state["weights"], x, y)
        squares = [
            DECAY * v + (1 - DECAY) * g * g for v, g in zip(state["squares"], slopes, strict=True)
        ]
        weights = [
            w - RATE * g / jnp.sqrt(v + FUZZ)
            for w, g, v in zip(state["weights"], slopes, squares, strict=True)
        ]
        hits = (p.argmax(-1) == y.argmax(-1)).mean()
        return {
            "weights": weights,
            "squares": squares,
            "loss": state["loss"] + value,
            "accuracy": state["accuracy"] + hits,
        }

    start = {
        "weights": weights,
        "squares": [jnp.zeros_like(w) for w in weights],
        "loss": jnp.zeros(()),
        "accuracy": jnp.zeros(()),
    }
    return start, step, lambda state, x: forward(state["weights"], x)


def program_numpy():
    """`step(x, y)` -> loss, accuracy and `apply(x)`, over weights that they share."""
    rng = np.random.default_rng(0)
    shapes = [(3, 4), (4,), (4, 2), (2,)]
    weights = [
        (SPREAD * rng.normal(size=s) if len(s) == 2 else np.zeros(s)).astype("f4") for s in shapes
    ]
    squares = [np.zeros_like(w) for w in weights]

    def forward(x):
        a, b, c, d = weights
        h = np.maximum(x @ a + b, 0)
        z = h @ c + d
        e = np.exp(z - z.max(-1, keepdims=True))
        return h, e / e.sum(-1, keepdims=True)

    def step(x, y):
        h, p = forward(x)
        dz = (p - y) / len(x)  # softmax and crossentropy in one
        dh = dz @ weights[2].T * (h > 0)
        slopes = [x.T @ dh, dh.sum(0), h.T @ dz, dz.sum(0)]
        for w, v, g in zip(weights, squares, slopes, strict=True):
            v += (1 - DECAY) * (g * g - v)
            w -= RATE * g / np.sqrt(v + FUZZ)
        loss = -(y * np.log(np.clip(p, FUZZ, 1 - FUZZ))).sum(-1).mean()
        return loss, (p.argmax(-1) == y.argmax(-1)).mean()

    return step, lambda x: forward(x)[1]


def weights_c():
    """What `peers/_by_hand.c` starts from; the rest of the workload is in that file."""
    rng = np.random.default_rng(0)
    shapes = [(3, 4), (4,), (4, 2), (2,)]
    return [SPREAD * rng.normal(size=s) if len(s) == 2 else np.zeros(s) for s in shapes]


def parts_torch(torch):
    """The net up to its logits, the loss of logits and labels, the optimizer, the last function."""
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    for layer in (net[0], net[2]):
        torch.nn.init.normal_(layer.weight, std=SPREAD)
        torch.nn.init.zeros_(layer.bias)
    optimizer = torch.optim.RMSprop(net.parameters(), lr=RATE, alpha=DECAY, eps=FUZZ)
    return net, torch.nn.CrossEntropyLoss(), optimizer, torch.nn.Softmax(-1)


def settings_sklearn():
    """scikit-learn has no rmsprop: adam is its nearest."""
    return {"hidden_layer_sizes": (4,), "activation": "relu", "solver": "adam"}
