"""Small nets at the speed of C: a program's steps compiled into one loop of machine code.

Reading order: graph (a jaxpr as nodes), fusion (which loops there are), emit, rules, loops, matrix,
placement (their text), module, jit (machine code), cache, engine (running it), cost (when it pays).
"""

from lamina._native.choice import choose
from lamina._native.engine import overwrite
from lamina._native.switch import (
    disable_native_steps,
    enable_native_steps,
    is_native_steps_enabled,
)
