"""Engine: the compiled steps of one program, and the memory that they run in."""

import ctypes
import json
import threading
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from lamina._native import jit, primitives  # noqa: F401
from lamina._native.graph import Graph, Unsupported, fingerprint, live
from lamina._native.module import Part, own_outputs, write_module
from lamina._native.rules import RULES

VERSION = 1  # of the code that is written; another one makes what is cached useless


class Engine:
    """A loop over steps in machine code.

    Args:
        step: closed jaxpr of the values of variables and of a batch's arrays, to the new values
            and what is logged.
        report: closed jaxpr of the values, to what is logged; None if `step` returns that.
        variables: how many values there are.
        written: numbers of the values that steps change.
        batch: rows per step.
        checked: whether every access of memory is tested, for tests.

    Raises:
        Unsupported: something in it cannot be compiled here.
    """

    def __init__(
        self,
        step: Any,
        report: Any | None,
        variables: int,
        written: Sequence[int],
        batch: int,
        checked: bool = False,
    ) -> None:
        self.batch, self.variables = batch, variables
        self.written = list(written)
        logged = (step.out_avals[variables:]) if report is None else report.out_avals
        self._logs = [np.zeros(a.shape, a.dtype) for a in logged]
        self.parts = [_step_part(step, variables, self.written, batch)]
        if report is not None:
            self.parts.append(_report_part(report, variables))
        for part in self.parts:
            part.arguments = variables + len(logged)
            own_outputs(part)
        graphs = [(live(p.outputs, p.graph.nodes), p.outputs) for p in self.parts]
        self.step = (graphs[0][0], len(graphs[0][1]))  # nodes and number of results of a step
        self.machine = jit.host(checked)
        layout = [
            (p.name, p.slots, p.batch, p.arguments, p.datasets, len(p.graph.arrays))
            for p in self.parts
        ]
        self.key = f"{VERSION} {self.machine} {jit.versions()} {layout} {fingerprint(graphs)}"

    def compile(self, cache: Any = None) -> None:
        """Make the machine code, or take it from a cache (see `cache.Cache`)."""
        found = cache.get(self.key) if cache is not None else None
        if found is None:
            text = write_module(self.parts, self.machine)
            head = json.dumps([p.arena for p in self.parts]).encode()
            code = jit.compile_module(text)
            if cache is not None:
                cache.put(self.key, head, code)
        else:
            head, code = found
        arenas = json.loads(head)
        functions = jit.Library(code, [p.name for p in self.parts]).functions
        self._lock = threading.Lock()
        self._flag = np.zeros(16, "int32")
        self._arena = np.empty(max(arenas) + 64, "uint8")
        self._calls = [_Call(functions[p.name], p, self._table(p)) for p in self.parts]
        self.parts, self.step = [], ([], 0)  # the graphs have served

    def _table(self, part: Part) -> Any:
        """Return the pointers that a function takes; those to values and data are still open."""
        count = part.arguments + len(part.graph.arrays) + part.datasets + 3
        table = (ctypes.c_void_p * count)()
        for k, log in enumerate(self._logs):
            table[self.variables + k] = log.ctypes.data
        for k, array in enumerate(part.graph.arrays):
            table[part.arguments + k] = array.ctypes.data
        arena = self._arena.ctypes.data
        table[count - 2] = arena + -arena % 64
        table[count - 1] = self._flag.ctypes.data
        return table

    def __call__(
        self, values: list[Any], data: Sequence[Any], order: Any, start: int, stop: int
    ) -> list[Any]:
        """Run steps in place of the values that they change; return what is logged.

        Args:
            values: of all variables; those written belong to the caller alone.
            data: arrays (N, ...).
            order: rows in the order of use, int32 (at least stop * batch,).
            start, stop: numbers of steps.

        Raises:
            ValueError: the order is too short for that.
            IndexError: in checked mode, something outside an array was asked for.
        """
        jax.block_until_ready((values, data))
        data = [a if isinstance(a, jax.Array) else np.ascontiguousarray(a) for a in data]
        order = np.ascontiguousarray(order, "int32")
        if not 0 <= start <= stop or stop * self.batch > order.size:
            raise ValueError(f"steps {start} to {stop} of {self.batch} rows: {order.size} rows")
        rows = min((int(a.shape[0]) for a in data), default=1)
        pointers = [_pointer(v) for v in values]
        with self._lock:
            self._flag[0] = 0
            first, *rest = self._calls
            first.table[first.open : first.open + len(data) + 1] = [
                *map(_pointer, data), order.ctypes.data,
            ]  # fmt: skip
            first(pointers, rows - 1, start, stop)
            for call in rest:
                call(pointers, 0, 0, 1)
            if self._flag[0]:
                raise IndexError("a compiled step reached outside an array")
            return [log.copy() if log.ndim else log[()] for log in self._logs]


class _Call:
    """A function, the pointers that it takes, and the constants that some of them lead to."""

    def __init__(self, function: Any, part: Part, table: Any) -> None:
        self.function, self.table, self.arrays = function, table, part.graph.arrays
        self.open = part.arguments + len(self.arrays)  # where the pointers to data begin

    def __call__(self, pointers: list[int], last: int, start: int, stop: int) -> None:
        self.table[: len(pointers)] = pointers
        self.function(ctypes.addressof(self.table), last, start, stop)


def overwrite(array: Any, value: Any) -> bool:
    """Give an array that nobody else has seen the numbers of another; return whether it was done.

    It takes a microsecond, where a new array takes twenty. On other devices it cannot be done.
    """
    if jax.default_backend() != "cpu" or len(array.sharding.device_set) > 1:
        return False
    if not (array.is_ready() and value.is_ready()):
        jax.block_until_ready((array, value))
    ctypes.memmove(_pointer(array), _pointer(value), array.size * array.dtype.itemsize)
    return True


def _pointer(array: Any) -> int:
    try:
        return array.unsafe_buffer_pointer()  # type: ignore[no-any-return]
    except AttributeError:  # numpy's
        return array.ctypes.data  # type: ignore[no-any-return]


def _inputs(graph: Graph, avals: Sequence[Any]) -> list[Any]:
    return [graph.add("input", [], a.shape, a.dtype, place=k) for k, a in enumerate(avals)]


def _step_part(step: Any, variables: int, written: list[int], batch: int) -> Part:
    graph = Graph(RULES)
    inputs = _inputs(graph, step.in_avals[:variables])
    rows = [
        graph.add("batch", [], a.shape, a.dtype, place=k)
        for k, a in enumerate(step.in_avals[variables:])
    ]
    if any(not a.shape or a.shape[0] != batch for a in step.in_avals[variables:]):
        raise Unsupported("data without rows")
    results = graph.inline(step, inputs + rows)
    outputs = [results[i] for i in written] + results[variables:]
    slots = [*written, *range(variables, len(results))]
    for i in written:
        if (results[i].shape, results[i].dtype) != (inputs[i].shape, inputs[i].dtype):
            raise Unsupported("a variable whose type changes")
    return Part("step", graph, inputs, outputs, slots, batch, len(rows))


def _report_part(report: Any, variables: int) -> Part:
    graph = Graph(RULES)
    inputs = _inputs(graph, report.in_avals)
    outputs = graph.inline(report, inputs)
    slots = list(range(variables, variables + len(outputs)))
    return Part("report", graph, inputs, outputs, slots, 0)
