"""Operations on tensors in graphs of Keras 2.4 to 2.15, where each was a layer `TFOpLambda`.

The layer named a function of TensorFlow; what it becomes is the record of an op. The table is
closed: no name from a file is looked up anywhere else.
"""

from collections.abc import Mapping
from typing import Any

from lamina.saving._refusal import refuse

# TensorFlow's function: Keras' class for the op, then arguments of the call after the first, and
# options as TensorFlow's name=ours.
_TABLE = """
    __operators__.add numpy.Add y
    __operators__.eq numpy.Equal y
    __operators__.ne numpy.NotEqual y
    abs numpy.Absolute
    cast core.Cast dtype=dtype
    clip_by_value numpy.Clip clip_value_min=x_min clip_value_max=x_max
    concat numpy.Concatenate axis=axis
    exp numpy.Exp
    expand_dims numpy.ExpandDims axis=axis
    identity numpy.Copy
    image.resize image.Resize size=size method=interpolation
    linalg.matmul numpy.Matmul b
    math.abs numpy.Absolute
    math.add numpy.Add y
    math.argmax numpy.Argmax axis=axis
    math.cos numpy.Cos
    math.divide numpy.Divide y
    math.exp numpy.Exp
    math.floordiv numpy.FloorDivide y
    math.floormod numpy.Mod y
    math.greater numpy.Greater y
    math.greater_equal numpy.GreaterEqual y
    math.less numpy.Less y
    math.less_equal numpy.LessEqual y
    math.log numpy.Log
    math.logical_and numpy.LogicalAnd y
    math.logical_not numpy.LogicalNot
    math.logical_or numpy.LogicalOr y
    math.maximum numpy.Maximum y
    math.minimum numpy.Minimum y
    math.multiply numpy.Multiply y
    math.negative numpy.Negative
    math.not_equal numpy.NotEqual y
    math.pow numpy.Power y
    math.reduce_max numpy.Max axis=axis keepdims=keepdims
    math.reduce_mean numpy.Mean axis=axis keepdims=keepdims
    math.reduce_min numpy.Min axis=axis keepdims=keepdims
    math.reduce_prod numpy.Prod axis=axis keepdims=keepdims
    math.reduce_std numpy.Std axis=axis keepdims=keepdims
    math.reduce_sum numpy.Sum axis=axis keepdims=keepdims
    math.reduce_variance numpy.Var axis=axis keepdims=keepdims
    math.rsqrt math.Rsqrt
    math.sigmoid nn.Sigmoid
    math.sign numpy.Sign
    math.sin numpy.Sin
    math.softplus nn.Softplus
    math.sqrt numpy.Sqrt
    math.square numpy.Square
    math.subtract numpy.Subtract y
    math.tanh numpy.Tanh
    math.truediv numpy.TrueDivide y
    nn.elu nn.Elu
    nn.gelu nn.Gelu approximate=approximate
    nn.leaky_relu nn.LeakyRelu alpha=negative_slope
    nn.log_softmax nn.LogSoftmax axis=axis
    nn.relu nn.Relu
    nn.relu6 nn.Relu6
    nn.selu nn.Selu
    nn.sigmoid nn.Sigmoid
    nn.silu nn.Silu
    nn.softmax nn.Softmax axis=axis
    nn.softplus nn.Softplus
    nn.softsign nn.Softsign
    nn.swish nn.Silu
    nn.tanh numpy.Tanh
    one_hot nn.OneHot depth=num_classes axis=axis
    ones_like numpy.OnesLike
    repeat numpy.Repeat repeats=repeats axis=axis
    reshape numpy.Reshape shape=newshape
    reverse numpy.Flip axis=axis
    square numpy.Square
    squeeze numpy.Squeeze axis=axis
    stack numpy.Stack axis=axis
    stop_gradient core.StopGradient
    tile numpy.Tile multiples=repeats
    transpose numpy.Transpose perm=axes
    where numpy.Where x y
    zeros_like numpy.ZerosLike
"""
_OPS = {row.split()[0]: row.split()[1:] for row in _TABLE.strip().splitlines()}
_DEFAULTS: dict[str, dict[str, Any]] = {  # where TensorFlow's are others
    "concat": {"axis": 0},
    "math.argmax": {"axis": 0},
    "nn.gelu": {"approximate": False},
    "nn.leaky_relu": {"alpha": 0.2},
}
_CLASSES = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "ClassMethod", "InstanceMethod",
            "InstanceProperty")  # fmt: skip


def is_op_layer(record: Mapping[str, Any]) -> bool:
    """Return whether a record of Keras 2 is that of an operation on tensors."""
    return record.get("class_name") in _CLASSES


def modern_op(record: Mapping[str, Any], calls: list[dict[str, Any]]) -> dict[str, Any]:
    """Return an operation's record in the form of Keras 3, with its calls.

    Args:
        record: of the layer.
        calls: of the layer, as `args` and `kwargs`.

    Raises:
        FileRefused: a function that is not in the table, or an argument that the op has not.
    """
    config = record.get("config") or {}
    name, function = record.get("name") or config.get("name"), config.get("function")
    function = function.removeprefix("compat.v1.") if isinstance(function, str) else None
    if record.get("class_name") == "SlicingOpLambda":
        calls = [
            {"args": [*c["args"], _key(c["kwargs"].get("slice_spec"), name)], "kwargs": {}}
            for c in calls
        ]
        return _record("numpy.GetItem", name, {}, calls)
    row = _OPS.get(function) if function is not None else None
    if function is None or row is None or len(calls) != 1:
        raise refuse(
            f"{name} ({record.get('class_name')})",
            "expected an operation that has a counterpart",
            f"tf.{function}" if function else "one without a name",
            "write the model anew with lamina.ops, and load its weights alone with load_weights",
        )
    given = {**_DEFAULTS.get(function, {}), **calls[0]["kwargs"]}
    args, options = list(calls[0]["args"]), {}
    for part in row[1:]:
        old, _, new = part.partition("=")
        if old in given and new:
            options[new] = given.pop(old)
        elif old in given:
            args.append(given.pop(old))
    left = {k: v for k, v in given.items() if k != "name" and v not in (None, False)}
    if left:
        raise refuse(
            f"{name} (tf.{function})", "expected arguments with a counterpart", f"{sorted(left)}"
        )
    return _record(row[0], name, options, [{"args": args, "kwargs": {}}])


def _record(op: str, name: Any, options: dict[str, Any], calls: list[Any]) -> dict[str, Any]:
    module, _, cls = op.partition(".")
    return {
        "module": f"keras.src.ops.{module}",
        "class_name": cls,
        "config": {"name": name, **options},
        "registered_name": cls,
        "name": name,
        "inbound_nodes": calls,
    }


def _key(spec: Any, name: Any) -> Any:
    if isinstance(spec, (list, tuple)):
        return [_key(one, name) for one in spec]
    if isinstance(spec, Mapping) and {"start", "stop", "step"} == set(spec):
        return {"class_name": "__slice__", "config": dict(spec)}
    if isinstance(spec, Mapping) and spec.get("class_name") == "__ellipsis__":
        return {"class_name": "__ellipsis__", "config": {}}
    if spec is None or isinstance(spec, int):
        return spec
    raise refuse(f"{name} (tf.getitem)", "expected slices and integers", f"{spec!r:.60}")
