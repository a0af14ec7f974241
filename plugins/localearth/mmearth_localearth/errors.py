"""The one error of the evaluator, and Google's JSON form of it."""

from typing import Any

_STATUS = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 405: "INVALID_ARGUMENT", 500: "INTERNAL"}


class EarthEngineError(Exception):
    """A request that is answered with an error, in Earth Engine's own form.

    Attributes:
        message: what the client shows to the user.
        status: the HTTP status.
        placed: whether the message already names the function that it comes from.
    """

    def __init__(self, message: str, status: int = 400, placed: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.placed = placed

    def at(self, function: str) -> "EarthEngineError":
        """This error with the function's name in front, unless it names one already."""
        if self.placed:
            return self
        return EarthEngineError(f"{function}: {self.message}", self.status, placed=True)

    def body(self) -> dict[str, Any]:
        """The JSON object that Google answers with."""
        return {
            "error": {
                "code": self.status,
                "message": self.message,
                "status": _STATUS.get(self.status, "UNKNOWN"),
            }
        }
