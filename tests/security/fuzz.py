"""Valid files, mutated at random, and loaded under watch: `python tests/security/fuzz.py`.

Every case is made from its number alone. What may come out: the file loads, or it is refused with
a ValueError or an OSError of three parts. What may not: another exception, a file or process or
socket that nobody asked for, more than `MEMORY` MiB or `SECONDS`, weights that changed though the
file was refused, and (seen by the script, which runs cases in a process of their own) a crash or a
call into C that never ends.
"""

import argparse
import io
import json
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np

if __package__:
    from . import files
    from .watch import watched
else:  # run as a script
    from watch import watched

    import files

SECONDS, MEMORY = 20, 1024
CHUNK = 500  # cases in one process
BASES = list(files.FORMS) + [
    f"{form}|{model}"
    for form in (".keras", ".keras weights", "folder", ".weights.h5", ".h5", ".h5 weights")
    for model in files.MODELS
    if model
]

# --- mutations of bytes -------------------------------------------------------------------------


def flip(rng: random.Random, data: bytes) -> bytes:
    """Flip a few bits, most often near the beginning, where structures are."""
    made = bytearray(data)
    reach = rng.choice((64, 512, 4096, len(made)))
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16, 64))):
        if made:
            made[rng.randrange(min(reach, len(made)))] ^= 1 << rng.randrange(8)
    return bytes(made)


