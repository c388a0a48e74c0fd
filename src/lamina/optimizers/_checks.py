"""What constructors of optimizers check, beyond the checks that all of the library shares."""

from typing import Annotated

from lamina._core.configurable import Check, is_integer, is_real

NotNegative = Annotated[float, Check("a number of 0 or more", lambda x: is_real(x) and x >= 0)]
NotPositive = Annotated[float, Check("a number of 0 or less", lambda x: is_real(x) and x <= 0)]
PositiveFraction = Annotated[
    float, Check("a number above 0, up to 1", lambda x: is_real(x) and 0 < x <= 1)
]
PositiveNumber = Annotated[float, Check("a number above 0", lambda x: is_real(x) and x > 0)]
Every = Annotated[int, Check("an integer of 1 or more", lambda x: is_integer(x) and x >= 1)]
Several = Annotated[int, Check("an integer of 2 or more", lambda x: is_integer(x) and x >= 2)]
