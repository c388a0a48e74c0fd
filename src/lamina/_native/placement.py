"""Arrays written at other places than their own: joined, padded, scattered, updated."""

from typing import Any

from lamina._native.emit import Value, plus, require
from lamina._native.fusion import Index, row_major, strides
from lamina._native.graph import SCATTERS, Node
from lamina._native.loops import Function, Line, Nest, fitted, linear
from lamina._native.rules import combine


def _copy(function: Function, source: Node, to: Node, line: Line) -> None:
    """Write all of `source` into the array of `to`, at a line over the axes of `source`."""
    nest = Nest(function, source.shape)
    nest.survey(source, nest.own)
    nest.lines.append(line)
    memory = function.memory[to.number]
    nest.write(lambda: nest.write_to(memory, line, nest.value(source, nest.own)))


def write_parts(function: Function, node: Node) -> None:
    """Write a kernel of kind 'parts'."""
    steps = strides(node)
    if node.op == "concatenate":
        axis, at = node.params["dimension"], 0
        for source in node.inputs:
            _copy(function, source, node, (at * steps[axis], list(steps)))
            at += source.shape[axis]
        return
    source, filler = node.inputs
    config = node.params["padding_config"]
    require(all(low >= 0 and high >= 0 for low, high, _ in config), "negative padding")
    nest = Nest(function, node.shape)
    line = (0, list(steps))
    nest.lines.append(line)
    memory = function.memory[node.number]
    nest.survey(filler, ())
    nest.write(lambda: nest.write_to(memory, line, nest.value(filler, ())))
    first = sum(low * step for (low, _, _), step in zip(config, steps, strict=True))
    apart = [step * (inner + 1) for (_, _, inner), step in zip(config, steps, strict=True)]
    _copy(function, source, node, (first, apart))


def write_scatter(function: Function, node: Node) -> None:
    """Write a kernel of kind 'scatter': a copy, then the updates one after another."""
    operand = node.inputs[0]
    _copy(function, operand, node, (0, list(strides(node))))
    if node.op == "dynamic_update_slice":
        updates = node.inputs[1]
        window = list(range(len(updates.shape)))
    else:
        updates = node.inputs[2]
        window = list(node.params["dimension_numbers"].update_window_dims)
    # Lanes run along a window, whose elements are all different: along the last axis of it.
    last = len(updates.shape) - 1
    lane = last if last in window and updates.shape[last] > 1 else -1
    nest = Nest(function, updates.shape, lane=lane)
    for axis, step in enumerate(row_major(updates.shape)):  # no axes become one
        nest.lines += [(0, [step + 1 if a == axis else 0 for a in range(nest.rank)])]
    nest.survey(updates, nest.own)
    nest.write(lambda: _update(nest, node, updates))


def _update(nest: Nest, node: Node, updates: Node) -> None:
    """Write one update, or leave the array as it is where the place is outside."""
    function, code = nest.function, nest.code
    memory, steps = function.memory[node.number], strides(node)
    starts, good, offsets = _target(nest, node, updates)
    line = linear(offsets, steps, nest.rank)
    moved = [(0, ((names[0], steps[axis]),)) for axis, names in starts if steps[axis]]
    place = plus(nest.place(line), *moved)
    step = nest.step(line)
    operation = SCATTERS[node.op]
    old = code.load(memory, place, nest.lanes, step)
    value = nest.value(updates, nest.own)
    new = value if operation == "set" else combine(code, operation, old, value)
    if good is not None:
        new = code.select(good, new, old)
    if nest.lanes > 1:
        code.store(memory, place, new, nest.lanes, step)
    else:
        code.store(memory, place, new)


def _target(nest: Nest, node: Node, updates: Node) -> tuple[Any, Value | None, Index]:
    """Return the window's first places, whether it fits, and the index within the window."""
    operand = node.inputs[0]
    if node.op == "dynamic_update_slice":
        values = [nest.value(n, ()) for n in node.inputs[2:]]
        limits = [a - b for a, b in zip(operand.shape, updates.shape, strict=True)]
        starts, good = nest.clamped(range(len(limits)), values, limits, False)
        return starts, good, nest.own
    d, zero = node.params["dimension_numbers"], (0, (0,) * nest.rank)
    batch = [i for axis, i in enumerate(nest.own) if axis not in d.update_window_dims]
    window = iter(d.update_window_dims)
    offsets, sizes = [], []
    for axis in range(len(operand.shape)):
        if axis in d.operand_batching_dims:
            place = d.operand_batching_dims.index(axis)
            offsets.append(batch[d.scatter_indices_batching_dims[place]])
            sizes.append(1)
        elif axis in d.inserted_window_dims:
            offsets.append(zero)
            sizes.append(1)
        else:
            at = next(window)
            offsets.append(nest.own[at])
            sizes.append(updates.shape[at])
    mapped = d.scatter_dims_to_operand_dims
    indices = node.inputs[1]
    values = []
    for k in range(len(mapped)):
        index = (*batch, (k, (0,) * nest.rank))
        values.append(nest.value(indices, fitted(indices, indices, index)))
    limits = [operand.shape[axis] - sizes[axis] for axis in mapped]
    clips = "CLIP" in str(node.params["mode"]).upper()
    starts, good = nest.clamped(mapped, values, limits, not clips)
    return starts, good, tuple(offsets)