def cut(rng: random.Random, data: bytes) -> bytes:
    """Keep so many percent."""
    return data[: len(data) * rng.randrange(100) // 100]


def splice(rng: random.Random, data: bytes) -> bytes:
    """Remove, repeat or overwrite a stretch."""
    at, size = rng.randrange(len(data) + 1), rng.choice((1, 2, 4, 8, 100, 1000))
    part = rng.choice((b"", b"\0" * size, b"\xff" * size, rng.randbytes(size),
                       data[at : at + size] * 2))  # fmt: skip
    return data[:at] + part + data[at + rng.choice((0, size)) :]


def number(rng: random.Random, data: bytes) -> bytes:
    """Write a number of note over eight, four or two bytes."""
    size = rng.choice((2, 4, 8))
    at = rng.randrange(max(len(data) - size, 1))
    value = rng.choice((0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1, len(data), at)) % 2 ** (8 * size)
    return data[:at] + value.to_bytes(size, "little") + data[at + size :]


BYTES = (flip, flip, cut, splice, number)

# --- mutations of JSON --------------------------------------------------------------------------

CLASSES = ("Dense", "LSTM", "Lambda", "Sequential", "Functional", "InputLayer", "function", "class",
           "__lambda__", "__tensor__", "__numpy__", "__keras_tensor__", "__bytes__", "__slice__",
           "TFSMLayer", "TorchModuleWrapper", "StringLookup", "RandomNormal", "Adam", "Wrapper",
           "TimeDistributed", "Add", "Model", "MeanSquaredError", "os.system", "DTypePolicy",
           "Reshape", "Conv2D", "WhileLoop", "Full", "", "__ellipsis__", "Constant")  # fmt: skip
VALUES = (None, True, 0, -1, 3, 10**4, 2**31, 2**63, 10**12, 10**30, 1e-300, 1e308, 0.5, "", "x",
          "/etc/passwd", "http://127.0.0.1:9/", "float16", "bfloat16", "int4", "relu", "Dense",
          "../x", "\u0000", "\ud800", "a" * 5000, [], {}, [None], [[]], [0], [1, 2, 3], [-1],
          {"a": 1}, {"class_name": "Dense", "config": {}},
          {"class_name": "function", "config": "load_model", "module": "keras.saving"},
          {"class_name": "__numpy__", "config": {"value": [[1.0]], "dtype": "float32"}},
          {"class_name": "__keras_tensor__", "config": {"keras_history": ["a", 0, 0]}})  # fmt: skip

KEYS = ("units", "name", "dtype", "config", "x", "build_config", "layers", "compile_config",
        "shared_object_id", "activation", "trainable", "inbound_nodes")  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in a structure."""
    stack = [value]
    while stack:
        here = stack.pop()
        keys = list(here) if isinstance(here, dict) else range(len(here))
        for key in keys:
            yield here, key
            if isinstance(here[key], (dict, list)):
                stack.append(here[key])


def edit_json(rng: random.Random, text: bytes) -> bytes:
    """Change the structure of a JSON text in one to three places."""
    value = json.loads(text)
    for _ in range(rng.choice((1, 1, 2, 3))):
        spots = list(places(value))
        if not spots:
            break
        here, key = rng.choice(spots)
        there, other = rng.choice(spots)
        what = rng.randrange(9)
        if what == 0:
            del here[key]
        elif what == 1:
            here[key] = json.loads(json.dumps(there[other]))
        elif what == 2:
            here[key], there[other] = there[other], here[key]
            value = _uncycled(value)
        elif what == 3:
            named = [(c, k) for c, k in spots if k in ("class_name", "registered_name", "module")]
            if named:
                here, key = rng.choice(named)
                here[key] = rng.choice(CLASSES)
        elif what == 4:
            history = [c for c, k in spots if k == "keras_history"]
            if history:
                rng.choice(history)["keras_history"] = [
                    rng.choice(("a", "sum", "in", "shared")),
                    rng.choice((0, 1, -1, 2**40)),
                    0,
                ]
        elif what == 5:
            depth = rng.choice((10, 150, 900))
            for _ in range(depth):
                here[key] = [here[key]]
        elif what == 6 and isinstance(here, dict):
            here[rng.choice(KEYS)] = rng.choice(VALUES)
        else:
            here[key] = rng.choice(VALUES)
    try:
        made = json.dumps(value).encode()
    except RecursionError:
        made = b"[" * 2000 + b"]" * 2000
    if rng.random() < 0.1:  # a key twice, or what is no number
        made = made.replace(
            b'"name":', rng.choice((b'"name": 1, "name":', b'"name": NaN, "n":')), 1
        )
    return made


def _uncycled(value: Any) -> Any:
    try:
        json.dumps(value)
    except (ValueError, RecursionError):
        return {"cycle": True}
    return value


# --- mutations of HDF5 --------------------------------------------------------------------------


def edit_hdf5(rng: random.Random, data: bytes) -> bytes:
    """Change attributes, arrays and links by HDF5's own means."""
    made = io.BytesIO(data)
    with h5py.File(made, "r+") as file:
        for _ in range(rng.choice((1, 1, 2, 4))):
            names: list[str] = []
            file.visit(names.append)
            if not names:
                break
            name = rng.choice(names)
            item = file[name]
            with suppress(RuntimeError, ValueError, OSError, KeyError):  # what HDF5 does not do
                rng.choice((_edit_attribute, _edit_item))(rng, file, name, item)
    return made.getvalue()


def _edit_attribute(rng: random.Random, file: h5py.File, name: str, item: Any) -> None:
    item = rng.choice((item, file))
    known = [*item.attrs, "layer_names", "weight_names", "keras_version", "dtype", "name"]
    value = rng.choice((
        None, 1, -1.5, "x", "../a", "", "bfloat16", "1.2", b"\xff\xfe", np.arange(9), [b"a", b"b"],
        [b"../x", b"/"], np.zeros((0,)), np.zeros((2, 2)), h5py.Empty("f4"), item.ref, True,
    ))  # fmt: skip
    key = rng.choice(known)
    if value is None:
        if key in item.attrs:
            del item.attrs[key]
    else:
        item.attrs[key] = value


def _edit_item(rng: random.Random, file: h5py.File, name: str, item: Any) -> None:
    shape = rng.choice(((3, 4), (), (0,), (4, 3), (1,), (2**20,), (10**6, 10**6), (3, 4, 1)))
    kind = rng.choice(("f4", "f8", "f2", "i8", "u1", "S4", "c8", bool, h5py.string_dtype(), "V2"))
    what = rng.randrange(8)
    if what == 0 and isinstance(item, h5py.Dataset) and item.dtype.kind == "f":
        item[...] = rng.choice((np.nan, np.inf, 0))
        return
    if what == 1:
        file.copy(item, f"{name}x")
        return
    if what == 2:
        file.move(name, rng.choice((f"{name}x", "vars", "a/b/c/d", "0")) + str(rng.randrange(9)))
        return
    del file[name]
    if what == 3:
        file[name] = rng.choice((h5py.SoftLink("/layers"), h5py.ExternalLink("/etc/passwd", "/"),
                                 h5py.SoftLink(f"/{name}")))  # fmt: skip
    elif what == 4:
        file.create_group(name)
    elif what == 5:
        file[name] = file  # a loop
    elif what == 6:
        chunks = tuple(min(n, 100) for n in shape) if shape and 0 not in shape else None
        file.create_dataset(name, shape, kind, chunks=chunks)


# --- one case -----------------------------------------------------------------------------------


def mutated(case: int, seed: int = 0) -> tuple[str, str, dict[str, bytes]]:
    """The form of a case, how it was mutated, and the files that differ from the valid ones."""
    rng = random.Random(f"{seed}:{case}")
    base = rng.choice(BASES)
    ways = ["bytes", "bytes"]
    ways += ["hdf5", "bytes of hdf5"] if files.form_of(base).hdf5 else []
    configs = files.configs_of(base)
    ways += ["json", "json", "json", "bytes of json"] if configs else []
    way = rng.choice(ways)
    if way == "bytes":
        name, data = rng.choice(sorted(files.saved(base).items()))
        change = rng.choice(BYTES)
        return base, change.__name__, {name: change(rng, data)}
    if "hdf5" in way:
        change = edit_hdf5 if way == "hdf5" else rng.choice(BYTES)
        changed = files.with_hdf5(base, change(rng, files.hdf5_of(base)))
    else:
        where, text = configs[0] if rng.random() < 0.9 else rng.choice(configs)
        change = edit_json if way == "json" else rng.choice(BYTES)
        changed = files.with_config(base, where, change(rng, text))
    return base, f"{way}, {change.__name__}", changed


class Hung(BaseException):
    """A case took too long."""


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Raise `Hung` after so many seconds, once Python runs again."""

    def stop(*_: Any) -> None:
        raise Hung(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def peak() -> float:
    """The most memory that the process had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run_case(
    case: int, folder: Path, fresh: Callable[[str], Any] = files.fresh, seed: int = 0
) -> tuple[str, str | None]:
    """Load one mutated file; return what came out, and what is wrong about it.

    Args:
        case: its number.
        folder: to write files to.
        fresh: key -> a model to load weights into.
        seed: of the whole run.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base, how, changed = mutated(case, seed)
        form, path = files.form_of(base), files.lay_out(base, folder, changed)
        model = None if form.whole else fresh(base)
        before = [] if model is None else files.state(model)
        memory, said = peak(), None
        try:
            with limited(SECONDS), watched(path, *path.parent.glob("*_0*.weights.h5")):
                try:
                    form.load(model, path)
                except (ValueError, OSError) as error:
                    said = str(error)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            return "failed", f"{base}, {how}: {type(error).__name__} {str(error)[:300]}"
    wrong = None
    if peak() - memory > MEMORY:
        wrong = f"took {peak() - memory:.0f} MiB"
    elif said is not None and model is not None and files.state(model) != before:
        wrong = "refused, but weights have changed"
    elif said is not None and not ("expected" in said and "\n  Got " in said):
        wrong = f"not in three parts: {said[:300]}"
    outcome = "loaded" if said is None else "refused"
    return outcome, None if wrong is None else f"{base}, {how}: {wrong}"


# --- the script ---------------------------------------------------------------------------------


def worker(first: int, last: int, seed: int) -> None:
    """Run cases and tell of each before and after, so that a crash has a number."""
    models: dict[str, Any] = {}

    def fresh(key: str) -> Any:
        if key not in models:
            models[key] = files.fresh(key)
        return models[key]

    with tempfile.TemporaryDirectory() as folder:
        for case in range(first, last):
            print(json.dumps([case]), flush=True)
            start = time.monotonic()
            outcome, wrong = run_case(case, Path(folder, "in"), fresh, seed)
            print(json.dumps([case, outcome, wrong, time.monotonic() - start]), flush=True)


def main() -> int:
    """Run the cases in processes of their own, and count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--worker", action="store_true", help="run them in this process")
    options = parser.parse_args()
    first, last = options.first, options.first + options.cases
    if options.worker:
        worker(first, last, options.seed)
        return 0
    counts: Counter[str] = Counter()
    slowest = 0.0
    while first < last:
        command = [sys.executable, __file__, "--worker", "--first", str(first), "--seed",
                   str(options.seed), "--cases", str(min(CHUNK, last - first))]  # fmt: skip
        done, begun = first - 1, first - 1
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            watchdog = _Watchdog(process)
            for line in process.stdout or ():
                watchdog.feed()
                case, *rest = json.loads(line)
                begun = case
                if rest:
                    done = case
                    counts[rest[0]] += 1
                    slowest = max(slowest, rest[2])
                    if rest[1]:
                        counts["wrong"] += 1
                        print(f"case {case}: {rest[1]}", flush=True)
            watchdog.stop()
        if process.returncode:
            counts["crashed"] += 1
            print(f"case {begun}: the process died ({process.returncode})", flush=True)
            done = max(begun, done)
        first = done + 1
        print(f"{first} cases: {dict(counts)}, slowest {slowest:.1f} s", flush=True)
    return bool(counts["wrong"] or counts["crashed"])


class _Watchdog:
    """Kills a process that says nothing for a while: C does not listen to signals."""

    def __init__(self, process: Any) -> None:
        self._process, self._timer = process, None
        self.feed()

    def feed(self) -> None:
        """Begin to wait anew."""
        self.stop()
        self._timer = threading.Timer(3 * SECONDS, self._process.kill)
        self._timer.start()

    def stop(self) -> None:
        """Wait no longer."""
        if self._timer is not None:
            self._timer.cancel()


if __name__ == "__main__":
    sys.exit(main())
