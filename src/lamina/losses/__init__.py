"""Losses, by name, as functions or as objects: `compile(loss="mse")`."""

from typing import TYPE_CHECKING, Any

from lamina._core import serialize as _serialize
from lamina._exports import Table as _Table
from lamina._exports import lazy as _lazy
from lamina._measures import LOSSES as _LOSSES

if TYPE_CHECKING:
    from lamina._measures import (
        binary_crossentropy,
        binary_focal_crossentropy,
        categorical_crossentropy,
        categorical_focal_crossentropy,
        categorical_generalized_cross_entropy,
        categorical_hinge,
        circle,
        cosine_similarity,
        ctc,
        dice,
        hinge,
        huber,
        kl_divergence,
        log_cosh,
        mean_absolute_error,
        mean_absolute_percentage_error,
        mean_squared_error,
        mean_squared_logarithmic_error,
        poisson,
        sparse_categorical_crossentropy,
        squared_hinge,
        tversky,
    )
    from lamina.losses._circle import Circle
    from lamina.losses._crossentropy import (
        BinaryCrossentropy,
        CategoricalCrossentropy,
        KLDivergence,
        Poisson,
        SparseCategoricalCrossentropy,
    )
    from lamina.losses._ctc import CTC
    from lamina.losses._focal import (
        BinaryFocalCrossentropy,
        CategoricalFocalCrossentropy,
        CategoricalGeneralizedCrossEntropy,
    )
    from lamina.losses._hinge import CategoricalHinge, Hinge, SquaredHinge
    from lamina.losses._loss import Loss, LossFunctionWrapper
    from lamina.losses._regression import (
        CosineSimilarity,
        Huber,
        LogCosh,
        MeanAbsoluteError,
        MeanAbsolutePercentageError,
        MeanSquaredError,
        MeanSquaredLogarithmicError,
    )
    from lamina.losses._segmentation import Dice, Tversky


_CLASSES = (
    "BinaryCrossentropy", "BinaryFocalCrossentropy", "CTC", "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy", "CategoricalGeneralizedCrossEntropy", "CategoricalHinge",
    "Circle", "CosineSimilarity", "Dice", "Hinge", "Huber", "KLDivergence", "LogCosh",
    "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError",
    "MeanSquaredLogarithmicError", "Poisson", "SparseCategoricalCrossentropy", "SquaredHinge",
    "Tversky",
)  # fmt: skip
_NAMES = _Table(
    __name__,
    (*_CLASSES, *_LOSSES),
    {
        "bce": "binary_crossentropy", "BCE": "binary_crossentropy",
        "kld": "kl_divergence", "KLD": "kl_divergence",
        "mae": "mean_absolute_error", "MAE": "mean_absolute_error",
        "mape": "mean_absolute_percentage_error", "MAPE": "mean_absolute_percentage_error",
        "mse": "mean_squared_error", "MSE": "mean_squared_error",
        "msle": "mean_squared_logarithmic_error", "MSLE": "mean_squared_logarithmic_error",
        # Names of Keras 1 and 2.
        "cosine": "cosine_similarity", "cosine_proximity": "cosine_similarity",
        "huber_loss": "huber", "logcosh": "log_cosh",
        "kullback_leibler_divergence": "kl_divergence",
    },
)  # fmt: skip


def get(identifier: Any) -> Any:
    """Return the loss for a name, an object, a function, a record, or None.

    Example:
        >>> get("mse") is mean_squared_error
        True
    """
    return _serialize.lookup(identifier, "loss", _NAMES)


def serialize(loss: Any) -> Any:
    """Return the record of a loss."""
    return _serialize.serialize_keras_object(loss)


def deserialize(name: Any, custom_objects: Any = None) -> Any:
    """Return the loss that `serialize` described."""
    return _serialize.lookup(name, "loss", _NAMES, custom_objects)


__all__ = [*_CLASSES, "Loss", *_LOSSES, "deserialize", "get", "serialize"]
__getattr__, __dir__ = _lazy(__name__)
