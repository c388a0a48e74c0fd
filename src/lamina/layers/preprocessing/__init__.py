"""Layers that prepare data: numbers to a common size, categories to vectors."""

from lamina.layers.preprocessing._category_encoding import CategoryEncoding
from lamina.layers.preprocessing._discretization import Discretization
from lamina.layers.preprocessing._hashing import Hashing
from lamina.layers.preprocessing._normalization import Normalization
from lamina.layers.preprocessing._rescaling import Rescaling

__all__ = ["CategoryEncoding", "Discretization", "Hashing", "Normalization", "Rescaling"]
