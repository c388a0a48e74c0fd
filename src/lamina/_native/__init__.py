"""Small nets at the speed of C: a program's steps compiled into one loop of machine code.

Reading order: graph, primitives (a jaxpr as nodes), element (how one element is computed), fusion
(which loops there are), values, rules, emit, loops, matrix, placement (their text), part, module,
jit (machine code), cache, engine (running it), cost, choice (when it pays).
"""

from lamina._native.choice import choose
from lamina._native.engine import overwrite
from lamina._native.switch import (
    disable_native_steps,
    enable_native_steps,
    is_native_steps_enabled,
)
