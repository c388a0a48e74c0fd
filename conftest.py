"""What every test and every docstring's example starts from: one platform, seeds, fresh names."""

import gc
import os
import random
from pathlib import Path

# Before jax, keras or matplotlib is imported by anyone.
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["KERAS_BACKEND"] = "jax"
os.environ["MPLBACKEND"] = "Agg"
os.environ["COLUMNS"] = "100"
os.environ["PYTHONIOENCODING"] = "utf-8"

import jax
import numpy as np
import pytest

import lamina
from lamina import _exports
from lamina._core import naming

collect_ignore = ["tests/data/keras2/make.py"]  # a script in there needs another Keras

# The examples in docstrings are looked for in what packages have loaded.
for _package in ("", *_exports.PACKAGES, "ops.image", "visualization"):
    exec(f"from lamina.{_package} import *".replace(". ", " "), {})


@pytest.fixture(autouse=True)
def fixed_start():
    """The same seeds and the same automatic names, whichever tests ran before."""
    naming.reset_names()
    random.seed(0)  # the engine draws its unasked seeds from here
    np.random.seed(0)


@pytest.fixture(autouse=True, scope="module")
def room_in_memory():
    """Thousands of compiled programs are forgotten when they have become gigabytes."""
    yield
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:  # not Linux
        return
    if pages * os.sysconf("SC_PAGE_SIZE") > 2 << 30:
        jax.clear_caches()
        gc.collect()


@pytest.fixture(autouse=True)
def names_of_examples(doctest_namespace):
    """What docstrings' examples may use without importing it."""
    doctest_namespace.update(jax=jax, jnp=jax.numpy, np=np, lamina=lamina)
