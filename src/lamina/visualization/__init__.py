"""Pictures of models, of activations and of training."""

from lamina.visualization._model_plot import model_to_dot, plot_model

__all__ = ["model_to_dot", "plot_model"]
