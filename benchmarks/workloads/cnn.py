"""Images of 28x28: two convolutions 3x3 (32, 64), pooling, dropout 0.5, adam, batches of 128."""

from workloads import _nets as nets

BATCH, EPOCHS, WARM_EPOCHS = 128, 1, 1


def data():
    return nets.noise(1280, (28, 28, 1), 10)


def model_keras(keras):
    layers = keras.layers
    return nets.compiled(
        keras.Sequential(
            [
                keras.Input((28, 28, 1)),
                layers.Conv2D(32, 3, activation="relu"),
                layers.MaxPooling2D(2),
                layers.Conv2D(64, 3, activation="relu"),
                layers.MaxPooling2D(2),
                layers.Flatten(),
                layers.Dropout(0.5),
                layers.Dense(10, activation="softmax"),
            ]
        )
    )


def program_jax(jax):
    lax = jax.lax
    weights = [
        nets.glorot(3, 3, 1, 32), nets.zeros(32), nets.glorot(3, 3, 32, 64), nets.zeros(64),
        nets.glorot(1600, 10), nets.zeros(10),
    ]  # fmt: skip

    def convolved(x, kernel, bias):
        names = ("NHWC", "HWIO", "NHWC")
        y = jax.nn.relu(
            lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=names) + bias
        )
        return lax.reduce_window(y, -jax.numpy.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def forward(weights, x, key):
        a, b, c, d, e, f = weights
        h = convolved(convolved(x, a, b), c, d).reshape(len(x), -1)
        if key is not None:
            h = jax.numpy.where(jax.random.bernoulli(key, 0.5, h.shape), h / 0.5, 0)
        return h @ e + f

    return nets.adam_program(jax, weights, forward)


def parts_torch(torch):
    nn = torch.nn

    class ChannelsFirst(nn.Module):
        def forward(self, x):
            return x.permute(0, 3, 1, 2)

    net = nn.Sequential(
        ChannelsFirst(), nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3),
        nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 10),
    )  # fmt: skip
    return nets.torch_parts(torch, net.to(memory_format=torch.channels_last))
