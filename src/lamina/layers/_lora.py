"""LoRA: training a small correction of a large frozen weight."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from lamina import initializers
from lamina._core.errors import explain
from lamina._core.state import Variable


class LowRank:
    """What layers with one large weight share: weight + alpha / rank * a @ b, with a and b small.

    Mixed into a Layer that keeps its weight as `_kernel` or `_embeddings`.

    Reference:
        Hu et al., 2021, arXiv 2106.09685.
    """

    _adapted: str  # 'kernel' or 'embeddings'
    add_weight: Any
    name: str
    built: bool
    lora_rank: int | None
    lora_alpha: float | None
    lora_enabled: bool = False

    def _weight(self) -> Variable:
        if not self.built:
            raise AttributeError(
                explain(
                    f"{self.name}.{self._adapted}",
                    "expected a built layer",
                    "one whose weights do not exist yet",
                    "call it on data, or call build(input_shape)",
                )
            )
        return getattr(self, f"_{self._adapted}")

    def _effective(self, cast: bool = True) -> Any:
        """Return the weight with its correction, in the compute dtype."""
        weight = self._weight()
        value = weight.value if cast else weight.raw()
        if not self.lora_enabled:
            return value
        a, b = self._factors()
        a, b = (a.value, b.value) if cast else (a.raw(), b.raw())
        scale = self.lora_alpha / self.lora_rank  # type: ignore[operator]
        return (value + scale * jnp.matmul(a, b)).astype(value.dtype)  # (..., I, r) (r, O)

    def _factors(self) -> tuple[Variable, Variable]:
        return (
            getattr(self, f"lora_{self._adapted}_a"),
            getattr(self, f"lora_{self._adapted}_b"),
        )

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Freeze the large weight, and train a correction of rank `rank` in its place.

        Args:
            rank: columns of a and rows of b.
            lora_alpha: the correction is scaled by lora_alpha / rank (default: by 1).
            a_initializer, b_initializer: where the two factors start; with b at zero, training
                starts from the layer as it is.

        Raises:
            ValueError: the layer is not built, has a constraint, or has LoRA already.
        """
        weight = self._lora_target()
        shape = weight.shape
        common = {"dtype": "float32", "regularizer": getattr(self, f"{self._adapted}_regularizer")}
        a = self.add_weight(
            name=f"lora_{self._adapted}_a",
            shape=(*shape[:-1], rank),
            initializer=initializers.get(a_initializer),
            **common,
        )
        b = self.add_weight(
            name=f"lora_{self._adapted}_b",
            shape=(rank, shape[-1]),
            initializer=initializers.get(b_initializer),
            **common,
        )
        setattr(self, f"lora_{self._adapted}_a", a)
        setattr(self, f"lora_{self._adapted}_b", b)
        weight.trainable = False
        self.lora_enabled = True
        self.lora_rank = rank
        self.lora_alpha = rank if lora_alpha is None else lora_alpha

    def _lora_target(self) -> Variable:
        """Return the weight to freeze, or say why it cannot be."""
        expected = got = help = ""
        if not self.built:
            expected, got = "expected a built layer", "one whose weights do not exist yet"
            help = "call it on data, or call build(input_shape), first"
        elif self.lora_enabled:
            expected, got = "expected a layer without LoRA", f"one of rank {self.lora_rank}"
            help = "it can be enabled once; make a new layer for another rank"
        elif getattr(self, f"{self._adapted}_constraint") is not None:
            expected = f"expected no `{self._adapted}_constraint`: it cannot hold for a sum"
            got, help = "a layer with one", "make the layer without it"
        if expected:
            raise ValueError(explain(f"{self.name}.enable_lora", expected, got, help))
        return self._weight()

    def save_own_variables(self, store: Any) -> None:
        """Put the layer's own weights into `store`, numbered; a LoRA correction is added in."""
        if not self.lora_enabled:
            super().save_own_variables(store)  # type: ignore[misc]
            return
        for i, variable in enumerate(self._merged_variables()):
            merged = variable is self._weight()
            store[str(i)] = np.asarray(self._effective(cast=False) if merged else variable.raw())

    def load_own_variables(self, store: Any) -> None:
        """Take the layer's own weights from `store`; a LoRA correction starts from zero."""
        if not self.lora_enabled:
            super().load_own_variables(store)  # type: ignore[misc]
            return
        for i, variable in enumerate(self._merged_variables()):
            variable.assign(np.asarray(store[str(i)]))
        for factor in self._factors():
            factor.assign(np.zeros(factor.shape, "float32"))

    def _merged_variables(self) -> list[Variable]:
        factors = {id(f) for f in self._factors()}
        return [v for v in self._own_weights() if id(v) not in factors]  # type: ignore[attr-defined]

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()  # type: ignore[misc]
        for name in ("lora_rank", "lora_alpha"):
            config.pop(name, None)
            if self.lora_rank:
                config[name] = getattr(self, name)
        return config
