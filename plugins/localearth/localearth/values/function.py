"""Functions as values: the arguments of map, iterate and the like."""

from collections.abc import Callable
from typing import Any

from attrs import frozen

from localearth.errors import EarthEngineError
from localearth.values.projection import whole

INFINITE = 2.0e7
"""Metres from which an error margin is infinite."""


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

    @classmethod
    def of(cls, value: float | None, unit: str) -> "ErrorMargin":
        """The margin of a value: its size, and infinite from 2.0e7 (the API sample ee_errormargin).

        Raises:
            EarthEngineError: for an unknown unit.
        """
        if unit not in ("meters", "projected", "infinite"):
            raise EarthEngineError(f"argument 'unit': '{unit}' is unknown; units are meters, projected and infinite.")
        if unit == "infinite" or (value is not None and abs(value) >= INFINITE):
            return cls(None, "infinite")
        return cls(None if value is None else abs(value), unit)

    def info(self) -> dict[str, Any]:
        """As `getInfo` shows it."""
        shown: dict[str, Any] = {"type": "ErrorMargin", "unit": self.unit}
        return shown if self.value is None else {**shown, "value": whole(self.value)}
