"""Products of matrices: tiles of sums in registers, vectors along the axis that allows it.

C[m, n] = sum over k of A[m, k] B[k, n]
"""

from dataclasses import dataclass, replace
from typing import Any

from lamina._native.emit import ZERO, Memory, Place, plus, times
from lamina._native.graph import Node, require
from lamina._native.loops import Function
from lamina._native.rules import F, across, fma
from lamina._native.values import Value

_PART = 0.27  # multiply-adds written out instead of looped over: this part of what kernels may have
_PANEL_BYTES = 24 << 10  # a B that is larger is copied, panel by panel, to lie in a row
_BLOCK = 8  # rows and columns of the blocks that are transposed in registers


@dataclass(frozen=True)
class Operand:
    """A matrix in memory: its first element, and elements between rows and between columns."""

    memory: Memory
    at: Place
    rows: int
    columns: int

    def turned(self) -> "Operand":
        return replace(self, rows=self.columns, columns=self.rows)

    def moved(self, *places: Place) -> "Operand":
        return replace(self, at=plus(self.at, *places))


@dataclass(frozen=True)
class Product:
    """One product of matrices."""

    a: Operand  # (M, K)
    b: Operand  # (K, N)
    c: Operand  # (M, N)
    m: int
    n: int
    k: int

    def turned(self) -> "Product":
        """Return the same product of the transposes: C' = B' A'."""
        return Product(self.b.turned(), self.a.turned(), self.c.turned(), self.n, self.m, self.k)


def write_product(function: Function, node: Node) -> None:
    """Write a kernel of kind 'dot': loops over what a product of matrices does not have."""
    (x_sums, y_sums), (x_batch, y_batch) = node.params["sums"], node.params["batch"]
    x, y = node.inputs
    (x_memory, (x_at, x_steps)), (y_memory, (y_at, y_steps)), (c_memory, (c_at, c_steps)) = (
        function.address(n) for n in (x, y, node)
    )
    x_free = [a for a in range(len(x.shape)) if a not in x_sums and a not in x_batch]
    y_free = [a for a in range(len(y.shape)) if a not in y_sums and a not in y_batch]
    axes = len(x_batch)
    batch = [
        (x.shape[a], x_steps[a], y_steps[b], c_steps[i])
        for i, (a, b) in enumerate(zip(x_batch, y_batch, strict=True))
    ]
    rows = [(x.shape[a], x_steps[a], 0, c_steps[axes + i]) for i, a in enumerate(x_free)]
    axes += len(x_free)
    columns = [(y.shape[a], 0, y_steps[a], c_steps[axes + i]) for i, a in enumerate(y_free)]
    sums = [(x.shape[a], x_steps[a], y_steps[b], 0) for a, b in zip(x_sums, y_sums, strict=True)]
    rows, columns, sums = _merged(rows), _merged(columns), _merged(sums)
    require(len(sums) <= 1, "a sum over several axes that do not lie in a row")
    m, n, k = (part.pop() if part else (1, 1, 1, 1) for part in (rows, columns, sums))
    product = Product(
        Operand(x_memory, (x_at, ()), m[1], k[1]),
        Operand(y_memory, (y_at, ()), k[2], n[2]),
        Operand(c_memory, (c_at, ()), m[3], n[3]),
        m[0], n[0], k[0],
    )  # fmt: skip
    _repeat(function, batch + rows + columns, product)


def _merged(axes: list[Any]) -> list[Any]:
    """Return (size, steps ...) with neighbours that lie in a row made one; the longest last."""
    axes = sorted((a for a in axes if a[0] > 1), key=lambda a: (-a[1], -a[2], -a[3]))
    found: list[Any] = []
    for axis in reversed(axes):
        if found and all(
            far == near * found[0][0] for far, near in zip(axis[1:], found[0][1:], strict=True)
        ):
            found[0] = (found[0][0] * axis[0], *found[0][1:])
        else:
            found.insert(0, axis)
    return sorted(found, key=lambda a: a[0])


def _repeat(function: Function, axes: list[Any], product: Product) -> None:
    if not axes:
        return _write(function, product)
    (size, a, b, c), *rest = axes

    def turn(at: Place) -> None:
        p = product
        moved = replace(
            p, a=p.a.moved(times(at, a)), b=p.b.moved(times(at, b)), c=p.c.moved(times(at, c))
        )
        _repeat(function, rest, moved)

    function.code.loop(size, turn)
    return None


