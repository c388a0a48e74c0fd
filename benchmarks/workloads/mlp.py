"""Images as rows: 784-512-512-10 with dropout 0.2, adam, batches of 128."""

from itertools import pairwise

from workloads import _nets as nets

BATCH, EPOCHS, WARM_EPOCHS = 128, 1, 2
SIZES = (784, 512, 512, 10)
RATE = 0.2  # of dropout


def data():
    return nets.noise(2560, (784,), 10)


def model_keras(keras):
    model = keras.Sequential([keras.Input(SIZES[:1])])
    for units in SIZES[1:-1]:
        model.add(keras.layers.Dense(units, activation="relu"))
        model.add(keras.layers.Dropout(RATE))
    model.add(keras.layers.Dense(SIZES[-1], activation="softmax"))
    return nets.compiled(model)


def program_jax(jax):
    weights = []
    for inputs, outputs in pairwise(SIZES):
        weights += [nets.glorot(inputs, outputs), nets.zeros(outputs)]

    def dropped(h, key):
        if key is None:
            return h
        return jax.numpy.where(jax.random.bernoulli(key, 1 - RATE, h.shape), h / (1 - RATE), 0)

    def forward(weights, x, key):
        a, b, c, d, e, f = weights
        first, second = (None, None) if key is None else jax.random.split(key)
        h = dropped(jax.nn.relu(x @ a + b), first)
        return dropped(jax.nn.relu(h @ c + d), second) @ e + f

    return nets.adam_program(jax, weights, forward)


def parts_torch(torch):
    nn = torch.nn
    net = nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Dropout(RATE), nn.Linear(512, 512), nn.ReLU(),
        nn.Dropout(RATE), nn.Linear(512, 10),
    )  # fmt: skip
    return nets.torch_parts(torch, net)
