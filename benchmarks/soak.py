"""Soak: does memory stay flat, and are compilations few, when a process goes on for long?

    python benchmarks/soak.py

Three loops that people run: `predict` on data of many lengths, a fresh model each time, folds of a
cross-validation. Each runs in a process of its own. It fails if the resident memory grows by 5 % or
more after the first tenth of the rounds, or if 50 lengths take more than 12 compilations.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

GROWTH = 0.05
COMPILATIONS = 12


def net(width: int = 16) -> Any:
    """A small net, compiled."""
    import lamina
    from lamina.layers import Dense

    model = lamina.Sequential(
        [lamina.Input((8,)), Dense(width, activation="relu"), Dense(2, activation="softmax")]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def data(rows: int) -> Any:
    """Rows of eight numbers, and one-hot labels."""
    import numpy as np

    x = np.random.default_rng(0).normal(size=(rows, 8)).astype("float32")
    return x, np.eye(2, dtype="float32")[(x.sum(1) > 0).astype(int)]


def predictions() -> Iterator[None]:
    """2,000 calls of `predict` with 50 different lengths."""
    model, (x, _) = net(), data(2000)
    lengths = [1 + 37 * i for i in range(50)]
    for i in range(2000):
        model.predict(x[: lengths[i * 7 % 50]], verbose=0)
        yield


def fresh_models() -> Iterator[None]:
    """50 models made, fitted and dropped."""
    x, y = data(200)
    for _ in range(50):
        net().fit(x, y, epochs=2, verbose=0)
        yield


def folds() -> Iterator[None]:
    """20 times five folds: a model for each, with validation data, evaluated and used."""
    import numpy as np

    x, y = data(200)
    for _ in range(20):
        order = np.random.default_rng(1).permutation(200)
        for part in np.split(order, 5):
            rest = np.setdiff1d(order, part)
            model = net()
            model.fit(x[rest], y[rest], validation_data=(x[part], y[part]), epochs=2, verbose=0)
            model.evaluate(x[part], y[part], verbose=0)
            model.predict(x[part], verbose=0)
        yield


def resident() -> int:
    """Return the resident memory of this process, in bytes: on Linux, as /proc says."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def soak(rounds: Callable[[], Iterator[None]], out: Any) -> None:
    """Run the rounds; send (rounds, compilations, bytes after a tenth, bytes at the end, s)."""
    from jax import monitoring

    compiled = []
    monitoring.register_event_duration_secs_listener(
        lambda name, *_, **__: compiled.append(name) if "backend_compile" in name else None
    )
    begun = time.perf_counter()
    sizes = [resident() for _ in rounds()]
    tenth = len(sizes) // 10
    early = max(sizes[:tenth])
    out.send((len(sizes), len(compiled), early, max(sizes[tenth:]), time.perf_counter() - begun))


def main() -> int:
    """Run all three; return 1 if one does not hold."""
    failed = False
    context = multiprocessing.get_context("spawn")
    print(f"{'':24}{'rounds':>8}{'compiled':>10}{'after 1/10':>12}{'most later':>12}{'growth':>9}")
    for rounds in (predictions, fresh_models, folds):
        here, there = context.Pipe()
        process = context.Process(target=soak, args=(rounds, there))
        process.start()
        number, compiled, early, most, seconds = here.recv()
        process.join()
        growth = most / early - 1
        few = rounds is not predictions or compiled <= COMPILATIONS
        failed |= growth >= GROWTH or not few
        print(
            f"{rounds.__name__:24}{number:8}{compiled:10}{early / 2**20:9.0f} MB"
            f"{most / 2**20:9.0f} MB{growth:9.1%}   {seconds:.0f} s"
        )
    return int(failed)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent / "src"))
    sys.exit(main())
