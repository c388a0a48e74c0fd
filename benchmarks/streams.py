"""How much of what a source can deliver training uses.

    python benchmarks/streams.py            all rows; about a minute
    python benchmarks/streams.py generator  those whose name has this in it

Prints, for each source, the batches a second that it delivers to an empty loop, those that `fit`
trains on, and the share; for arrays that stream, against the same arrays on the device.
"""

import os
import sys
import time
from itertools import islice

import numpy as np

import lamina
from lamina import _data, layers

BATCH, FEATURES = 32, 64


def net(features=FEATURES):
    model = lamina.Sequential([lamina.Input((features,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def augmented(work):
    """An endless generator whose batches cost some numpy work."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(4096, FEATURES)).astype("float32")
    y = x.sum(1, keepdims=True)
    while True:
        rows = draw.integers(0, len(x), BATCH)
        batch = x[rows]
        for _ in range(work):
            batch = batch + 0.01 * draw.normal(size=batch.shape)
        yield batch, y[rows]


class Numbered(lamina.utils.PyDataset):
    """The same as a data set, whose batches wait for a disk for a millisecond."""

    def __init__(self, **options):
        super().__init__(**options)
        self._batches = list(islice(augmented(1), 64))

    def __len__(self):
        return 2000

    def __getitem__(self, index):
        time.sleep(0.001)
        x, y = self._batches[index % 64]
        return np.sort(x, axis=1), y


def seconds_of_loop(batches, steps):
    begun = time.perf_counter()
    for _ in islice(batches, steps):
        pass
    return time.perf_counter() - begun


def seconds_of_fit(model, source, steps, **options):
    """The second epoch of two: the first one compiles."""
    stamps = []
    stamp = lamina.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: stamps.append(time.perf_counter()),
        on_epoch_end=lambda epoch, logs: stamps.append(time.perf_counter()),
    )
    model.fit(source, steps_per_epoch=steps, epochs=3, verbose=0, callbacks=[stamp], **options)
    return min(stamps[3] - stamps[2], stamps[5] - stamps[4])


def streams():
    for work in (0, 1, 4):
        yield f"generator, work {work}", lambda w=work: augmented(w), 4000
    for options in ({}, {"workers": 4}, {"workers": 4, "use_multiprocessing": True}):
        yield f"PyDataset {options}", lambda o=options: Numbered(**o), 2000


def delivered(source):
    """The batches as training asks for them, from workers if there are any."""
    return _data.feeds.feed_for("fit", source, shuffle=False, batch_size=BATCH).open()


def from_memory():
    """Milliseconds of an epoch with arrays on the device, and with the same arrays streaming."""
    x = np.random.default_rng(0).normal(size=(400_000, FEATURES)).astype("float32")
    y = x.sum(1, keepdims=True)
    for name, model in (("Dense(1)", net()), ("two layers of 256", larger())):
        times = []
        for budget in (1 << 60, 1 << 20):
            os.environ["LAMINA_DATA_BUDGET"] = str(budget)
            stamps = []
            stamp = lamina.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs, s=stamps: s.append(time.perf_counter())
            )
            model.fit(x, y, batch_size=BATCH, epochs=3, verbose=0, callbacks=[stamp])
            times.append(1e3 * min(np.diff(stamps)))
        yield name, *times


def larger():
    model = lamina.Sequential(
        [
            lamina.Input((FEATURES,)),
            layers.Dense(256, activation="relu"),
            layers.Dense(256, activation="relu"),
            layers.Dense(1),
        ]
    )
    model.compile("adam", "mse")
    return model


def main(wanted=""):
    print(f"{'source':58} {'delivers':>10} {'trained':>10} {'share':>6}")
    for name, make, steps in streams():
        if wanted in name:
            # In turns, since a machine is not always equally fast.
            times = [
                (seconds_of_loop(delivered(make()), steps), seconds_of_fit(net(), make(), steps))
                for _ in range(3)
            ]
            delivers, trained = (steps / min(t) for t in zip(*times, strict=True))
            print(f"{name:58} {delivers:8.0f}/s {trained:8.0f}/s {trained / delivers:6.0%}")
    if wanted in "arrays":
        print(f"{'arrays':58} {'on device':>10} {'streaming':>10} {'more':>6}")
        for name, resident, streaming in from_memory():
            more = streaming / resident - 1
            print(f"{name:58} {resident:8.0f}ms {streaming:8.0f}ms {more:6.0%}")


if __name__ == "__main__":
    main(*sys.argv[1:])
