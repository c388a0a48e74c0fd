"""Whether steps may be compiled into machine code here, or are XLA's alone."""

import os

_OFF = ("off", "0", "no", "false")
_wanted = os.environ.get("LAMINA_NATIVE", "on").lower()
_enabled = [_wanted not in _OFF]
CHECKED = _wanted == "checked"  # every access of memory is tested: slow, for tests


def enable_native_steps() -> None:
    """Let `fit` and `evaluate` run small nets as machine code of their own (the default).

    That takes the package llvmlite (`pip install lamina[native]`) and a net that is on a CPU and
    small; all others run through XLA. The environment variable LAMINA_NATIVE=off turns it off.
    """
    _enabled[0] = True


def disable_native_steps() -> None:
    """Let `fit` and `evaluate` run every net through XLA; programs compiled before stay."""
    _enabled[0] = False


def is_native_steps_enabled() -> bool:
    """Return whether `fit` and `evaluate` may run small nets as machine code of their own."""
    return _enabled[0]
