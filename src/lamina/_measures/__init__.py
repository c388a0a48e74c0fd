"""Functions of labels and predictions, a value per sample: what losses and metrics are made of."""

from typing import TYPE_CHECKING

from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina._measures._accuracy import (
        accuracy,
        binary_accuracy,
        categorical_accuracy,
        sparse_categorical_accuracy,
        sparse_top_k_categorical_accuracy,
        top_k_categorical_accuracy,
    )
    from lamina._measures._circle import circle
    from lamina._measures._correlation import concordance_correlation, pearson_correlation
    from lamina._measures._crossentropy import (
        binary_crossentropy,
        categorical_crossentropy,
        kl_divergence,
        poisson,
        sparse_categorical_crossentropy,
    )
    from lamina._measures._ctc import ctc
    from lamina._measures._focal import (
        binary_focal_crossentropy,
        categorical_focal_crossentropy,
        categorical_generalized_cross_entropy,
    )
    from lamina._measures._hinge import categorical_hinge, hinge, squared_hinge
    from lamina._measures._overlap import dice, tversky
    from lamina._measures._regression import (
        cosine_similarity,
        huber,
        log_cosh,
        mean_absolute_error,
        mean_absolute_percentage_error,
        mean_squared_error,
        mean_squared_logarithmic_error,
    )


# Those that are smaller the better the prediction is.
LOSSES = (
    "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy",
    "categorical_focal_crossentropy", "categorical_generalized_cross_entropy", "categorical_hinge",
    "circle", "cosine_similarity", "ctc", "dice", "hinge", "huber", "kl_divergence", "log_cosh",
    "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_error",
    "mean_squared_logarithmic_error", "poisson", "sparse_categorical_crossentropy", "squared_hinge",
    "tversky",
)  # fmt: skip

__all__ = [
    "LOSSES", *LOSSES,
    "accuracy", "binary_accuracy", "categorical_accuracy", "concordance_correlation",
    "pearson_correlation", "sparse_categorical_accuracy", "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]  # fmt: skip


def _home(name: str) -> str:
    if name == "accuracy":  # public as the class alone
        return __name__
    return "lamina.losses" if name in LOSSES else "lamina.metrics"


__getattr__, __dir__ = _lazy(__name__, home=_home)
