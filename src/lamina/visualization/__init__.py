"""Pictures of models, of activation functions and of training."""

from typing import TYPE_CHECKING

from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina.visualization._curves import plot_activation, plot_history
    from lamina.visualization._model_plot import model_to_dot, plot_model
    from lamina.visualization._network import plot_network


__all__ = ["model_to_dot", "plot_activation", "plot_history", "plot_model", "plot_network"]
__getattr__, __dir__ = _lazy(__name__)
