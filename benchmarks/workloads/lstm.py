"""Texts of 80 words: Embedding(5000, 64), LSTM(64), adam, batches of 32."""

from workloads import _nets as nets

BATCH, EPOCHS, WARM_EPOCHS = 32, 1, 1
WORDS, STEPS, WIDTH = 5000, 80, 64


def data():
    return nets.noise(640, (STEPS,), 2, words=WORDS)


def model_keras(keras):
    layers = keras.layers
    return nets.compiled(
        keras.Sequential(
            [
                keras.Input((STEPS,)),
                layers.Embedding(WORDS, WIDTH),
                layers.LSTM(WIDTH),
                layers.Dense(2, activation="softmax"),
            ]
        )
    )


def program_jax(jax):
    jnp = jax.numpy
    weights = [
        nets.glorot(WORDS, WIDTH), nets.glorot(WIDTH, 4 * WIDTH), nets.glorot(WIDTH, 4 * WIDTH),
        nets.zeros(4 * WIDTH), nets.glorot(WIDTH, 2), nets.zeros(2),
    ]  # fmt: skip

    def forward(weights, x, key):
        table, kernel, recurrent, bias, last, last_bias = weights
        inputs = table[x.astype("int32")].swapaxes(0, 1) @ kernel + bias

        def step(state, now):
            h, c = state
            i, f, g, o = jnp.split(now + h @ recurrent, 4, axis=-1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        start = jnp.zeros((len(x), WIDTH))
        return jax.lax.scan(step, (start, start), inputs)[0][0] @ last + last_bias

    return nets.adam_program(jax, weights, forward)


def parts_torch(torch):
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(WORDS, WIDTH)
            self.lstm = nn.LSTM(WIDTH, WIDTH, batch_first=True)
            self.last = nn.Linear(WIDTH, 2)

        def forward(self, x):
            return self.last(self.lstm(self.table(x.long()))[0][:, -1])

    return nets.torch_parts(torch, Net())
