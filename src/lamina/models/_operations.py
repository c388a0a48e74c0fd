"""Calls of ops in the graph of a model, as files describe them: by Keras' class for each op.

Keras has a class beside every function of `keras.ops`: some parameters of the function are those
of the class's constructor, which files keep as its config, the others are those of its call.
"""

import inspect
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from lamina import _exports
from lamina._core import serialize
from lamina._core.errors import explain
from lamina._core.graph import Node
from lamina._core.naming import to_snake_case

# Module -> classes, as 'Class=function:parameters,of,the,call'. The function is the class in snake
# case and the call takes the function's first parameter, where nothing else is said.
_CLASSES = {
    "core": """
        AssociativeScan:f,elems Cast ConvertToTensor ForiLoop:init_val Map:f,xs SaturateCast
        Scan:f,init,xs Scatter:indices,values ScatterUpdate:inputs,indices,updates
        Slice:inputs,start_indices SliceUpdate:inputs,start_indices,updates StopGradient
        Unstack Switch:index,branches,operands VectorizedMap:elements WhileLoop:loop_vars
    """,
    "einops": """
        Rearrange:tensor,pattern,axes_lengths
    """,
    "image": """
        AffineTransform:images,transform CropImages ElasticTransform ExtractPatches GaussianBlur
        HSVToRGB MapCoordinates:inputs,coordinates PadImages
        PerspectiveTransform:images,start_points,end_points RGBToGrayscale RGBToHSV Resize
        SSIM:image1,image2 ScaleAndTranslate:images,output_shape,scale,translation SobelEdges
    """,
    "linalg": """
        Cholesky CholeskyInverse Det Eig Eigh Inv JVP:fun,primals,tangents Lstsq:a,b LuFactor
        MatrixRank Norm Pinv Qr SVD Solve:a,b SolveTriangular:a,b
    """,
    "math": """
        CDist=cdist:x,y Erf Erfc Erfinv ExtractSequences FFT FFT2 IFFT2 IRFFT ISTFT
        InTopK:targets,predictions Logdet Logsumexp RFFT Rsqrt STFT SegmentMax:data,segment_ids
        SegmentMin:data,segment_ids SegmentProd:data,segment_ids SegmentSum:data,segment_ids TopK
        ViewAsComplex ViewAsReal
    """,
    "nn": """
        AdaptiveAveragePool AdaptiveMaxPool AveragePool BinaryCrossentropy:target,output
        CTCDecode:inputs,sequence_lengths CTCLoss:target,output,target_length,output_length
        CategoricalCrossentropy:target,output Celu Conv:inputs,kernel ConvTranspose:inputs,kernel
        DepthToSpace DepthwiseConv:inputs,kernel
        DotProductAttention:query,key,value,bias,mask,scale Elu Fold Gelu Glu HardShrink
        HardSigmoid HardSilu HardTanh LeakyRelu LogSigmoid LogSoftmax MaxPool Moments MultiHot
        Normalize OneHot PSNR:x1,x2 Polar:abs_,angle Relu Relu6 Selu
        SeparableConv:inputs,depthwise_kernel,pointwise_kernel Sigmoid Silu SoftShrink Softmax
        Softplus Softsign SpaceToDepth SparseCategoricalCrossentropy:target,output SparsePlus
        SparseSigmoid Sparsemax Squareplus TanhShrink Threshold Unfold
    """,
    "numpy": """
        Abs Absolute Add:x1,x2 All AllClose=allclose:x1,x2 Amax Amin Angle Any Append:x1,x2
        Arange:start,stop,step Arccos Arccosh Arcsin Arcsinh Arctan Arctan2:x1,x2 Arctanh Argmax
        Argmin Argpartition Argsort Array ArraySplit Average:x,weights Bincount BitwiseAnd:x,y
        BitwiseInvert BitwiseLeftShift:x,y BitwiseNot BitwiseOr:x,y BitwiseRightShift:x,y
        BitwiseXor:x,y BroadcastTo Cbrt Ceil Clip Concatenate Conj Conjugate Copy Corrcoef
        Correlate:x1,x2 Cos Cosh CountNonzero Cross:x1,x2 Cumprod Cumsum Deg2rad Diag Diagflat
        Diagonal Diff Digitize:x,bins Divide:x1,x2 DivideNoNan:x1,x2 Dot:x1,x2 Dsplit Dstack
        Einsum:operands,kwargs EmptyLike Equal:x1,x2 Exp Exp2 ExpandDims Expm1 Fabs Flip Fliplr
        Flipud Floor FloorDivide:x1,x2 Fmax:x1,x2 Fmin:x1,x2 Fmod:x1,x2 Full:fill_value
        FullLike:x,fill_value Gcd:x1,x2 Geomspace:start,stop GetItem:x,key Greater:x1,x2
        GreaterEqual:x1,x2 Heaviside:x1,x2 Histogram Hsplit Hstack Hypot:x1,x2 I0 Imag Inner:x1,x2
        IsIn=isin:x1,x2 Isclose:x1,x2,rtol,atol Isfinite Isinf Isnan Isneginf Isposinf Isreal
        Kron:x1,x2 Lcm:x1,x2 Ldexp:x1,x2 LeftShift:x,y Less:x1,x2 LessEqual:x1,x2
        Linspace:start,stop Log Log10 Log1p Log2 Logaddexp:x1,x2 Logaddexp2:x1,x2 LogicalAnd:x1,x2
        LogicalNot LogicalOr:x1,x2 LogicalXor:x1,x2 Logspace:start,stop Matmul:x1,x2 Max
        Maximum:x1,x2 Mean Median Meshgrid Min Minimum:x1,x2 Mod:x1,x2 Moveaxis Multiply:x1,x2
        NanToNum Nanargmax Nanargmin Nancumprod Nancumsum Nanmax Nanmean Nanmedian Nanmin
        Nanpercentile:x,q Nanprod Nanquantile:x,q Nanstd Nansum Nanvar Negative Nextafter:x1,x2
        Nonzero NotEqual:x1,x2 OnesLike Outer:x1,x2 Pad:x,constant_values Percentile:x,q
        Power:x1,x2 Prod Ptp Quantile:x,q Rad2deg Ravel Real Reciprocal Repeat Reshape
        RightShift:x,y Roll Rot90 Round SearchSorted=searchsorted:sorted_sequence,values
        Select:condlist,choicelist,default Sign Signbit Sin Sinc Sinh Slogdet Sort Split Sqrt
        Square Squeeze Stack Std Subtract:x1,x2 Sum Swapaxes Take:x,indices
        TakeAlongAxis:x,indices Tan Tanh Tensordot:x1,x2 Tile Trace Transpose Trapezoid Tril Triu
        TrueDivide:x1,x2 Trunc Unique UnravelIndex Vander Var Vdot:x1,x2 View Vsplit Vstack
        Where:condition,x1,x2 ZerosLike
    """,
}
_MODULE = "keras.src.ops."
_NOT_SAVED = {"is_stable"}  # parameters that Keras' classes have not


