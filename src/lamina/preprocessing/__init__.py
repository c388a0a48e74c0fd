"""Data before it reaches a model."""

from lamina.preprocessing import sequence

__all__ = ["sequence"]
