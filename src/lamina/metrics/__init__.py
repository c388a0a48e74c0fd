"""Metrics, by name or as objects: `compile(metrics=["accuracy"])`."""

from typing import TYPE_CHECKING, Any

from lamina._core import serialize as _serialize
from lamina._core.naming import to_snake_case as _to_snake_case
from lamina._exports import Table as _Table
from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina._measures import (
        binary_accuracy,
        binary_crossentropy,
        binary_focal_crossentropy,
        categorical_accuracy,
        categorical_crossentropy,
        categorical_focal_crossentropy,
        categorical_hinge,
        concordance_correlation,
        hinge,
        huber,
        kl_divergence,
        log_cosh,
        mean_absolute_error,
        mean_absolute_percentage_error,
        mean_squared_error,
        mean_squared_logarithmic_error,
        pearson_correlation,
        poisson,
        sparse_categorical_accuracy,
        sparse_categorical_crossentropy,
        sparse_top_k_categorical_accuracy,
        squared_hinge,
        top_k_categorical_accuracy,
    )
    from lamina.metrics._accuracy import (
        Accuracy,
        BinaryAccuracy,
        CategoricalAccuracy,
        SparseCategoricalAccuracy,
        SparseTopKCategoricalAccuracy,
        TopKCategoricalAccuracy,
    )
    from lamina.metrics._auc import AUC
    from lamina.metrics._confusion import (
        FalseNegatives,
        FalsePositives,
        Precision,
        Recall,
        TrueNegatives,
        TruePositives,
    )
    from lamina.metrics._correlation import ConcordanceCorrelation, PearsonCorrelation
    from lamina.metrics._fscore import F1Score, FBetaScore
    from lamina.metrics._hinge import CategoricalHinge, Hinge, SquaredHinge
    from lamina.metrics._iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
    from lamina.metrics._metric import Metric
    from lamina.metrics._operating_point import (
        PrecisionAtRecall,
        RecallAtPrecision,
        SensitivityAtSpecificity,
        SpecificityAtSensitivity,
    )
    from lamina.metrics._probabilistic import (
        BinaryCrossentropy,
        CategoricalCrossentropy,
        KLDivergence,
        Poisson,
        SparseCategoricalCrossentropy,
    )
    from lamina.metrics._r2 import R2Score
    from lamina.metrics._reduction import Mean, MeanMetricWrapper, Sum
    from lamina.metrics._regression import (
        CosineSimilarity,
        LogCoshError,
        MeanAbsoluteError,
        MeanAbsolutePercentageError,
        MeanSquaredError,
        MeanSquaredLogarithmicError,
        RootMeanSquaredError,
    )


_CLASSES = (
    "AUC", "Accuracy", "BinaryAccuracy", "BinaryCrossentropy", "BinaryIoU", "CategoricalAccuracy",
    "CategoricalCrossentropy", "CategoricalHinge", "ConcordanceCorrelation", "CosineSimilarity",
    "F1Score", "FBetaScore", "FalseNegatives", "FalsePositives", "Hinge", "IoU", "KLDivergence",
    "LogCoshError", "Mean", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanIoU",
    "MeanMetricWrapper", "MeanSquaredError", "MeanSquaredLogarithmicError", "OneHotIoU",
    "OneHotMeanIoU", "PearsonCorrelation", "Poisson", "Precision", "PrecisionAtRecall", "R2Score",
    "Recall", "RecallAtPrecision", "RootMeanSquaredError", "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy", "SparseCategoricalCrossentropy", "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity", "SquaredHinge", "Sum", "TopKCategoricalAccuracy", "TrueNegatives",
    "TruePositives",
)  # fmt: skip
_FUNCTIONS = (
    "binary_accuracy", "binary_crossentropy", "binary_focal_crossentropy", "categorical_accuracy",
    "categorical_crossentropy", "categorical_focal_crossentropy", "categorical_hinge",
    "concordance_correlation", "hinge", "huber", "kl_divergence", "log_cosh", "mean_absolute_error",
    "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_logarithmic_error",
    "pearson_correlation", "poisson", "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy", "sparse_top_k_categorical_accuracy", "squared_hinge",
    "top_k_categorical_accuracy",
)  # fmt: skip
# A name in snake case means the class; the function where there is no such class.
_NAMES = _Table(
    __name__,
    (*_FUNCTIONS, *_CLASSES),
    {
        **{_to_snake_case(name): name for name in _CLASSES},
        "acc": "Accuracy",
        "bce": "BinaryCrossentropy", "BCE": "BinaryCrossentropy",
        "kld": "KLDivergence", "KLD": "KLDivergence",
        "mae": "MeanAbsoluteError", "MAE": "MeanAbsoluteError",
        "mape": "MeanAbsolutePercentageError", "MAPE": "MeanAbsolutePercentageError",
        "mse": "MeanSquaredError", "MSE": "MeanSquaredError",
        "msle": "MeanSquaredLogarithmicError", "MSLE": "MeanSquaredLogarithmicError",
        "rmse": "RootMeanSquaredError", "RMSE": "RootMeanSquaredError",
        # Names of Keras 1 and 2, and what one would write.
        "cosine": "CosineSimilarity", "cosine_proximity": "CosineSimilarity",
        "fbeta_score": "FBetaScore", "iou": "IoU", "binary_iou": "BinaryIoU",
        "kullback_leibler_divergence": "KLDivergence",
        "logcosh": "LogCoshError", "log_cosh": "LogCoshError",
    },
)  # fmt: skip


def get(identifier: Any) -> Any:
    """Return the metric for a name, an object, a function, a record, or None.

    Example:
        >>> get("mse").name
        'mean_squared_error'
    """
    return _serialize.lookup(identifier, "metric", _NAMES)


def serialize(metric: Any) -> Any:
    """Return the record of a metric."""
    return _serialize.serialize_keras_object(metric)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """Return the metric that `serialize` described."""
    return _serialize.lookup(config, "metric", _NAMES, custom_objects)


__all__ = [*_CLASSES, "Metric", *_FUNCTIONS, "deserialize", "get", "serialize"]
__getattr__, __dir__ = _lazy(__name__)
