"""Functions as values: the arguments of map, iterate and the like."""

from collections.abc import Callable
from typing import Any

from attrs import frozen


@frozen(eq=False)
class Function:
    """A function of an expression, or a named algorithm passed as a value.

    Attributes:
        arity: the number of its arguments.
        call: calls it with arguments in order.
        names: the names of its arguments, if a caller may use them.
    """

    arity: int
    call: Callable[..., Any]
    names: tuple[str, ...] = ()


@frozen
class ErrorMargin:
    """The allowed error of a geometry. Accepted everywhere and ignored, because errors here are rounding errors."""

    value: float | None = None
    unit: str = "meters"

    def info(self) -> dict[str, Any]:
        """As `getInfo` shows it."""
        return {"type": "ErrorMargin", "unit": self.unit, "value": self.value}
