"""Sequences of 64: 2 transformer blocks, width 64, 4 heads, inner 128, adam, batches of 32."""

from workloads import _nets as nets

BATCH, EPOCHS, WARM_EPOCHS = 32, 1, 1
LENGTH, WIDTH, HEADS, INNER, BLOCKS = 64, 64, 4, 128, 2
DEPTH = WIDTH // HEADS


def data():
    return nets.noise(640, (LENGTH, WIDTH), 2)


def model_keras(keras):
    layers = keras.layers
    x = inputs = keras.Input((LENGTH, WIDTH))
    for _ in range(BLOCKS):
        x = layers.LayerNormalization(epsilon=1e-5)(
            x + layers.MultiHeadAttention(HEADS, DEPTH)(x, x)
        )
        inner = layers.Dense(INNER, activation="relu")(x)
        x = layers.LayerNormalization(epsilon=1e-5)(x + layers.Dense(WIDTH)(inner))
    outputs = layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling1D()(x))
    return nets.compiled(keras.Model(inputs, outputs))


def program_jax(jax):
    jnp = jax.numpy
    block = [
        nets.glorot(WIDTH, 3 * WIDTH), nets.zeros(3 * WIDTH), nets.glorot(WIDTH, WIDTH),
        nets.zeros(WIDTH), 1 + nets.zeros(WIDTH), nets.zeros(WIDTH), nets.glorot(WIDTH, INNER),
        nets.zeros(INNER), nets.glorot(INNER, WIDTH), nets.zeros(WIDTH), 1 + nets.zeros(WIDTH),
        nets.zeros(WIDTH),
    ]  # fmt: skip
    weights = [*block, *block, nets.glorot(WIDTH, 2), nets.zeros(2)]

    def normalized(x, scale, shift):
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * scale + shift

    def attended(x, kernel, bias, last, last_bias):
        heads = (x @ kernel + bias).reshape(*x.shape[:2], 3, HEADS, DEPTH)
        q, k, v = jnp.moveaxis(heads, 2, 0)
        scores = jnp.einsum("nqhd,nkhd->nhqk", q, k) / DEPTH**0.5
        mixed = jnp.einsum("nhqk,nkhd->nqhd", jax.nn.softmax(scores), v)
        return mixed.reshape(x.shape) @ last + last_bias

    def forward(weights, x, key):
        *blocks, last, last_bias = weights
        for i in range(BLOCKS):
            w = blocks[i * len(block) : (i + 1) * len(block)]
            x = normalized(x + attended(x, *w[:4]), *w[4:6])
            x = normalized(x + jax.nn.relu(x @ w[6] + w[7]) @ w[8] + w[9], *w[10:])
        return x.mean(1) @ last + last_bias

    return nets.adam_program(jax, weights, forward)


def parts_torch(torch):
    nn = torch.nn

    class Mean(nn.Module):
        def forward(self, x):
            return x.mean(1)

    def block():
        return nn.TransformerEncoderLayer(WIDTH, HEADS, INNER, dropout=0.0, batch_first=True)

    blocks = [block() for _ in range(BLOCKS)]
    return nets.torch_parts(torch, nn.Sequential(*blocks, Mean(), nn.Linear(WIDTH, 2)))
