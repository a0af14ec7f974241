"""Errors: of a request, in Google's form, and of a world or a fault rule that cannot be used."""

from localearth.answer import Answer, json_answer

_STATUS = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 405: "INVALID_ARGUMENT", 500: "INTERNAL", 501: "UNIMPLEMENTED"}


class SetupError(Exception):
    """A world cannot be opened or served: it does not exist, or a package with its data is not installed.

    The message says what was found, what is allowed and what to do.
    """


class InputError(SetupError, ValueError):
    """A manifest, a raster, a fault rule or a tiles file is wrong."""


class EarthEngineError(Exception):
    """A request is answered with an error in Earth Engine's form.

    Attributes:
        message: the message that the client shows.
        status: the HTTP status.
        placed: whether the message already begins with the function's name.
    """

    def __init__(self, message: str, status: int = 400, placed: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.placed = placed

    def at(self, function: str) -> "EarthEngineError":
        """This error with the function's name in front, unless the message already has one."""
        if self.placed:
            return self
        separator = ", " if self.message.startswith("argument") else ": "
        return EarthEngineError(f"{function}{separator}{self.message}", self.status, placed=True)

    def answer(self) -> Answer:
        """The response, in Google's form."""
        error = {"code": self.status, "message": self.message, "status": _STATUS.get(self.status, "UNKNOWN")}
        return json_answer({"error": error}, self.status)
