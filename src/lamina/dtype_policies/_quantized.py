"""The policies of quantized layers: names and configs only; no layer computes with them yet.

Until layers quantize, they take a quantized policy for the one that it was made from.
"""

from typing import Any

from lamina._core.errors import describe, explain, unknown
from lamina.dtype_policies._policy import DTypePolicy, dtype_policy

MODES = ("int8", "float8", "int4", "ternary", "gptq", "awq")


class QuantizedDTypePolicy(DTypePolicy):
    """The policy of a layer whose weights are kept in few bits.

    Args:
        mode: 'int8', 'float8', 'int4', 'ternary', 'gptq' or 'awq'.
        source_name: name of the policy before quantization; None for the default one.

    Example:
        >>> p = QuantizedDTypePolicy("int8", "mixed_bfloat16")
        >>> p.name, p.compute_dtype, p.quantization_mode
        ('int8_from_mixed_bfloat16', 'bfloat16', 'int8')
    """

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        base = mode.partition("/")[0] if isinstance(mode, str) else mode
        if base not in MODES:
            raise ValueError(unknown("quantization mode", mode, MODES))
        super().__init__(dtype_policy().name if source_name is None else source_name)
        if base == "int8" and self._compute == "float16":
            raise ValueError(
                explain(type(self).__name__, "expected another source than float16 for int8",
                        describe(source_name), "its range is too small; use 'mixed_bfloat16'")
            )  # fmt: skip
        self._mode, self._source = mode, self._name
        self.quantization_mode = base
        self._name = f"{mode}_from_{self._source}"

    def get_config(self) -> dict[str, Any]:
        return {"mode": self._mode, "source_name": self._source}


class TernaryDTypePolicy(QuantizedDTypePolicy):
    """The policy of a layer with weights -1, 0 and 1."""


class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """The policy of a layer that multiplies in 8-bit floats.

    Args:
        mode: 'float8'.
        source_name: see `QuantizedDTypePolicy`.
        amax_history_length: over how many steps the largest values are remembered.
    """

    default_amax_history_length = 1024

    def __init__(
        self, mode: str, source_name: str | None = None, amax_history_length: int = 1024
    ) -> None:
        super().__init__(mode, source_name)
        if not isinstance(amax_history_length, int):
            raise TypeError(
                explain(type(self).__name__, "expected a number of steps as `amax_history_length`",
                        describe(amax_history_length))
            )  # fmt: skip
        self.amax_history_length = amax_history_length

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "amax_history_length": self.amax_history_length}


class _Grouped(QuantizedDTypePolicy):
    """A policy whose mode says how weights are quantized: 'gptq/4/128'."""

    _form: tuple[str, ...]  # name of the mode, then what the numbers after it are
    _bits: tuple[int, ...] = ()

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        head, *parts = str(mode).split("/")
        try:
            numbers = dict(zip(self._form[1:], map(int, parts), strict=True))
        except ValueError:
            numbers = {}
        group = numbers.get(self._form[-1], 0)
        bits = numbers.get("weight_bits")
        if (
            head != self._form[0]
            or group < -1
            or group == 0
            or (self._bits and bits not in self._bits)
        ):
            help = f"{self._form[-1]} is a positive number, or -1 for all"
            if self._bits:
                help += f"; weight_bits one of {', '.join(map(str, self._bits))}"
            expected = f"expected a mode like {self._example()!r}"
            raise ValueError(explain(type(self).__name__, expected, describe(mode), help))
        super().__init__(mode, source_name)
        self.mode = head
        vars(self).update(numbers)

    def _example(self) -> str:
        return "/".join(
            [self._form[0], *("4" if n == "weight_bits" else "128" for n in self._form[1:])]
        )


class Int4DTypePolicy(_Grouped):
    """The policy of a layer with 4-bit weights in blocks.

    Args:
        mode: 'int4/block_size', of a positive size or -1 (a block per channel).
        source_name: see `QuantizedDTypePolicy`.
    """

    _form = ("int4", "block_size")


class GPTQDTypePolicy(_Grouped):
    """The policy of a layer quantized by GPTQ.

    Args:
        mode: 'gptq/weight_bits/group_size', of 2, 3, 4 or 8 bits, and a positive size, or -1 for
            one group.
        source_name: see `QuantizedDTypePolicy`.

    Reference:
        Frantar et al., 2022, arXiv 2210.17323.

    Example:
        >>> p = GPTQDTypePolicy("gptq/4/128", "float32")
        >>> p.name, p.weight_bits, p.group_size
        ('gptq/4/128_from_float32', 4, 128)
    """

    _form = ("gptq", "weight_bits", "group_size")
    _bits = (2, 3, 4, 8)


class AWQDTypePolicy(_Grouped):
    """The policy of a layer quantized by AWQ.

    Args:
        mode: 'awq/4/group_size', of a positive size or -1 (a group per channel).
        source_name: see `QuantizedDTypePolicy`.

    Reference:
        Lin et al., 2023, arXiv 2306.00978.
    """

    _form = ("awq", "weight_bits", "group_size")
    _bits = (4,)


_CLASSES = {
    "int8": QuantizedDTypePolicy, "int4": QuantizedDTypePolicy, "int4/": Int4DTypePolicy,
    "ternary": TernaryDTypePolicy, "float8": QuantizedFloat8DTypePolicy, "gptq": GPTQDTypePolicy,
    "gptq/": GPTQDTypePolicy, "awq": AWQDTypePolicy, "awq/": AWQDTypePolicy,
}  # fmt: skip


def by_name(name: Any) -> DTypePolicy:
    """Return the policy of a name like 'mixed_bfloat16' or 'gptq/4/128_from_float32'."""
    mode, separator, source = name.partition("_from_") if isinstance(name, str) else ("", "", "")
    if not separator:
        return DTypePolicy(name)
    base, slash, _ = mode.partition("/")
    cls = _CLASSES.get(base + slash)
    if cls is None:
        raise ValueError(unknown("quantization mode", mode, MODES))
    return cls(mode, source)
