"""Sequences of different lengths, and windows of them."""

from typing import TYPE_CHECKING

from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina.preprocessing.sequence._skipgrams import make_sampling_table, skipgrams
    from lamina.preprocessing.sequence._timeseries_generator import TimeseriesGenerator
    from lamina.utils import pad_sequences


__all__ = ["TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams"]
__getattr__, __dir__ = _lazy(__name__)