def _write(function: Function, p: Product) -> None:
    """Choose what vectors run along: columns, rows, or what is summed over."""
    lanes = function.code.lanes

    def along_columns(q: Product) -> float:
        cost = q.m * q.k * -(-q.n // lanes) * 1.0
        if q.b.columns != 1 and q.n > 1:
            cost += q.k * q.n * (0.4 if q.b.rows == 1 and q.k >= _BLOCK <= q.n else 1)
        return cost + (1.5 * q.m * q.n if q.c.columns != 1 and q.n > 1 else 0)

    def along_sums(q: Product) -> float:
        if q.a.columns != 1 or q.m * q.n > 512:
            return float("inf")
        packing = 0 if q.b.rows == 1 else 1.5 * q.k * q.n
        return q.m * q.n * (-(-q.k // lanes) + 8) + packing

    t = p.turned()
    options = [along_columns(p), along_columns(t), along_sums(p), along_sums(t)]
    best = options.index(min(options))
    chosen = t if best % 2 else p
    if best < 2:
        _Tiles(function, chosen).write()
    else:
        _write_sums(function, chosen)


def _write_sums(function: Function, p: Product) -> None:
    """Few results: each is a sum across vectors that run along k."""
    code, b = function.code, p.b
    most = _PART * code.unrolled
    if b.rows != 1:
        memory = function.scratch(p.n * p.k)

        def copy(n: Place) -> None:
            def one(k: Place) -> None:
                at = plus(b.at, times(n, b.columns), times(k, b.rows))
                code.store(memory, plus(times(n, p.k), k), code.load(b.memory, at))

            code.loop(p.k, one, p.n * p.k <= most)

        code.loop(p.n, copy, p.n * p.k <= most)
        b = Operand(memory, ZERO, 1, p.k)
    whole, rest = divmod(p.k, code.lanes)
    small = p.m * p.n * (whole + 1) <= most

    def row(m: Place) -> None:
        def result(n: Place) -> None:
            first, second = plus(p.a.at, times(m, p.a.rows)), plus(b.at, times(n, b.columns))

            def step(at: Place, total: Value | None, lanes: int) -> Value:
                x = code.load(p.a.memory, plus(first, at), lanes)
                y = code.load(b.memory, plus(second, at), lanes)
                if total is None:
                    return x * y
                return fma(x, y, total)

            total = None
            if whole:
                for i in range(min(whole, 4)):
                    total = step((i * code.lanes, ()), total, code.lanes)
                if whole > 4:
                    turn = lambda i, v: [  # noqa: E731
                        step(plus((4 * code.lanes, ()), times(i, code.lanes)), v[0], code.lanes)
                    ]
                    (total,) = code.carry(whole - 4, [total], turn)
                total = across("add", total)
            if rest:
                tail = step((whole * code.lanes, ()), None, rest)
                tail = across("add", tail)
                total = tail if total is None else total + tail
            at = plus(p.c.at, times(m, p.c.rows), times(n, p.c.columns))
            code.store(p.c.memory, at, total)

        code.loop(p.n, result, small)

    code.loop(p.m, row, small)


class _Tiles:
    """A product in tiles of some rows times one or two vectors of columns."""

    def __init__(self, function: Function, product: Product) -> None:
        self.function, self.code, self.p = function, function.code, product
        self.small = (
            product.m * product.k * -(-product.n // self.code.lanes) <= _PART * self.code.unrolled
        )
        large = product.k * product.n * 4 > _PANEL_BYTES and product.m >= 8
        self.packs = product.n > 1 and (product.b.columns != 1 or large)

    def write(self) -> None:
        """Write all panels of columns."""
        lanes, n = self.code.lanes, self.p.n
        width = 2 * lanes
        whole, rest = divmod(n, width)
        if whole:
            self.code.loop(whole, lambda i: self._panel(times(i, width), (lanes, lanes)), False)
        at = whole * width
        while rest:
            lanes_here = min(rest, lanes)
            if rest > lanes:
                self._panel((at, ()), (lanes, rest - lanes))
                break
            self._panel((at, ()), (lanes_here,))
            rest -= lanes_here

    def _panel(self, at: Place, widths: tuple[int, ...]) -> None:
        p, columns = self.p, sum(widths)
        b = p.b.moved(times(at, p.b.columns))
        if self.packs:
            memory = self.function.scratch(p.k * columns)
            self._pack(memory, b, columns)
            b = Operand(memory, ZERO, columns, 1)
        c = p.c.moved(times(at, p.c.columns))
        most = self.code.machine.sums // len(widths)
        tiles = -(-p.m // most)
        rows = -(-p.m // tiles)
        for candidate in range(min(most, p.m), max(most // 2, 3), -1):
            if p.m % candidate == 0:
                rows = candidate
                break
        whole, rest = divmod(p.m, rows)
        self.code.loop(whole, lambda i: self._tile(times(i, rows), rows, widths, b, c), self.small)
        if rest:
            self._tile((whole * rows, ()), rest, widths, b, c)

    def _tile(self, at: Place, rows: int, widths: tuple[int, ...], b: Operand, c: Operand) -> None:
        code, p = self.code, self.p
        a = p.a.moved(times(at, p.a.rows))
        starts = [sum(widths[:i]) for i in range(len(widths))]
        parts = list(zip(starts, widths, strict=True))

        def step(k: Place, sums: list[Value]) -> list[Value]:
            row_of_b = plus(b.at, times(k, b.rows))
            ys = [code.load(b.memory, plus(row_of_b, (s, ())), w) for s, w in parts]
            xs = (
                code.load(a.memory, plus(a.at, (row * a.rows, ()), times(k, a.columns)))
                for row in range(rows)
            )
            products = ((x, y) for x in xs for y in ys)
            return [fma(x, y, total) for (x, y), total in zip(products, sums, strict=True)]

        zero = code.literal(0, F)
        sums = [Value(code, "zeroinitializer", F, w) if w > 1 else zero for w in widths] * rows
        if self.small or p.k * len(sums) <= 48:
            for k in range(p.k):
                sums = step((k, ()), sums)
        else:
            sums = code.carry(p.k, sums, step)
        place = c.moved(times(at, c.rows)).at
        for i, total in enumerate(sums):
            row, part = divmod(i, len(parts))
            to = plus(place, (row * c.rows + starts[part] * c.columns, ()))
            code.store(c.memory, to, total, total.lanes, c.columns)

    def _pack(self, memory: Memory, b: Operand, columns: int) -> None:
        """Copy a panel, so that memory[k, n] lies row by row."""
        code, k = self.code, self.p.k
        if b.columns == 1:
            lanes = [w for w in (code.lanes,) if columns % w == 0]

            def row(i: Place) -> None:
                width = lanes[0] if lanes else columns
                for s in range(0, columns, width):
                    value = code.load(b.memory, plus(b.at, times(i, b.rows), (s, ())), width)
                    code.store(memory, plus(times(i, columns), (s, ())), value, width)

            code.loop(k, row)
        elif b.rows == 1 and k % _BLOCK == 0 and columns % _BLOCK == 0:
            turn = lambda n: code.loop(  # noqa: E731
                k // _BLOCK, lambda i: self._transpose(memory, b, columns, n, i)
            )
            code.loop(columns // _BLOCK, turn)
        else:

            def one(i: Place) -> None:
                for s in range(columns):
                    at = plus(b.at, times(i, b.rows), (s * b.columns, ()))
                    to = plus(times(i, columns), (s, ()))
                    code.store(memory, to, code.load(b.memory, at))

            code.loop(k, one, self.small)

    def _transpose(self, memory: Memory, b: Operand, columns: int, n: Place, k: Place) -> None:
        """Transpose a block in registers: three times, pairs of rows are interleaved."""
        code, size = self.code, _BLOCK
        at = plus(b.at, times(n, size * b.columns), times(k, size))
        rows = [code.load(b.memory, plus(at, (i * b.columns, ())), size).text for i in range(size)]
        kind = f"<{size} x float>"
        for _ in range(3):
            mixed = []
            for i in range(size):
                half = size // 2 * (i % 2)
                picked = ", ".join(f"i32 {half + j // 2 + size * (j % 2)}" for j in range(size))
                first, second = rows[i // 2], rows[i // 2 + size // 2]
                mask = f"<{size} x i32> <{picked}>"
                mixed.append(code.let(f"shufflevector {kind} {first}, {kind} {second}, {mask}"))
            rows = mixed
        to = plus(times(k, size * columns), times(n, size))
        for i, row in enumerate(rows):
            code.store(memory, plus(to, (i * columns, ())), Value(code, row, F, size), size)
