"""How much of what a source can deliver training uses.

    python benchmarks/streams.py            all rows; two minutes
    python benchmarks/streams.py generator  those whose name has this in it

Prints, for each source, the batches a second that it delivers to an empty loop, those that are
copied by such a loop (what a program trains on must not be the memory that the source writes to
next: nothing that lets the source go on meanwhile can be faster), those that `fit` trains on, and
the share of what is delivered; for arrays that stream, against the same arrays on the device.
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


def net_of_names():
    inputs = {"x": lamina.Input((FEATURES,)), "more": lamina.Input((1,))}
    model = lamina.Model(inputs, layers.Dense(1)(layers.Concatenate()(list(inputs.values()))))
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


class Loader:
    """The same as what loaders of other libraries are: a length, and a pass from its beginning."""

    def __len__(self):
        return 40000

    def __iter__(self):
        return islice(augmented(0), 40000)


def named(work):
    """The same with two inputs that have names."""
    for x, y in augmented(work):
        yield {"x": x, "more": y}, y


def seconds_of_loop(batches, steps):
    begun = time.perf_counter()
    for _ in islice(batches, steps):
        pass
    return time.perf_counter() - begun


def seconds_of_copies(batches, steps):
    """A loop that copies each batch to the same place, which stays in the cache."""
    place, labels = np.empty((BATCH, FEATURES), "float32"), np.empty((BATCH, 1), "float32")
    begun = time.perf_counter()
    for x, y in islice(batches, steps):
        if isinstance(x, dict):
            place[...], labels[...] = x["x"], x["more"]
        else:
            place[...] = x
        labels[...] = y
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
    # Long enough that starting and ending an epoch, a millisecond, does not count.
    for work, steps in ((0, 40000), (1, 10000), (4, 4000)):
        yield f"generator, work {work}", net, lambda w=work: augmented(w), steps
    yield "generator of named inputs", net_of_names, lambda: named(0), 40000
    yield "loader with a length", net, Loader, 40000
    for options in ({}, {"workers": 4}, {"workers": 4, "use_multiprocessing": True}):
        yield f"PyDataset {options}", net, lambda o=options: Numbered(**o), 2000


def delivered(source):
    """The batches as training asks for them, from workers if there are any."""
    return _data.feeds.feed_for("fit", source, shuffle=False, batch_size=BATCH).open()


def from_memory():
    """Milliseconds of an epoch with arrays on the device, and with the same arrays streaming."""
    x = np.random.default_rng(0).normal(size=(400_000, FEATURES)).astype("float32")
    y = x.sum(1, keepdims=True)
    for name, model, turns in (("Dense(1)", net(), 5), ("two layers of 256", larger(), 1)):
        times = {1 << 60: [], 1 << 20: []}
        for budget in [*times] * turns:  # in turns, since a machine is not always equally fast
            os.environ["LAMINA_DATA_BUDGET"] = str(budget)
            stamps = []
            stamp = lamina.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs, s=stamps: s.append(time.perf_counter())
            )
            model.fit(x, y, batch_size=BATCH, epochs=4, verbose=0, callbacks=[stamp])
            times[budget].extend(np.diff(stamps))
        yield name, *(1e3 * np.median(t) for t in times.values())


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
    print(f"{'source':58} {'delivers':>10} {'copied':>10} {'trained':>10} {'share':>6}")
    for name, model, make, steps in streams():
        if wanted in name:
            # In turns, since a machine is not always equally fast.
            times = [
                (
                    seconds_of_loop(delivered(make()), steps),
                    seconds_of_copies(delivered(make()), steps),
                    seconds_of_fit(model(), make(), steps),
                )
                for _ in range(3)
            ]
            rates = [steps / min(t) for t in zip(*times, strict=True)]
            shown = " ".join(f"{rate:8.0f}/s" for rate in rates)
            print(f"{name:58} {shown} {rates[2] / rates[0]:6.0%}")
    if wanted in "arrays":
        print(f"{'arrays':58} {'on device':>10} {'streaming':>10} {'more':>6}")
        for name, resident, streaming in from_memory():
            more = streaming / resident - 1
            print(f"{name:58} {resident:8.0f}ms {streaming:8.0f}ms {more:6.0%}")


if __name__ == "__main__":
    main(*sys.argv[1:])
