"""Arguments of Keras 1 and 2, and what they are called today."""

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any

from lamina._core.errors import describe, explain
from lamina.optimizers import schedules

Arguments = tuple[tuple[Any, ...], dict[str, Any]]

_KERNEL = {
    "init": "kernel_initializer", "bias": "use_bias", "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer", "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
}  # fmt: skip
_SPACE = {"border_mode": "padding", "dim_ordering": "data_format"}
_CONVOLUTION = {
    **_KERNEL, **_SPACE, "nb_filter": "filters", "filter_length": "kernel_size",
    "subsample": "strides", "subsample_length": "strides", "atrous_rate": "dilation_rate",
    "depthwise_init": "depthwise_initializer", "pointwise_init": "pointwise_initializer",
}  # fmt: skip
_RECURRENT = {
    **_KERNEL, "output_dim": "units", "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation", "U_regularizer": "recurrent_regularizer",
    "U_constraint": "recurrent_constraint", "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout", "forget_bias_init": "unit_forget_bias", "consume_less": "",
    "implementation": "",
}  # fmt: skip

# Class, or a base of it -> {its name for an argument once: the name today}.
RENAMED_ARGUMENTS: dict[str, dict[str, str]] = {
    "Dense": {**_KERNEL, "output_dim": "units"},
    "Convolution": _CONVOLUTION,
    "RNN": _RECURRENT,
    "Embedding": {
        "init": "embeddings_initializer", "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
    "Pooling": {**_SPACE, "pool_length": "pool_size", "stride": "strides"},
    "UpSampling": {**_SPACE, "length": "size"},
    "ZeroPadding": _SPACE,
    "Cropping": _SPACE,
    "Flatten": _SPACE,
    "Dropout": {"p": "rate"}, "SpatialDropout": {"p": "rate"}, "GaussianDropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
    "LeakyReLU": {"alpha": "negative_slope"},
    "BatchNormalization": {
        "beta_init": "beta_initializer", "gamma_init": "gamma_initializer",
        "mode": "", "weights": "",
    },
    "Model": {"input": "inputs", "output": "outputs"},
    "Optimizer": {"lr": "learning_rate", "decay": "", "schedule_decay": ""},
    "L1": {"l": "l1"}, "L2": {"l": "l2"},
    "MaxNorm": {"m": "max_value"},
    "ReduceLROnPlateau": {"epsilon": "min_delta"},
    "TensorBoard": {"write_grads": "", "batch_size": "", "embeddings_layer_names": "",
                    "embeddings_data": ""},
    "ModelCheckpoint": {"period": ""},
}  # fmt: skip


def translate(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """Return a constructor's arguments as they are written today.

    Args:
        cls: the class, or a subclass of one that the table has.
        args, kwargs: as they were given; not changed.
    """
    table = _table(cls)
    for base in cls.__mro__:
        if base.__name__ in SPECIAL:
            args, kwargs = SPECIAL[base.__name__](cls, args, dict(kwargs))
    return args, renamed(cls.__name__, kwargs, table)


def _table(cls: type) -> dict[str, str]:
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        found |= RENAMED_ARGUMENTS.get(base.__name__, {})
    return found


def renamed(where: str, kwargs: dict[str, Any], table: dict[str, str]) -> dict[str, Any]:
    """Return keyword arguments under their present names; those without one are left out."""
    found: dict[str, Any] = {}
    for name, value in kwargs.items():
        now = table.get(name, name)
        if now in found or (now != name and now in kwargs):
            raise TypeError(
                explain(where, f"expected `{now}` once", f"`{name}`, too", "leave one of both out")
            )
        if now:
            found[now] = _DATA_FORMATS.get(value, value) if name == "dim_ordering" else value
    return found


_DATA_FORMATS = {"tf": "channels_last", "th": "channels_first", "default": None}


def _convolution(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """Keras 1 gave the sizes of a kernel one by one: Convolution2D(32, 3, 3).

    Today the third number is the stride. Nobody strides by an odd number as large as the kernel, so
    that is how the two are told apart where no argument's name does it.
    """
    for names in (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3")):
        if names[0] in kwargs:
            kwargs["kernel_size"] = tuple(kwargs.pop(name) for name in names)
    rank = {"Conv2D": 2, "Conv3D": 3, "SeparableConv2D": 2}.get(cls.__name__, 0)
    sizes = args[1:]
    if rank and len(sizes) == rank and all(type(size) is int for size in sizes):
        odd = len(set(sizes)) == 1 and sizes[0] > 1 and sizes[0] % 2 == 1
        if odd or any(name in _CONVOLUTION for name in kwargs):
            warnings.warn(
                f"{cls.__name__}{args} is read as in Keras 1, with a kernel of {sizes}; "
                f"write {cls.__name__}({args[0]}, {sizes}), or strides={args[2]}",
                stacklevel=4,
            )
            args = (args[0], sizes)
    return args, kwargs


def _steps(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """The shape (T, C) of inputs was given as two numbers."""
    length = kwargs.pop("input_length", None)
    if "input_dim" in kwargs:
        kwargs["input_shape"] = (length, kwargs.pop("input_dim"))
    return args, kwargs


def _optimizer(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """`decay` made the rate lr / (1 + decay * steps); an epsilon of None was the usual one."""
    if "epsilon" in kwargs and kwargs["epsilon"] is None:
        del kwargs["epsilon"]
    decay = kwargs.pop("decay", 0.0)
    if decay:
        rate = args[0] if args else kwargs.pop("lr", kwargs.pop("learning_rate", None))
        if rate is None:
            rate = cls.__init__.__defaults__[0]  # type: ignore[misc]
        kwargs["learning_rate"] = schedules.InverseTimeDecay(rate, 1, decay)
        args = ()
    return args, kwargs


def _batch_normalization(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    if kwargs.get("mode", 0) == 1:
        help_ = "use LayerNormalization, which normalizes each sample by itself"
        raise ValueError(explain(cls.__name__, "expected mode=0 or 2", "mode=1", help_))
    return args, kwargs


def _embedding(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    if kwargs.pop("dropout", 0):
        help_ = "add a SpatialDropout1D layer after it"
        raise ValueError(explain(cls.__name__, "expected no `dropout`", "one", help_))
    return args, kwargs


def _model_checkpoint(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    if kwargs.get("period", 1) != 1:
        help_ = "save_freq=n saves every n batches, save_freq='epoch' after each epoch"
        got = f"period={describe(kwargs['period'])}"
        raise ValueError(explain(cls.__name__, "expected to save after each epoch", got, help_))
    return args, kwargs


SPECIAL: dict[str, Callable[[type, tuple[Any, ...], dict[str, Any]], Arguments]] = {
    "Convolution": _convolution,
    "Conv1D": _steps,
    "RNN": _steps,
    "Optimizer": _optimizer,
    "BatchNormalization": _batch_normalization,
    "Embedding": _embedding,
    "ModelCheckpoint": _model_checkpoint,
}

_taught: list[tuple[type, str, Any]] = []  # what was put over: (class, name, what was there)


def put_over(cls: type, name: str, value: Any) -> None:
    """Set an attribute of a class, until `forget_all`."""
    _taught.append((cls, name, vars(cls).get(name)))
    setattr(cls, name, value)


def forget_all() -> None:
    """Give all classes back what they had."""
    while _taught:
        cls, name, before = _taught.pop()
        if before is None:
            delattr(cls, name)
        else:
            setattr(cls, name, before)


def teach(cls: type) -> None:
    """Let a class' constructor understand the arguments of old; subclasses of it do then, too."""
    if not _table(cls) or any(entry[0] is cls for entry in _taught):
        return
    init, new = cls.__init__, cls.__new__  # type: ignore[misc]

    @wraps(init)
    def understanding_init(self: Any, *args: Any, **kwargs: Any) -> None:
        args, kwargs = translate(cls, args, kwargs)
        init(self, *args, **kwargs)

    put_over(cls, "__init__", understanding_init)
    if new is not object.__new__:

        @wraps(new)
        def understanding_new(made: type, *args: Any, **kwargs: Any) -> Any:
            if made.__module__.startswith("lamina."):  # the constructor of others is their own
                args, kwargs = translate(cls, args, kwargs)
            return new(made, *args, **kwargs)

        put_over(cls, "__new__", staticmethod(understanding_new))
