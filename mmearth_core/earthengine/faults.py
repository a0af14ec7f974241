"""The faults of Earth Engine: what a failed request means, and what is done about it."""

import re
from enum import StrEnum
from typing import Any

import google.auth.exceptions
from attrs import frozen
from googleapiclient.errors import HttpError

from mmearth_core.errors import AccessLostError, PixelError


class Action(StrEnum):
    """What to do about a fault.

    Attributes:
        RETRY: the fault passes: send the same request again later.
        SLOW_DOWN: too many requests at once, or a server without room for more: reduce their number, then send the same
            request again.
        REPEAT: the answer cannot be used: send the same request again a few times, then give it up.
        SPLIT: the request is too large: smaller requests may succeed.
        REFUSE: the request is wrong: it fails however often it is sent.
        STOP: no request can succeed: credentials, project, access or quota are lost.
    """

    RETRY = "retry"
    SLOW_DOWN = "slow down"
    REPEAT = "repeat"
    SPLIT = "split"
    REFUSE = "refuse"
    STOP = "stop"


@frozen
class Fault:
    """A classified failure of a request.

    Attributes:
        action: what to do.
        message: the message of the server or of the network.
        label: the kind of fault in one or two words, used for counting.
        suspect: whether the request itself is the cause if the fault lasts while other requests are answered.
        splits: whether smaller requests are worth a try if the fault lasts.
        wait: seconds that the server asks to wait; 0 if it does not say.
        has_answer: whether the server answered; False for failures of the network.
    """

    action: Action
    message: str
    label: str
    suspect: bool = False
    splits: bool = False
    wait: float = 0.0
    has_answer: bool = True

    @property
    def is_passing(self) -> bool:
        """Whether the same request may succeed later."""
        return self.action in (Action.RETRY, Action.SLOW_DOWN, Action.REPEAT)

    @property
    def remedy(self) -> str:
        """What to do if no request can succeed; ends in a comma."""
        return _REMEDIES.get(self.label, _REMEDIES["no access"])


class GarbledError(ConnectionError):
    """An answer that was changed on its way: it is truncated, or not of the requested type."""


@frozen
class _Rule:
    """One row of the table: matches a message with this pattern, of an answer with this status if one is given."""

    action: Action
    label: str
    pattern: str = ""
    status: int | None = None
    suspect: bool = False
    splits: bool = False


# The first row that matches decides. A 429 whose text says that a quota is used up must stop the run, so rows with
# texts come before the row of the status alone. Google's messages and codes:
# https://developers.google.com/earth-engine/guides/usage, .../guides/debugging, .../guides/cost_controls;
# "must be less than or equal to" is what computePixels says of sizes (github.com/google/Xee, issues 50 and 85). "Earth
# Engine memory capacity exceeded." was reported after thousands of requests, and not for a large one
# (github.com/openearth/hydro-engine/issues/35). 499 is Google's status for a cancelled request, 409 for an aborted one
# (https://cloud.google.com/apis/design/errors).
_RULES = (
    _Rule(Action.REFUSE, "no such asset", r"not found \(does not exist or caller does not have access\)"),
    _Rule(Action.SPLIT, "memory limit", r"memory limit exceeded|out of memory"),
    _Rule(Action.SPLIT, "timed out computation", r"computation timed out"),
    _Rule(Action.SPLIT, "request too large", r"(request size|grid dimensions).* must be less than or equal to"),
    _Rule(Action.SPLIT, "request too large", r"(payload|response) size exceeds|too (large|many (bands|pixels|nodes))"),
    _Rule(Action.SPLIT, "request too large", status=413),
    _Rule(Action.SLOW_DOWN, "429", r"rate ?limit ?exceeded|too many (concurrent|requests)|concurrency limit"),
    _Rule(Action.SLOW_DOWN, "429", r"quota.*per.?(second|minute|100 seconds)|resource has been exhausted"),
    _Rule(Action.SLOW_DOWN, "capacity", r"memory capacity exceeded", splits=True),
    _Rule(Action.SLOW_DOWN, "capacity", r"capacity exceeded"),
    _Rule(Action.RETRY, "busy", r"try again|temporarily unavailable"),
    _Rule(Action.RETRY, "internal error", r"an internal (server )?error has occurred", suspect=True),
    _Rule(Action.STOP, "daily quota", r"exceeded the custom quota|quota exceeded.*per day"),
    _Rule(Action.STOP, "quota", r"quota (is )?(exceeded|exhausted)|(exceeded|exhausted).*quota"),
    _Rule(Action.STOP, "credentials", status=401),
    _Rule(Action.STOP, "no access", status=403),
    _Rule(Action.SLOW_DOWN, "429", status=429),
    _Rule(Action.RETRY, "408", status=408),
    _Rule(Action.RETRY, "409", status=409),
    _Rule(Action.RETRY, "499", status=499),
    _Rule(Action.RETRY, "500", status=500, suspect=True),
    _Rule(Action.RETRY, "502", status=502),
    _Rule(Action.RETRY, "503", status=503),
    _Rule(Action.RETRY, "504", status=504),
)

