"""lamina: Keras' API on JAX. `import lamina`, then as in any Keras tutorial.

Example:
    >>> import numpy as np
    >>> model = Sequential([layers.Dense(1, input_dim=3, activation="sigmoid")])
    >>> model.predict(np.zeros((1, 3)), verbose=0).tolist()
    [[0.5]]
"""

from typing import TYPE_CHECKING

from lamina import _startup  # before anything that imports jax
from lamina._exports import lazy as _lazy
from lamina.ops import _operators  # gives variables and symbolic tensors their operators

if TYPE_CHECKING:
    from lamina import (
        activations,
        backend,
        callbacks,
        config,
        constraints,
        dtype_policies,
        export,
        initializers,
        layers,
        losses,
        metrics,
        mixed_precision,
        models,
        ops,
        optimizers,
        preprocessing,
        random,
        regularizers,
        saving,
        tree,
        utils,
        visualization,
    )
    from lamina._core.graph import Function
    from lamina._core.state import Variable, grad, pure, value_and_grad
    from lamina._core.tensor import KerasTensor
    from lamina.alias import (
        install_as_keras,
        load_ipython_extension,
        uninstall_as_keras,
        unload_ipython_extension,
    )
    from lamina.dtype_policies import DTypePolicy, FloatDTypePolicy
    from lamina.initializers import Initializer
    from lamina.layers import Input, InputSpec, Layer
    from lamina.layers._operation import Operation
    from lamina.losses import Loss
    from lamina.metrics import Metric
    from lamina.models import Model, Sequential
    from lamina.optimizers import Optimizer
    from lamina.regularizers import Regularizer
    from lamina.utils._remat import RematScope, remat
    from lamina.utils._scopes import StatelessScope, SymbolicScope, device, name_scope

__version__ = "0.1.0"


def version() -> str:
    """Return the version of lamina."""
    return __version__


__all__ = [
    "DTypePolicy", "FloatDTypePolicy", "Function", "Initializer", "Input", "InputSpec",
    "KerasTensor", "Layer", "Loss", "Metric", "Model", "Operation", "Optimizer", "Regularizer",
    "RematScope", "Sequential", "StatelessScope", "SymbolicScope", "Variable", "__version__",
    "activations", "backend", "callbacks", "config", "constraints", "device", "dtype_policies",
    "export",
    "grad", "initializers", "install_as_keras", "layers", "load_ipython_extension", "losses",
    "metrics", "mixed_precision",
    "models", "name_scope", "ops", "optimizers", "preprocessing", "pure", "random",
    "regularizers", "remat", "saving", "tree", "uninstall_as_keras",
    "unload_ipython_extension", "utils", "value_and_grad", "version",
    "visualization",
]  # fmt: skip
__getattr__, __dir__ = _lazy(__name__)
