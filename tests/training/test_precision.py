"""Training under other dtypes than float32."""

import numpy as np
import pytest

import lamina
from lamina import layers


@pytest.mark.parametrize(
    ("policy", "computed", "kept"),
    [
        ("mixed_float16", "float16", "float32"),
        ("mixed_bfloat16", "bfloat16", "float32"),
        ("bfloat16", "bfloat16", "bfloat16"),
    ],
)
def test_short_floats_train(people, policy, computed, kept):
    model = lamina.Sequential(
        [
            lamina.Input((3,)),
            layers.Dense(4, activation="relu", dtype=policy, kernel_initializer="ones"),
            layers.Dense(2, activation="softmax", dtype=policy, kernel_initializer="ones"),
        ]
    )
    # Steps of 0.1: bfloat16 has no number between 1 and 1.0078.
    model.compile(lamina.optimizers.Adam(0.1), "categorical_crossentropy", metrics=["accuracy"])
    before = model.get_weights()
    history = model.fit(people.x, people.y, batch_size=11, epochs=3, verbose=0).history
    assert {w.dtype for w in model.weights} == {kept}
    assert str(model(people.x).dtype) == computed
    assert str(model.predict(people.x, verbose=0).dtype) == computed
    assert np.all(np.isfinite(history["loss"]))
    assert not np.array_equal(before[0], model.get_weights()[0])


def test_the_global_policy(people, net):
    lamina.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = net("adam")
        history = model.fit(people.x, people.y, epochs=2, verbose=0).history
    finally:
        lamina.config.set_dtype_policy(None)
    assert [layer.compute_dtype for layer in model.layers] == ["bfloat16"] * 2
    assert history["loss"][1] < history["loss"][0]
    assert net().layers[0].compute_dtype == "float32"


def test_mixed_precision_is_close_to_full(people, net):
    """The same net, eight epochs: bfloat16's three digits of the loss."""
    losses = []
    for policy in (None, "mixed_bfloat16"):
        lamina.config.set_dtype_policy(policy)
        try:
            model = net()
            fitted = model.fit(people.x, people.y, epochs=8, shuffle=False, verbose=0)
        finally:
            lamina.config.set_dtype_policy(None)
        losses.append(fitted.history["loss"])
    assert np.allclose(losses[0], losses[1], rtol=0.02)
    assert losses[0] != losses[1]
