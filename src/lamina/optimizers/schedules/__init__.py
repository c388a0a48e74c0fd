"""Learning rates that change over the steps."""

from lamina._core import serialize as _serialize
from lamina.optimizers.schedules._schedule import LearningRateSchedule

__all__ = ["LearningRateSchedule"]
_serialize.export(globals())
