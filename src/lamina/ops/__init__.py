"""Functions of arrays, and of symbolic tensors: `lamina.ops.relu(x)`."""

from lamina._core import serialize as _serialize
from lamina.ops._nn import (
    celu,
    elu,
    gelu,
    hard_sigmoid,
    hard_silu,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    one_hot,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    tanh,
)
from lamina.ops._numpy import (
    absolute,
    add,
    equal,
    floor_divide,
    get_item,
    greater,
    greater_equal,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    matmul,
    mod,
    multiply,
    negative,
    not_equal,
    power,
    reshape,
    squeeze,
    subtract,
    transpose,
    true_divide,
)
from lamina.ops._operators import bind_operators as _bind_operators

__all__ = [name for name, item in list(globals().items()) if getattr(item, "is_op", False)]
_serialize.export(globals())
_bind_operators()
