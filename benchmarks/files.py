"""What saving and loading a model of 100 MB costs, beside Keras on JAX.

    python benchmarks/files.py

Each library has a process of its own; the two take turns. Prints the best time of each, and the
most memory that a call took beyond what the process had before it, in sizes of the model. (Loading
a whole model keeps one size of it: the model.) Linux only: memory is read from /proc.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WIDTH, DEPTH, ROUNDS = 2240, 5, 3
LIBRARIES = ("lamina", "keras")


def memory(field):
    """A field of /proc/self/status, in bytes."""
    for line in Path("/proc/self/status").read_text("utf-8").splitlines():
        if line.startswith(field):
            return 1024 * int(line.split()[1])
    raise LookupError(field)


def cost(call):
    """The seconds of a call, and the bytes that it took at most."""
    Path("/proc/self/clear_refs").write_text("5", "utf-8")  # VmHWM begins anew
    before, begun = memory("VmRSS"), time.perf_counter()
    kept = call()
    seconds = time.perf_counter() - begun
    return seconds, memory("VmHWM") - before, kept


def measure(library, folder):
    """Print the cost of each call, as JSON."""
    os.environ["KERAS_BACKEND"] = "jax"
    keras = __import__(library)

    def stack(width, depth):
        parts = [keras.layers.Dense(width, use_bias=False) for _ in range(depth)]
        return keras.Sequential([keras.Input((width,)), *parts])

    small = stack(2, 1)  # what is loaded late, is loaded now
    for name in ("s.keras", "s.weights.h5"):
        save = small.save if name.endswith("keras") else small.save_weights
        save(os.path.join(folder, name))
    small.load_weights(os.path.join(folder, "s.weights.h5"))
    keras.models.load_model(os.path.join(folder, "s.keras"))
    model = stack(WIDTH, DEPTH)
    whole, weights = (os.path.join(folder, name) for name in ("m.keras", "m.weights.h5"))
    calls = {
        "save": lambda: model.save(whole),
        "load_model": lambda: keras.models.load_model(whole),
        "save_weights": lambda: model.save_weights(weights),
        "load_weights": lambda: model.load_weights(weights),
    }
    found = {}
    for name, call in calls.items():
        seconds, nbytes, kept = cost(call)
        del kept
        found[name] = (seconds, nbytes / (4 * WIDTH**2 * DEPTH))
    print(json.dumps(found))


def main():
    """Take turns, and print the table."""
    results = {library: [] for library in LIBRARIES}
    for _ in range(ROUNDS):
        for library in LIBRARIES:
            with tempfile.TemporaryDirectory() as folder:
                command = [sys.executable, __file__, library, folder]
                said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                results[library].append(json.loads(said.splitlines()[-1]))
    print(f"{4 * WIDTH**2 * DEPTH / 1e6:.0f} MB of weights")
    print(f"{'':14}{'lamina':>18}{'Keras':>18}{'time':>8}")
    for name in results["lamina"][0]:
        best = {k: min(r[name][0] for r in runs) for k, runs in results.items()}
        most = {k: max(r[name][1] for r in runs) for k, runs in results.items()}
        cells = "".join(f"{best[k] * 1e3:8.0f} ms{most[k]:5.2f} x" for k in LIBRARIES)
        print(f"{name:14}{cells}{best['lamina'] / best['keras']:7.2f}x")


if __name__ == "__main__":
    measure(*sys.argv[1:]) if sys.argv[1:] else main()
