"""The names of `keras.optimizers.legacy`: today's optimizers, which take the same arguments."""

from lamina.optimizers._adagrad import Adagrad
from lamina.optimizers._adam import Adam
from lamina.optimizers._ftrl import Ftrl
from lamina.optimizers._optimizer import Optimizer
from lamina.optimizers._rmsprop import RMSprop
from lamina.optimizers._sgd import SGD

__all__ = ["SGD", "Adagrad", "Adam", "Ftrl", "Optimizer", "RMSprop"]
