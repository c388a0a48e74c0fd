"""C without a library: the tutorial's step written out and compiled by the system's compiler."""

import ctypes
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

LABEL = "C by hand"
FACE = "weights_c"
REQUIRES = ()
ENVIRON = {}
SOURCE = Path(__file__).with_name("_by_hand.c")
FLAGS = ("-O3", "-march=native", "-ffast-math", "-shared", "-fPIC")


def compiler():
    """The system's C compiler, or None."""
    names = filter(None, (os.environ.get("CC"), "cc", "gcc", "clang"))
    return next(filter(None, map(shutil.which, names)), None)


def missing():
    """Why this peer cannot run here, or None."""
    return None if compiler() else "no C compiler: set CC, or install gcc or clang"


def library():
    """The functions of `_by_hand.c`, compiled now."""
    reason = missing()
    if reason:
        raise SystemExit(reason)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "by_hand.so"
        subprocess.run([compiler(), *FLAGS, SOURCE, "-o", path, "-lm"], check=True)
        return ctypes.CDLL(str(path))


def load():
    import numpy

    return numpy


class Job:
    def __init__(self, numpy, workload):
        self.np, self.c = numpy, library()
        self.x, self.y = (a.astype("float32") for a in workload.data())
        self.size, self.rng = workload.BATCH, numpy.random.default_rng(0)
        weights = workload.weights_c()
        self.count = sum(w.size for w in weights)
        self.state = numpy.zeros(2 * self.count + 2, "float32")
        self.state[: self.count] = numpy.concatenate([w.ravel() for w in weights])

    def run(self, order, steps):
        """Take steps with rows in this order (int32)."""
        arrays = (self.state, self.x, self.y, order)
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in arrays]
        self.c.epoch(*pointers, ctypes.c_int64(steps))

    def fit(self, epochs, verbose=0):
        steps = len(self.x) // self.size
        for _ in range(epochs):
            self.state[-2:] = 0
            self.run(self.rng.permutation(len(self.x)).astype("int32"), steps)
            scores = dict(zip(("loss", "accuracy"), self.state[-2:] / steps, strict=True))
            if verbose:
                print(scores)
        return scores

    def predict(self, rows):
        rows = self.np.ascontiguousarray(rows, "float32")
        out = self.np.empty((len(rows), 2), "float32")
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in (self.state, rows, out)]
        self.c.forward(*pointers, ctypes.c_int64(len(rows)))
        return out


start = Job