class Kind(NamedTuple):
    """An op as files name it.

    Args:
        module: the last part of that of Keras' class.
        name: of the class.
        fn: the op.
        call: names of the parameters of a call; all others are the class's.
    """

    module: str
    name: str
    fn: Any
    call: tuple[str, ...]


def _rows() -> Iterator[tuple[str, str, str, str]]:
    for module, text in _CLASSES.items():
        for entry in text.split():
            head, _, call = entry.partition(":")
            name, _, function = head.partition("=")
            yield module, name, function or to_snake_case(name), call


@cache
def _by_class() -> dict[tuple[str, str], tuple[str, str]]:
    return {(module, name): (function, call) for module, name, function, call in _rows()}


def kind_of(fn: Any) -> Kind | None:
    """Return what files call an op, or None if they have no name for it."""
    public = fn.__name__.lstrip("_")  # some functions are ops in their inner part alone
    for module, name, function, _ in _rows():
        kind = find_kind(module, name) if function == public else None
        if kind is not None and (kind.fn is fn or public != fn.__name__):
            return kind._replace(fn=fn)
    return None


def find_kind(module: str, name: str) -> Kind | None:
    """Return the op of a class that a record names, or None."""
    if not module:  # in .h5 files Keras leaves it out
        module = next((m for m, cls in _by_class() if cls == name), "")
    function, call = _by_class().get((module, name), (None, ""))
    if function is None:
        return None
    fn = _exports.find(function, "ops") or _exports.find(function, f"ops.{module}")
    if fn is None:
        return None
    first = next(iter(inspect.signature(fn).parameters))
    return Kind(module, name, fn, tuple(call.split(",")) if call else (first,))


