"""Layers that prepare data: numbers to a common size, categories to vectors."""

from lamina.layers.preprocessing._category_encoding import CategoryEncoding
from lamina.layers.preprocessing._discretization import Discretization
from lamina.layers.preprocessing._hashed_crossing import HashedCrossing
from lamina.layers.preprocessing._hashing import Hashing
from lamina.layers.preprocessing._integer_lookup import IntegerLookup
from lamina.layers.preprocessing._normalization import Normalization
from lamina.layers.preprocessing._pipeline import Pipeline
from lamina.layers.preprocessing._rescaling import Rescaling
from lamina.layers.preprocessing._string_lookup import StringLookup

__all__ = [
    "CategoryEncoding", "Discretization", "HashedCrossing", "Hashing", "IntegerLookup",
    "Normalization", "Pipeline", "Rescaling", "StringLookup",
]  # fmt: skip
