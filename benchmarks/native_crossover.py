"""Steps of many nets as machine code and in XLA's loop: which is faster, and what is chosen.

    benchmarks/native_crossover.py [--nets 60] [--seed 0] [--json FILE]

Both run by turns in one process. A line has the microseconds of a step, their ratio, what the cost
model says of both, and 'wrong' where its choice is slower than 1.1 times the other.
"""

import argparse
import json
import time
from dataclasses import asdict
from statistics import geometric_mean

import jax
import numpy as np

import lamina
from lamina import layers
from lamina._native import cost
from lamina._native.engine import Engine
from lamina._native.graph import Unsupported
from lamina._training.program import Program

ROUNDS, SECONDS = 25, 0.004  # of a measurement: short ones, so that some are undisturbed


def random_net(rng):
    """A dense net around the size where the engines meet, and its data."""
    depth = int(rng.integers(1, 4))
    widths = [int(2 ** rng.uniform(3, 10)) for _ in range(depth)]
    if rng.random() < 0.7:
        widths = [max(8, w // 8 * 8) for w in widths]
    columns, classes = int(2 ** rng.uniform(2, 9)), int(rng.integers(2, 20))
    batch = int(2 ** rng.integers(3, 9))
    parts = []
    for width in widths:
        parts.append(layers.Dense(width, activation=str(rng.choice(["relu", "tanh", "gelu"]))))
        kind = rng.random()
        if kind < 0.15:
            parts.append(layers.Dropout(0.2))
        elif kind < 0.3:
            parts.append(layers.BatchNormalization())
    model = lamina.Sequential([layers.Input((columns,)), *parts])
    model.add(layers.Dense(classes, activation="softmax"))
    optimizer = str(rng.choice(["sgd", "adam", "rmsprop"]))
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = rng.normal(size=(4 * batch, columns)).astype("float32")
    y = rng.integers(0, classes, 4 * batch).astype("int32")
    name = f"{columns}-{'-'.join(map(str, widths))}-{classes} b{batch} {optimizer}"
    return name, model, x, y, batch


def programs(model, x, y, batch):
    """The program of `fit` and both engines of it."""
    data = jax.device_put((x, y, None))
    lamina.config.disable_native_steps()
    model.fit(x, y, batch_size=batch, epochs=1, verbose=0)
    program = next(p for p in model._programs.values() if isinstance(p, Program))
    report = None if program._report is None else program._reported()
    engine = Engine(program.jaxpr, report, len(program.variables), program._written, batch)
    work = cost.work_of(*engine.step)
    engine.compile()
    return program, engine, work, data


def timed(run, steps):
    begin = time.perf_counter()
    run(steps)
    return time.perf_counter() - begin


def measure(program, engine, data, batch):
    """Microseconds of a step of each engine: the least of some rounds by turns."""
    order = np.tile(np.arange(4 * batch, dtype="int32"), 1 + 20000 // (4 * batch))
    leaves = jax.tree.leaves(data)
    own = [jax.device_put(v._value, may_alias=False) for v in program.variables]
    values = [jax.device_put(v._value, may_alias=False) for v in program.variables]
    state = {"values": values}

    def native(steps):
        engine(own, leaves, order, 0, steps)

    def xla(steps):
        state["values"], _ = program(state["values"], data, order, 0, steps)
        jax.block_until_ready(state["values"])

    best = []
    most = len(order) // batch
    for run in (native, xla):
        run(1)
        steps = max(1, min(most, int(SECONDS / max(timed(run, 1), 1e-6))))
        steps = max(1, min(most, int(SECONDS / max(timed(run, steps) / steps, 1e-7))))
        best.append((run, steps, []))
    for _ in range(ROUNDS):
        for run, steps, times in best:
            times.append(timed(run, steps) / steps)
    return [1e6 * min(times) for _, _, times in best]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", help="a file for the figures")
    options = parser.parse_args()
    rows, losses = [], []
    for number in range(options.nets):
        rng = np.random.default_rng((options.seed, number))
        name, model, x, y, batch = random_net(rng)
        try:
            program, engine, work, data = programs(model, x, y, batch)
        except Unsupported as reason:
            print(f"{name:44} XLA: {reason}")
            continue
        native, xla = measure(program, engine, data, batch)
        lanes = engine.machine.lanes
        here, there = (1e6 * f(work, lanes) for f in (cost.seconds_here, cost.seconds_in_xla))
        chosen = native if here <= there else xla
        losses.append(chosen / min(native, xla))
        mark = "wrong" if losses[-1] > 1.1 else ""
        print(
            f"{name:44} native {native:9.1f} XLA {xla:9.1f} ratio {xla / native:5.2f}"
            f" | model {here:9.1f} {there:9.1f} {mark}",
            flush=True,
        )
        rows.append({"name": name, "native": native, "xla": xla, **asdict(work)})
    if losses:
        print(
            f"chosen against the better one: mean {geometric_mean(losses):.3f},"
            f" worst {max(losses):.2f}"
        )
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(rows, file)


if __name__ == "__main__":
    main()