class BoundOp:
    """An op with the options that a file gives it; called as a layer is.

    Args:
        kind: of the op.
        config: the options, by name.
    """

    def __init__(self, kind: Kind, config: dict[str, Any]) -> None:
        self._kind = kind
        self.name = config.get("name", to_snake_case(kind.name))
        known = set(inspect.signature(kind.fn).parameters) - set(kind.call)
        options = {k: v for k, v in config.items() if k != "name"}
        if unknown := sorted(options.keys() - known):
            raise ValueError(
                explain(f"ops.{kind.fn.__name__}", "expected options that it knows", str(unknown),
                        f"it has: {', '.join(sorted(known)) or 'none'}")
            )  # fmt: skip
        self._options = {k: serialize.deserialize_keras_object(v) for k, v in options.items()}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        parameters = inspect.signature(self._kind.fn).parameters
        given: dict[str, Any] = {**self._options, **kwargs}
        rest = list(args)
        for name in self._kind.call:
            if parameters[name].kind is inspect.Parameter.VAR_POSITIONAL:
                before = [given.pop(n) for n in parameters if n in given and n != name]
                return self._kind.fn(*before, *rest)
            if rest:
                given[name] = _as_key(rest.pop(0)) if name == "key" else rest.pop(0)
        return self._kind.fn(*rest, **given)


def _as_key(key: Any) -> Any:
    """JSON has no tuples: several indices come as a list."""
    return tuple(key) if isinstance(key, list) else key


def op_from_record(record: Any) -> BoundOp | None:
    """Return the op of a record, or None if it is one of something else."""
    module = record.get("module") if isinstance(record, dict) else None
    if not isinstance(module, str) or not module.startswith(_MODULE):
        return None
    kind = find_kind(module.removeprefix(_MODULE), str(record.get("class_name")))
    config = record.get("config")
    if kind is None or not isinstance(config, dict):
        raise ValueError(
            explain("deserialization", "expected the record of an op", f"{record.get('class_name')}"
                    f" (module {module!r})")
        )  # fmt: skip
    return BoundOp(kind, config)


def op_record(node: Node, name: str) -> tuple[dict[str, Any], list[Any], dict[str, Any]]:
    """Return the record of an op's call, and the arguments of the call.

    Args:
        node: of the call.
        name: what the file calls it.

    Raises:
        ValueError: the op has no class in Keras, or an option that no file can hold.
    """
    fn = node.operation
    kind = kind_of(fn)
    if kind is None:
        raise ValueError(
            explain("Functional.get_config", "expected ops that files have a name for",
                    f"ops.{fn.__name__}", "call it in the `call` of a layer of your own")
        )  # fmt: skip
    bound = inspect.signature(fn).bind(*node.args, **node.kwargs)
    bound.apply_defaults()
    parameters = inspect.signature(fn).parameters
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for parameter in kind.call:
        value, form = bound.arguments[parameter], parameters[parameter].kind
        if form is inspect.Parameter.VAR_KEYWORD:
            kwargs.update(value)
        else:
            args += value if form is inspect.Parameter.VAR_POSITIONAL else [value]
    while args and args[-1] is None:
        args.pop()
    config = {
        k: serialize.serialize_keras_object(v)
        for k, v in bound.arguments.items()
        if k not in kind.call and k not in _NOT_SAVED
        and parameters[k].kind is not inspect.Parameter.VAR_KEYWORD
    }  # fmt: skip
    record = {
        "module": f"{_MODULE}{kind.module}",
        "class_name": kind.name,
        "config": {"name": name, **config},
        "registered_name": kind.name,
    }
    return record, args, kwargs
