"""OrbaxCheckpoint, where orbax is installed; without it, the error says how to get it."""

import importlib.util

import numpy as np
import pytest

import lamina
from lamina.callbacks import OrbaxCheckpoint

HAS_ORBAX = importlib.util.find_spec("orbax") is not None


@pytest.mark.skipif(HAS_ORBAX, reason="orbax is installed")
def test_without_orbax_the_error_names_the_extra(tmp_path):
    with pytest.raises(ImportError, match=r"lamina\[orbax\]"):
        OrbaxCheckpoint(tmp_path)


@pytest.mark.skipif(not HAS_ORBAX, reason="orbax is not installed")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("background", [False, True])
def test_checkpoints_hold_the_state_of_their_step(tmp_path, background):
    from orbax.checkpoint import v1

    model = lamina.Sequential([lamina.Input((2,)), lamina.layers.Dense(1, name="d")], name="s")
    model.compile("adam", "mse", metrics=["mae"])
    kernels = {}

    class Watch(lamina.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            kernels[epoch] = model.get_weights()[0]

    save = OrbaxCheckpoint(
        tmp_path, max_to_keep=2, save_on_background=background, monitor="mae", save_best_only=True
    )
    x = np.ones((8, 2), "float32")
    model.fit(x, x[:, :1] * 9, epochs=4, verbose=0, callbacks=[save, Watch()])
    steps = sorted(int(p.name) for p in tmp_path.iterdir() if p.name.isdigit())
    assert steps == [2, 3]
    for step in steps:
        kept = v1.load_checkpointables(tmp_path / str(step))
        kernel = kept["pytree"]["trainable_variables"]["s"]["d"]["kernel"]
        np.testing.assert_array_equal(kernel, kernels[step])
        assert int(kept["pytree"]["optimizer_variables"]["adam"]["iteration"]) == step + 1
        assert "Sequential" in kept["model_config"]["config"]
