"""Products of matrices: tiles of sums in registers, vectors along the axis that allows it.

C[m, n] = sum over k of A[m, k] B[k, n]
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from lamina._native.element import row_major
from lamina._native.emit import ZERO, Code, Memory, Place, plus, times
from lamina._native.fusion import Kernel
from lamina._native.graph import Node, require
from lamina._native.loops import Nest
from lamina._native.rules import F, fma
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


def write_product(part: Any, kernel: Kernel) -> None:
    """Write a kernel of kind 'dot', and choose what vectors run along."""
    (node,) = kernel.nodes
    (x, y), lanes = node.inputs, part.code.lanes
    (x_sums, y_sums), (x_batch, y_batch) = node.params["sums"], node.params["batch"]
    (xm, (x_at, xs)), (ym, (y_at, ys)), (zm, (z_at, zs)) = map(part.address, (x, y, node))
    x_free = [a for a in range(len(x.shape)) if a not in (*x_sums, *x_batch)]
    y_free = [a for a in range(len(y.shape)) if a not in (*y_sums, *y_batch)]
    # Axes as (size, steps in A, in B, in C).
    to = iter(zs)
    batch = [(x.shape[a], xs[a], ys[b], next(to)) for a, b in zip(x_batch, y_batch, strict=True)]
    rows = _merged([(x.shape[a], xs[a], 0, next(to)) for a in x_free])
    columns = _merged([(y.shape[a], 0, ys[a], next(to)) for a in y_free])
    sums = _merged([(x.shape[a], xs[a], ys[b], 0) for a, b in zip(x_sums, y_sums, strict=True)])
    require(len(sums) <= 1, "a sum over several axes that do not lie in a row")
    m, n, k = (axes.pop() if axes else (1, 1, 1, 1) for axes in (rows, columns, sums))
    p = Product(
        Operand(xm, (x_at, ()), m[1], k[1]), Operand(ym, (y_at, ()), k[2], n[2]),
        Operand(zm, (z_at, ()), m[3], n[3]), m[0], n[0], k[0],
    )  # fmt: skip
    outer = batch + rows + columns
    axes = [*outer, m, n, k]

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
    if best % 2:
        p, axes = t, [(size, b, a, c) for size, a, b, c in (*outer, n, m, k)]
    if best < 2:
        _repeat(part.code, axes[:-3], p, lambda q: _Tiles(part, q).write())
    else:
        _write_sums(part, node, p, axes)


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


def _repeat(code: Code, axes: list[Any], p: Product, write: Callable[[Product], None]) -> None:
    """Write loops over what a product of matrices does not have."""
    if not axes:
        return write(p)
    (size, a, b, c), *rest = axes

    def turn(at: Place) -> None:
        moved = [o.moved(times(at, step)) for o, step in ((p.a, a), (p.b, b), (p.c, c))]
        _repeat(code, rest, Product(moved[0], moved[1], moved[2], p.m, p.n, p.k), write)

    return code.loop(size, turn)


def _write_sums(part: Any, node: Node, p: Product, axes: list[Any]) -> None:
    """Few results: each is a sum across vectors that run along the last axis."""
    sizes, last = tuple(axis[0] for axis in axes), len(axes) - 1
    (a, b, c) = (
        (o.at[0], tuple(axis[i] for axis in axes)) for i, o in enumerate((p.a, p.b, p.c), 1)
    )
    memory = p.b.memory
    if p.b.rows != 1:  # copied, to lie in a row
        space = tuple(size if step else 1 for size, step in zip(sizes, b[1], strict=True))
        memory, to = part.scratch(prod(space)), (0, tuple(row_major(space)))
        copy = Nest(part, space)
        copy.store(memory, to, copy.load(p.b.memory, b))
        copy.write()
        b = 0, tuple(s if step else 0 for s, step in zip(to[1], b[1], strict=True))
    nest = Nest(part, sizes, (last,), last)
    factors = [nest.load(p.a.memory, a), nest.load(memory, b)]
    product = nest.do("apply", "mul", {}, inputs=factors)
    nest.lines.append(c)
    nest.do("sum", "add", node, c, inputs=[product])
    nest.write()


class _Tiles:
    """A product in tiles of some rows times one or two vectors of columns."""

    def __init__(self, part: Any, product: Product) -> None:
        self.part, self.code, self.p = part, part.code, product
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
            self.code.loop(whole, lambda i: self._panel(times(i, width), (lanes, lanes)))
        if rest:
            widths = (lanes, rest - lanes) if rest > lanes else (rest,)
            self._panel((whole * width, ()), widths)

    def _panel(self, at: Place, widths: tuple[int, ...]) -> None:
        p, columns = self.p, sum(widths)
        b = p.b.moved(times(at, p.b.columns))
        if self.packs:
            memory = self.part.scratch(p.k * columns)
            self._pack(memory, b, columns)
            b = Operand(memory, ZERO, columns, 1)
        c = p.c.moved(times(at, p.c.columns))
        most = self.code.machine.sums // len(widths)
        sizes = range(min(most, p.m), max(most // 2, 3), -1)
        even = -(-p.m // -(-p.m // most))  # as many as in all other tiles but the last
        rows = next((size for size in sizes if p.m % size == 0), even)
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
        if b.rows == 1 and k % _BLOCK == 0 and columns % _BLOCK == 0:
            return code.loop(
                columns // _BLOCK,
                lambda n: code.loop(
                    k // _BLOCK, lambda i: self._transpose(memory, b, columns, n, i)
                ),
            )
        width = 1 if b.columns != 1 else code.lanes if columns % code.lanes == 0 else columns

        def row(i: Place) -> None:
            for s in range(0, columns, width):
                at = plus(b.at, times(i, b.rows), (s * b.columns, ()))
                value = code.load(b.memory, at, width)
                code.store(memory, plus(times(i, columns), (s, ())), value, width)

        return code.loop(k, row, self.small)

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
