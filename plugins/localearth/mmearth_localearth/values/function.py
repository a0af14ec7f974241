"""Functions as values: what map, iterate and their kin are given."""

from collections.abc import Callable
from typing import Any

from attrs import frozen


@frozen(eq=False)
class Function:
    """A function of an expression, or a named algorithm passed as a value.

    Attributes:
        arity: how many arguments it takes.
        call: calls it, with arguments in order.
        names: of its arguments, where a caller may name them.
    """

    arity: int
    call: Callable[..., Any]
    names: tuple[str, ...] = ()


@frozen
class ErrorMargin:
    """How much a geometry may be off. Accepted everywhere; nothing here is off by more than rounding."""

    value: float | None = None
    unit: str = "meters"

    def info(self) -> dict[str, Any]:
        """As `getInfo` shows it."""
        return {"type": "ErrorMargin", "unit": self.unit, "value": self.value}
