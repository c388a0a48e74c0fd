"""Engine: the compiled steps of one program, and the memory that they run in."""

import ctypes
import threading
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from lamina._native import jit
from lamina._native.graph import fingerprint
from lamina._native.module import write_module
from lamina._native.part import Part

VERSION = 2  # of the code that is written; another one makes what is cached useless


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
        logged = step.out_avals[variables:] if report is None else report.out_avals
        self._logs = [np.zeros(a.shape, a.dtype) for a in logged]
        self._arrays: list[Any] = []  # constants
        slots = [*written, *range(variables, len(step.out_avals))]
        self.parts = [Part(step, variables, slots, self._arrays, batch)]
        if report is not None:
            slots = list(range(variables, variables + len(logged)))
            self.parts.append(Part(report, variables, slots, self._arrays, skipped=variables))
        self.step = (self.parts[0].nodes, len(self.parts[0].outputs))  # what a step computes
        self.machine = jit.host(checked)
        groups = {
            "a": variables + len(logged), "constant": len(self._arrays),
            "data": len(step.in_avals) - variables,
        }  # fmt: skip
        self._open = groups["a"] + groups["constant"]  # where the pointers to data begin
        self._names = [f"%{name}{k}" for name, count in groups.items() for k in range(count)]
        self._names += ["%order", "%arena", "%flag"]
        graphs = fingerprint([(p.nodes, p.outputs) for p in self.parts])
        layout = [groups, batch, [p.slots for p in self.parts]]
        self.key = f"{VERSION} {self.machine} {jit.versions()} {layout} {graphs}"

    def compile(self, cache: Any = None) -> None:
        """Make the machine code, or take it from a cache (see `cache.Cache`)."""
        content = cache.get(self.key) if cache is not None else None
        if content is None:
            text, size = write_module(self.parts, self._names, self.machine)
            content = size.to_bytes(8, "little") + jit.compile_module(text)
            if cache is not None:
                cache.put(self.key, content)
        self.parts, self.step = [], ([], 0)  # the graphs have served
        self._run = jit.load(content[8:], "run")
        self._lock = threading.Lock()
        self._flag = np.zeros(16, "int32")
        self._arena = np.empty(int.from_bytes(content[:8], "little") + 64, "uint8")
        arena = self._arena.ctypes.data
        self._table = (ctypes.c_void_p * len(self._names))()  # of pointers
        self._table[self.variables : self._open] = [
            array.ctypes.data for array in (*self._logs, *self._arrays)
        ]
        self._table[-2:] = [arena + -arena % 64, self._flag.ctypes.data]

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
        with self._lock:
            self._flag[0] = 0
            self._table[: len(values)] = list(map(_pointer, values))
            self._table[self._open : -2] = [*map(_pointer, data), order.ctypes.data]
            self._run(ctypes.addressof(self._table), rows - 1, start, stop)
            if self._flag[0]:
                raise IndexError("a compiled step reached outside an array")
            return [log.copy() if log.ndim else log[()] for log in self._logs]


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
        return array.unsafe_buffer_pointer()
    except AttributeError:  # numpy's
        return array.ctypes.data
