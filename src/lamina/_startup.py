"""jax is imported with the garbage collector at rest, and what it loads is not looked at again.

An import makes hundreds of thousands of objects that live as long as the process. Looking through
them for garbage while they are made, in every full collection after that, and at the end takes
0.2 s of a small script's second. `gc.freeze` sets them aside (CPython's manual recommends it for
what is loaded before the work begins); what comes later is collected as ever.
"""

import gc
import sys

if "jax" not in sys.modules:
    _enabled = gc.isenabled()
    gc.disable()
    try:
        import jax  # noqa: F401
    finally:
        if _enabled:
            gc.enable()
    gc.freeze()
