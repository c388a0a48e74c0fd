"""Pictures of models, of activation functions and of training."""

from lamina._core import serialize as _serialize
from lamina.visualization._curves import plot_activation, plot_history
from lamina.visualization._model_plot import model_to_dot, plot_model
from lamina.visualization._network import plot_network

__all__ = ["model_to_dot", "plot_activation", "plot_history", "plot_model", "plot_network"]
_serialize.export(globals())
