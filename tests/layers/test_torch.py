"""Modules of PyTorch as layers; only where PyTorch is installed."""

import numpy as np
import pytest

import lamina
from lamina import layers

X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
Y = X[:, :2] - X[:, 2:]


def test_saved_models_are_refused_with_the_way_out():
    with pytest.raises(NotImplementedError, match="load_model"):
        layers.TFSMLayer("folder")


def test_only_modules_are_wrapped():
    with pytest.raises(ValueError, match=r"torch\.nn\.Module"):
        layers.TorchModuleWrapper(lambda x: x)


def test_a_module_trains_as_in_torch():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2))
    layer = layers.TorchModuleWrapper(net)
    model = lamina.Sequential([lamina.Input((4,)), layer])
    assert model.output_shape == (None, 2)
    model.compile(lamina.optimizers.SGD(0.1), "mse")
    ours = model.fit(X, Y, epochs=3, batch_size=4, shuffle=False, verbose=0).history["loss"]
    optimizer, theirs = torch.optim.SGD(net.parameters(), 0.1), []
    for _ in range(3):
        losses = []
        for i in range(0, 12, 4):
            loss = ((net(torch.tensor(X[i : i + 4])) - torch.tensor(Y[i : i + 4])) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        theirs.append(np.mean(losses))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    np.testing.assert_allclose(
        layer.module(torch.tensor(X)).detach(), model.predict(X, verbose=0), rtol=1e-5, atol=1e-6
    )


def test_moving_averages_and_dropout():
    torch = pytest.importorskip("torch")
    layer = layers.TorchModuleWrapper(
        torch.nn.Sequential(torch.nn.BatchNorm1d(4), torch.nn.Dropout(0.5))
    )
    assert [len(layer.trainable_variables), len(layer.non_trainable_variables)] == [2, 4]
    first, second = layer(X, training=True), layer(X, training=True)
    assert ((first == 0) != (second == 0)).any()
    np.testing.assert_allclose(
        layer.module[0].running_mean, X.mean(0) * (1 - 0.9**2), rtol=1e-4, atol=1e-6
    )
    assert (layer(X) != 0).all()
