"""One peer, one workload, one process: `measure.py PEER WORKLOAD cold|warm`.

`cold` is the whole job once, as a user's script does it; `warm` is what a step and a prediction
cost after that. The last line printed is JSON.
"""

import json
import platform
import resource
import statistics
import sys
import tempfile
from importlib import import_module
from time import perf_counter

REPEAT_FOR = 2.0  # seconds that a repeated measurement may take
MOST_FITS, MOST_PREDICTIONS = 7, 200


def timed(fn, *args, **kwargs):
    begin = perf_counter()
    result = fn(*args, **kwargs)
    return perf_counter() - begin, result


def repeated(most, fn, *args):
    """The median time of at most `most` calls."""
    times = []
    while not times or (len(times) < most and sum(times) < REPEAT_FOR):
        times.append(timed(fn, *args)[0])
    return statistics.median(times)


def cold(job, workload):
    first, scores = timed(job.fit, workload.EPOCHS, verbose=2)
    with tempfile.TemporaryDirectory() as folder:
        pictures = job.draw(folder) if hasattr(job, "draw") else 0
    job.predict(workload.data()[0][:1])
    scores = {name: float(value) for name, value in scores.items()}
    return {"first_fit_s": first, "pictures": pictures, "scores": scores}


def warm(job, workload):
    x = workload.data()[0].astype("float32")
    steps = workload.WARM_EPOCHS * -(-len(x) // workload.BATCH)
    job.fit(1)
    job.predict(x[:1])
    job.predict(x)
    return {
        "step_us": 1e6 * repeated(MOST_FITS, job.fit, workload.WARM_EPOCHS) / steps,
        "predict_ms": 1e3 * repeated(MOST_PREDICTIONS, job.predict, x[:1]),
        "predict_rows_ms": 1e6 * repeated(MOST_FITS, job.predict, x) / len(x),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def versions(library):
    """Of Python, of the library, and of the engine that it has loaded."""
    found = {"Python": platform.python_version()}
    for name in (library.__name__.split(".")[0], "jax", "tensorflow", "torch", "numpy"):
        if name in sys.modules and (version := getattr(sys.modules[name], "__version__", None)):
            found[name] = version
    return found


def main(peer_name, workload_name, mode):
    peer = import_module(f"peers.{peer_name}")
    import_s, library = timed(peer.load)
    workload = import_module(f"workloads.{workload_name}")
    found = {"import_s": import_s} if mode == "cold" else {}
    found |= {"cold": cold, "warm": warm}[mode](peer.start(library, workload), workload)
    found["versions"] = versions(library)
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
