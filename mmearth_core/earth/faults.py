"""What a failed request means: try again, blame the request, or stop the run. One table."""

import re
from enum import StrEnum

import google.auth.exceptions
from attrs import frozen
from googleapiclient.errors import HttpError


class Remedy(StrEnum):
    """What to do about a fault."""

    RETRY = "retry"
    """Passing: the same request may succeed later."""
    REFUSE = "refuse"
    """The request itself cannot succeed; repeated as it is, it fails again."""
    STOP = "stop"
    """No request can succeed: credentials, project or access are gone."""


@frozen
class Fault:
    """A classified failure.

    Attributes:
        remedy: what to do.
        message: what the server or the network said.
    """

    remedy: Remedy
    message: str


# Google's words and codes, see https://developers.google.com/earth-engine/guides/usage and
# .../guides/debugging; the first rule that matches decides.
_RULES: tuple[tuple[str, int | None, Remedy], ...] = (
    (r"rate limit|too many (concurrent|requests)|quota.*per (second|minute)", None, Remedy.RETRY),
    (r"an internal error has occurred|try again|capacity|temporarily unavailable", None, Remedy.RETRY),
    (r"user memory limit exceeded|computation timed out", None, Remedy.REFUSE),
    (r"quota exceeded|exceeded.*quota", None, Remedy.STOP),
    (r"", 401, Remedy.STOP),
    (r"not found \(does not exist or caller does not have access\)", None, Remedy.REFUSE),
    (r"", 403, Remedy.STOP),
    (r"", 429, Remedy.RETRY),
    (r"", 408, Remedy.RETRY),
    (r"", 500, Remedy.RETRY),
    (r"", 502, Remedy.RETRY),
    (r"", 503, Remedy.RETRY),
    (r"", 504, Remedy.RETRY),
)


def classify(error: Exception) -> Fault | None:
    """Says what a failed request means.

    Args:
        error: what the `ee` client, the transport or `google.auth` raised.

    Returns:
        The fault, or None when the error is not about a request: a defect, to be seen as one.
    """
    import ee

    text = str(error) or type(error).__name__
    if isinstance(error, google.auth.exceptions.TransportError | TimeoutError | ConnectionError):
        return Fault(Remedy.RETRY, text)
    if isinstance(error, google.auth.exceptions.GoogleAuthError):
        # A token that cannot be renewed just now; any other is gone for good.
        return Fault(Remedy.RETRY if getattr(error, "retryable", False) else Remedy.STOP, text)
    status: int | None
    if isinstance(error, HttpError):  # as it is where `ee` passes on what its transport library raises
        status, text = int(error.resp.status), error.reason or text
    elif isinstance(error, ee.EEException):
        status = http_status(error)
    else:
        return None
    for pattern, code, remedy in _RULES:
        if (code is None or code == status) and re.search(pattern, text, re.IGNORECASE):
            return Fault(remedy, text)
    return Fault(Remedy.REFUSE, text)


def http_status(error: BaseException) -> int | None:
    """The HTTP status that an `ee.EEException` hides: it survives only in its context."""
    response = getattr(error.__context__, "resp", None)
    return int(response.status) if response is not None else None
