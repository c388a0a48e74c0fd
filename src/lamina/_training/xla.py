"""How the programs of training are compiled: with which options, cache and memory."""

import ctypes
import re
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import jax

from lamina._training.cache import use_persistent_cache

# XLA's library for small products (YNN) takes convolutions too, and runs those on one core: a
# network of two convolutions trains in 27 ms a step without, 33 with. The name of the option is
# not documented, so it is given to the versions of jax that it was measured with, and no others.
_MEASURED = re.compile(r"0\.10\.")
_OPTIONS = {
    "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_DOT,LIBRARY_FUSION_TYPE_REDUCE,"
    "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"
}
_KEEP = 1 << 30  # bytes
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's <malloc.h>


def compiled(
    fn: Callable[..., Any], donate: tuple[int, ...] = (), static: tuple[int, ...] = ()
) -> Callable[..., Any]:
    """Return `jax.jit(fn)` as all programs of training are compiled.

    Args:
        fn: a pure function of arrays.
        donate: numbers of the arguments whose memory the results may take.
        static: numbers of the arguments that are not arrays.
    """
    use_persistent_cache()
    _keep_memory()
    return jax.jit(
        fn, donate_argnums=donate, static_argnums=static, compiler_options=_options_here()
    )


def _options_here() -> dict[str, str]:
    measured = jax.default_backend() == "cpu" and _MEASURED.match(jax.__version__)
    return _OPTIONS if measured else {}


@cache
def _keep_memory() -> bool:
    """Let the process keep up to a gibibyte that it has freed, once; return whether it will.

    XLA asks for its temporary memory anew at each dispatch. glibc gives large blocks back to the
    system at once, which then maps and clears each page again: a fifth of the time of a small
    convolutional network. Other C libraries and systems decide for themselves.
    """
    if jax.default_backend() != "cpu" or not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # musl
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _KEEP) and mallopt(_M_TRIM_THRESHOLD, _KEEP))
