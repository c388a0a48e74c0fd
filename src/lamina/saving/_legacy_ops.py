"""Operations on tensors in graphs of Keras 2.4 to 2.15, where each was a layer `TFOpLambda`."""

from collections.abc import Mapping
from typing import Any


def modern_op_call(
    record: Mapping[str, Any], args: list[Any], kwargs: dict[str, Any]
) -> dict[str, Any]:
    return {"args": args, "kwargs": kwargs}
