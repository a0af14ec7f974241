"""What a failed request means, and so what to do about it: the one table of Earth Engine's errors."""

import re
from enum import StrEnum

import google.auth.exceptions
from attrs import frozen
from googleapiclient.errors import HttpError

from mmearth_core.errors import PixelError


class Action(StrEnum):
    """What to do about a fault."""

    RETRY = "retry"
    """Passing: the same request may succeed later."""
    SLOW_DOWN = "slow down"
    """Passing, and a sign that too much is asked at once: fewer requests at a time, then again."""
    REPEAT = "repeat"
    """The answer cannot be used: asked again a few times, then the request is refused."""
    SPLIT = "split"
    """Too much in one request: its parts may succeed."""
    REFUSE = "refuse"
    """The request itself cannot succeed; repeated as it is, it fails again."""
    STOP = "stop"
    """No request can succeed: credentials, project, access or quota are gone."""


AGAIN = (Action.RETRY, Action.SLOW_DOWN, Action.REPEAT)
"""The remedies that send the same request again."""


@frozen
class Fault:
    """A classified failure.

    Attributes:
        remedy: what to do.
        message: what the server or the network said.
        label: the kind in a word or two, to count by.
        suspect: whether a passing fault that does not pass may be the request's own, as other requests are answered.
        wait: seconds that the server asks to wait; 0 when it does not say.
    """

    remedy: Action
    message: str
    label: str
    suspect: bool = False
    wait: float = 0.0


class GarbledError(ConnectionError):
    """An answer that is not Earth Engine's: cut short, or not of the kind asked for."""


@frozen
class _Rule:
    """One row: when its pattern is in the message and its status, if any, is the answer's, the fault is this."""

    remedy: Action
    label: str
    pattern: str = ""
    status: int | None = None
    suspect: bool = False


# The first row that matches decides. Google's words and codes:
# https://developers.google.com/earth-engine/guides/usage, .../guides/debugging, .../guides/noncommercial_tiers;
# "must be less than or equal to" is what computePixels says of sizes (github.com/google/Xee, issues 50 and 85).
_RULES: tuple[_Rule, ...] = (
    _Rule(Action.SPLIT, "memory limit", r"memory limit exceeded|out of memory|memory capacity"),
    _Rule(Action.SPLIT, "timed out computation", r"computation timed out"),
    _Rule(Action.SPLIT, "request too large", r"(request size|grid dimensions).* must be less than or equal to"),
    _Rule(Action.SPLIT, "request too large", r"(payload|response) size exceeds|too (large|many (bands|pixels|nodes))"),
    _Rule(Action.SPLIT, "request too large", status=413),
    _Rule(Action.SLOW_DOWN, "429", r"rate.?limit|too many (concurrent|requests)|concurrency limit"),
    _Rule(Action.SLOW_DOWN, "429", r"quota.*per.?(second|minute|100 seconds)|resource has been exhausted"),
    _Rule(Action.RETRY, "capacity", r"capacity|try again|temporarily unavailable"),
    _Rule(Action.RETRY, "internal error", r"an internal error has occurred", suspect=True),
    _Rule(Action.STOP, "quota", r"quota (is )?(exceeded|exhausted)|(exceeded|exhausted).*quota|restricted mode"),
    _Rule(Action.STOP, "credentials", status=401),
    _Rule(Action.REFUSE, "no such asset", r"not found \(does not exist or caller does not have access\)", 403),
    _Rule(Action.STOP, "no access", status=403),
    _Rule(Action.SLOW_DOWN, "429", status=429),
    _Rule(Action.RETRY, "408", status=408),
    _Rule(Action.RETRY, "500", status=500, suspect=True),
    _Rule(Action.RETRY, "502", status=502),
    _Rule(Action.RETRY, "503", status=503),
    _Rule(Action.RETRY, "504", status=504),
)


_MEND = {
    "credentials": "Log in anew with `earthengine authenticate`, or renew the service account's key,",
    "no access": "Check that the project exists, is registered for Earth Engine, and that your account may use it,",
    "quota": (
        "Wait until the project's quota is renewed, choose a higher tier "
        "(https://developers.google.com/earth-engine/guides/noncommercial_tiers), or set another project,"
    ),
}


def stopped_by(fault: Fault) -> str:
    """The paragraph that tells a user why no request can succeed any more, and what to do."""
    said = fault.message.rstrip(". ")
    mend = _MEND.get(fault.label, "Mend that")
    return f"Earth Engine no longer answers this run: {said}. {mend} and run the same command again; {KEPT}"


KEPT = "what is done is kept."


RESTRICTED = Fault(
    Action.STOP,
    "the project has used up its noncommercial quota and is in restricted mode",
    "quota",
)
"""What the answer's header `x-earth-engine-quota-status: parallelism_restricted=true` says."""


def classify(error: BaseException) -> Fault | None:
    """Says what a failed request means.

    Args:
        error: what the `ee` client, the transport, the check of an answer or `google.auth` raised.

    Returns:
        The fault, or None when the error is not about a request: a defect, to be seen as one.
    """
    import ee

    text = str(error) or type(error).__name__
    if isinstance(error, PixelError):
        return Fault(Action.REPEAT, text, "wrong pixels")
    if isinstance(error, GarbledError):
        return Fault(Action.REPEAT, text, "garbled answer")
    if isinstance(error, TimeoutError):
        return Fault(Action.RETRY, text, "no answer in time")
    if isinstance(error, google.auth.exceptions.TransportError | ConnectionError):
        return Fault(Action.RETRY, text, "connection")
    if isinstance(error, google.auth.exceptions.GoogleAuthError):
        # A token that cannot be renewed just now; any other is gone for good.
        passing = getattr(error, "retryable", False)
        return Fault(Action.RETRY if passing else Action.STOP, text, "credentials")
    if isinstance(error, HttpError):  # as it is where `ee` passes on what its transport library raises
        return _of_answer(int(error.resp.status), error.reason or text, error.resp)
    if isinstance(error, ee.EEException):
        return _of_answer(http_status(error), text, getattr(error.__context__, "resp", None))
    return None


def http_status(error: BaseException) -> int | None:
    """The HTTP status that an `ee.EEException` hides: it survives only in its context."""
    response = getattr(error.__context__, "resp", None)
    return int(response.status) if response is not None else None


def _of_answer(status: int | None, text: str, response: object) -> Fault:
    for rule in _RULES:
        if rule.status in (None, status) and re.search(rule.pattern, text, re.IGNORECASE):
            return Fault(rule.remedy, text, rule.label, rule.suspect, _retry_after(response))
    return Fault(Action.REFUSE, text, "refused")


def _retry_after(response: object) -> float:
    """Seconds of the header `Retry-After`; it may be a date as well, which no Google service sends."""
    said = response.get("retry-after", "") if isinstance(response, dict) else ""
    return float(said) if str(said).isdecimal() else 0.0
