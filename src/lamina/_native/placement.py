"""Arrays written at other places than their own: put together from parts, or scattered into."""

from typing import Any

from lamina._native.element import Line, combined, row_major, strides
from lamina._native.emit import Memory, plus
from lamina._native.fusion import Kernel
from lamina._native.graph import Node
from lamina._native.loops import Nest
from lamina._native.rules import combine
from lamina._native.values import Value


def write_copy(part: Any, source: Node, memory: Memory, line: Line) -> None:
    """Write all of `source` into memory, at a line over its axes."""
    nest = Nest(part, source.shape)
    nest.store(memory, line, nest.value(source, nest.own))
    nest.write()


def write_parts(part: Any, kernel: Kernel) -> None:
    """Write a kernel of kind 'parts': each part begins somewhere and has a step along each axis."""
    (node,) = kernel.nodes
    steps = strides(node)
    for source, (starts, apart) in zip(node.inputs, node.params["places"], strict=True):
        line = (
            sum(a * b for a, b in zip(starts, steps, strict=True)),
            tuple(a * b for a, b in zip(apart, steps, strict=True)),
        )
        write_copy(part, source, part.memory[node.number], line)


def write_scatter(part: Any, kernel: Kernel) -> None:
    """Write a kernel of kind 'scatter': a copy, then the updates one after another."""
    (node,) = kernel.nodes
    array, updates, *starts = node.inputs
    write_copy(part, array, part.memory[node.number], (0, tuple(strides(node))))
    # Lanes run along a window, whose elements are all different: along the last axis of it.
    windows = set(range(len(updates.shape))) - set(node.params["batch"])
    last = len(updates.shape) - 1
    lane = last if last in windows and updates.shape[last] > 1 else -1
    nest = _Scatter(part, updates.shape, lane=lane)
    for axis, step in enumerate(row_major(updates.shape)):  # no axes become one
        nest.lines.append((0, tuple(step + 1 if a == axis else 0 for a in range(nest.rank))))
    line = combined(nest.inside(node, nest.own), strides(node), nest.rank)
    inputs = [nest.value(updates, nest.own), *nest.starts(node, starts, nest.own)]
    nest.do("update", node, line, inputs=inputs)
    nest.write()


class _Scatter(Nest):
    def write_update(self, node: Node, line: Line, value: Value, *starts: Value) -> None:
        """Write one update, or leave the array as it is where the place is outside."""
        code, how, apart = self.code, node.params["how"], self.step(line)
        memory, steps = self.part.memory[node.number], strides(node)
        starts, fits = self.clamped(node, starts)
        moved = self.moved(starts, [steps[axis] for axis in node.params["axes"]])
        place = plus(self.place(line), (0, ((moved.text, 1),)))
        old = code.load(memory, place, self.lanes, apart)
        new = value if how == "set" else combine(how, old, value)
        new = new if fits is None else fits.where(new, old)
        code.store(memory, place, new, self.lanes, apart)
