"""Whether a step pays here: what it takes in this engine and in XLA, by a measured model."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from lamina._native.graph import Node, require

_LARGEST = 6000  # nodes: more take too long to compile


@dataclass(frozen=True)
class Work:
    """What a step does: how much of it, and in how many pieces."""

    flops: float  # of products of matrices
    elements: float  # that elementwise operations compute
    words: float  # of random numbers
    products: int
    pieces: int  # reductions, scatters and results: about the kernels of XLA


def work_of(nodes: Sequence[Node], outputs: int) -> Work:
    """Return the work of a graph."""
    flops = elements = words = 0.0
    products, pieces = 0, outputs
    for node in nodes:
        if node.op == "dot":
            flops += 2.0 * node.size * prod(node.inputs[0].shape[a] for a in node.params["sums"][0])
            products += 1
        elif node.op in ("reduce", "scatter"):
            elements += node.inputs[0].size
            pieces += 1
        elif node.dtype == "uint32" and not node.is_view:
            words += node.size
        elif node.inputs and not node.is_view:
            elements += node.size
    return Work(flops, elements, words, products, pieces)


def seconds_here(work: Work, lanes: int) -> float:
    """Return about what a step takes in this engine, with vectors of some lanes.

    The figures are those of 40 nets on a Zen 4 core at 3 GHz: right to a third for all but one.
    """
    vectors = work.flops * 0.18e-9 + work.elements * 0.72e-9 + work.words * 0.16e-9
    return 0.07e-6 * work.products + vectors / lanes


def seconds_in_xla(work: Work, lanes: int) -> float:
    """Return about what a step takes in XLA's loop, on the cores that there are.

    Its kernels cost 6 us even of the smallest nets; its products of matrices reach 65 Gflop/s on
    two such cores if they are small, and 190 if they are large. How they gain from more cores is an
    assumption, on the careful side.
    """
    share = lanes / 16 * _cores() ** 0.7
    overhead = 0.6e-6 * work.products + 0.13e-6 * work.pieces
    speed = 40e9 + 77e9 * work.flops / (work.flops + 2e8)
    work_there = work.flops / speed + work.elements * 0.1e-9 + work.words * 0.1e-9
    return overhead + work_there / share


def _cores() -> int:
    known = hasattr(os, "sched_getaffinity")
    return min(len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1, 16)


def require_gain(nodes: Sequence[Node], outputs: int, lanes: int) -> None:
    """Raise Unsupported for a step that XLA is faster at, or that takes long to compile."""
    require(len(nodes) <= _LARGEST, f"{len(nodes)} operations, too many")
    work = work_of(nodes, outputs)
    here, there = seconds_here(work, lanes), seconds_in_xla(work, lanes)
    require(here <= there, f"about {1e6 * there:.0f} us a step, natively {1e6 * here:.0f}")