# Names of assets, bands and properties in a message, which say nothing about the fault: a band may have the name "rate
# limit exceeded". They are in quotes, in lists in brackets, or the id of an element in `map`. The names of quotas are
# kept, as they say for which period a quota is.
_NAMES = re.compile(
    r"""(?P<quota>(quota\ metric|and\ limit)\ '[^']*')
    | (?<!\w)(?P<quote>['"`]).*?(?P=quote)(?!\w)
    | \[[^\]]*\]
    | \(ID=[^)]*\)""",
    re.VERBOSE | re.DOTALL,
)

# What to do, by label; each ends in a comma, as "and run the same command again" follows.
_REMEDIES = {
    "credentials": "Log in again with `earthengine authenticate`, or renew the service account's key,",
    "no access": "Check that the project exists, is registered for Earth Engine, and that your account may use it,",
    "daily quota": (
        "Wait until tomorrow, when this daily quota starts again, or ask the project's administrator to raise it in "
        "the Google Cloud console (https://developers.google.com/earth-engine/guides/cost_controls),"
    ),
    "quota": (
        "Wait until the project's quota is renewed, choose a higher tier "
        "(https://developers.google.com/earth-engine/guides/noncommercial_tiers), or set another project,"
    ),
}


def access_lost(fault: Fault) -> AccessLostError:
    """Says why no request can succeed any more, and what to do; `fault` is one with the action STOP."""
    problem = f"Earth Engine no longer answers this run: {fault.message.rstrip('. ')}."
    return AccessLostError(f"{problem} {fault.remedy} and run the same command again; {KEPT}")


KEPT = "what is done is kept."

# The meaning of the header `x-earth-engine-quota-status: parallelism_restricted=true` of an answer.
RESTRICTED = "Earth Engine answers in restricted mode, which is slower: this month's noncommercial quota is used up."


def restricted() -> AccessLostError:
    """The error of a run that is to stop in restricted mode."""
    choice = 'The run stops for that, as `when_restricted` in [run] is "stop".'
    advice = f'{_REMEDIES["quota"]} or set `when_restricted = "continue"`, and run the same command again'
    return AccessLostError(f"{RESTRICTED} {choice} {advice}; {KEPT}")


def classify(error: BaseException) -> Fault | None:
    """Finds out what a failed request means.

    Args:
        error: raised by the `ee` client, the transport, the check of an answer or `google.auth`.

    Returns:
        The fault, or None if the error is not about a request but a bug.
    """
    import ee

    text = str(error) or type(error).__name__
    if isinstance(error, PixelError):
        return Fault(Action.REPEAT, text, "wrong pixels")
    if isinstance(error, GarbledError):
        return Fault(Action.REPEAT, text, "garbled answer", has_answer=False)
    if isinstance(error, TimeoutError):
        return Fault(Action.RETRY, text, "no answer in time", has_answer=False)
    if isinstance(error, google.auth.exceptions.TransportError | ConnectionError):
        return Fault(Action.RETRY, text, "connection", has_answer=False)
    if isinstance(error, google.auth.exceptions.GoogleAuthError):
        # Passing if Google, or the metadata server of a cloud machine, cannot renew the token just now; otherwise the
        # credentials are no longer valid. `google.auth` calls the errors of that server not retryable.
        passes = error.retryable or isinstance(error.__cause__, google.auth.exceptions.TransportError)
        action = Action.RETRY if passes else Action.STOP
        return Fault(action, str(*error.args[:1]) or text, "credentials")  # Google's whole answer may follow
    if isinstance(error, HttpError):  # in some places `ee` passes on the errors of its HTTP library
        return _classify_answer(error.resp, error.reason or text)
    if isinstance(error, ee.EEException):  # elsewhere it replaces them, and the response survives in the context only
        return _classify_answer(getattr(error.__context__, "resp", None), text)
    return None


def _classify_answer(response: Any, text: str) -> Fault:
    """Looks up an answer in the table; `response` is None if `ee` raised the error before it sent anything."""
    status, wait = None, ""
    if response is not None:
        # `retry-after` may also be a date, which no Google service sends.
        status, wait = int(response.status), response.get("retry-after", "")
    plain = _NAMES.sub(lambda match: match["quota"] or "''", text)
    for rule in _RULES:
        if rule.status in (None, status) and re.search(rule.pattern, plain, re.IGNORECASE):
            seconds = float(wait) if wait.isdecimal() else 0.0
            return Fault(rule.action, text, rule.label, rule.suspect, rule.splits, seconds)
    return Fault(Action.REFUSE, text, "refused")
