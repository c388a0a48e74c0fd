"""A process that is killed while it saves leaves the old file or the new one, and nothing more."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

import lamina
from lamina import saving

KILLS = int(os.environ.get("LAMINA_KILLS", "6"))  # 200 once, by hand

# Saves without end; the weights are all of one number, which counts the saves.
SAVER = """
import sys
import numpy as np
import lamina
path, start = sys.argv[1], int(sys.argv[2])
model = lamina.Sequential([lamina.Input((64,)), lamina.layers.Dense(256), lamina.layers.Dense(64)])
weights = model.get_weights()
for i in range(start, 10**9):
    model.set_weights([np.full_like(w, i) for w in weights])
    (model.save_weights if path.endswith(".weights.h5") else model.save)(path)
    print(i, flush=True)
"""


def number_in(path, model):
    """Which save a file is of; all of its weights say the same."""
    loaded = model
    if model is None:
        loaded = saving.load_model(path)
    else:
        model.load_weights(path)
    values = {float(v) for w in loaded.get_weights() for v in (w.min(), w.max())}
    assert len(values) == 1
    return int(values.pop())


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.weights.h5"])
def test_killed_while_saving(name, tmp_path):
    rng, path, last = random.Random(name), tmp_path / name, 0
    stack = [lamina.Input((64,)), lamina.layers.Dense(256), lamina.layers.Dense(64)]
    model = lamina.Sequential(stack) if name == "m.weights.h5" else None
    for kill in range(KILLS // 3):
        command = [sys.executable, "-c", SAVER, str(path), str(last + 1)]
        env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=env, text=True) as process:
            told = int(process.stdout.readline())  # the first save is done
            time.sleep(rng.uniform(0, 0.15))
            process.send_signal(signal.SIGKILL)
            rest = process.stdout.read().split()
        told = int(rest[-1]) if rest else told
        last = number_in(path, model)
        assert told <= last <= told + 1  # the one that it told of, or the one that it was at
        assert len(list(tmp_path.iterdir())) <= 1 + kill + 1  # at most a remnant for each kill
