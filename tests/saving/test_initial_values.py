"""Models from files draw no initial values, where all of these would be overwritten."""

import numpy as np
import pytest

from lamina import initializers, layers, models, saving, utils


@utils.register_keras_serializable("initial")
class Projection(layers.Layer):
    """Random weights that it leaves out of files, as a seed gives them again."""

    def build(self, shape):
        self.w = self.add_weight((shape[-1], 2), initializers.RandomNormal(seed=7), name="w")

    def call(self, x):
        return x @ self.w

    def save_own_variables(self, store):
        pass

    def load_own_variables(self, store):
        pass


def make():
    stack = [layers.Input((3,)), layers.Dense(3, kernel_initializer="orthogonal"), Projection()]
    return models.Sequential(stack)


@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_drawn_only_where_a_file_may_have_none(tmp_path, monkeypatch, name):
    model, x = make(), np.random.rand(4, 3)
    model.save(tmp_path / name)
    monkeypatch.setattr(initializers.Orthogonal, "__call__", lambda *args, **kwargs: 1 / 0)
    loaded = saving.load_model(tmp_path / name)
    np.testing.assert_allclose(loaded(x), model(x), rtol=1e-6)


def test_configurations_alone_have_initial_values():
    for copy in (models.clone_model(make()), models.Sequential.from_config(make().get_config())):
        assert np.abs(copy.layers[0].kernel).max() > 0
