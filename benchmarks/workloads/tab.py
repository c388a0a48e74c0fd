"""A table of 20 columns: a 20-64-64-2 net, adam, batches of 32."""

from itertools import pairwise

from workloads import _nets as nets

BATCH, EPOCHS, WARM_EPOCHS = 32, 1, 5
SIZES = (20, 64, 64, 2)


def data():
    return nets.noise(3200, (20,), 2)


def model_keras(keras):
    layers = [keras.layers.Dense(n, activation="relu") for n in SIZES[1:-1]]
    last = keras.layers.Dense(SIZES[-1], activation="softmax")
    return nets.compiled(keras.Sequential([keras.Input(SIZES[:1]), *layers, last]))


def program_jax(jax):
    weights = []
    for inputs, outputs in pairwise(SIZES):
        weights += [nets.glorot(inputs, outputs), nets.zeros(outputs)]

    def forward(weights, x, key):
        a, b, c, d, e, f = weights
        return jax.nn.relu(jax.nn.relu(x @ a + b) @ c + d) @ e + f

    return nets.adam_program(jax, weights, forward)


def parts_torch(torch):
    nn = torch.nn
    net = nn.Sequential(
        nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2)
    )
    return nets.torch_parts(torch, net)


def settings_sklearn():
    return {"hidden_layer_sizes": SIZES[1:-1], "activation": "relu", "solver": "adam"}
