"""Requests a file, or the rest of one, from a web server; errors are either retried or final."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests
import urllib3
from attrs import frozen
from tenacity import RetryCallState, Retrying, retry_if_exception_type

from mmearth_core import __version__
from mmearth_core.errors import DatasetError, RunStoppedError

PIECE = 1 << 20
"""Maximum number of bytes read at once."""


ATTEMPTS = 6
"""Consecutive failures without a new byte after which the command stops."""


LONGEST_WAIT = 60.0
"""Maximum seconds between two attempts, unless the server requests a longer wait; never above `LONGEST_WAIT`."""


LONGEST_WAIT = 600.0
"""Maximum wait in seconds that `Retry-After` can request."""


_TIMEOUT = (20, 60)
"""Seconds to connect, and between two pieces of a body."""


_TRANSIENT = {408, 425, 429}


_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


_TOTAL = re.compile(r"bytes \*/(\d+)")


class AgainError(Exception):
    """A temporary error; `seconds` is how long the server asks to wait."""

    def __init__(self, reason: str, seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.seconds = seconds


@frozen
class Answer:
    """What a server says about a file.

    Attributes:
        start: the first byte of the body; None when the requested range is beyond the end of the file.
        size: size of the complete file in bytes; None if unknown.
        validator: a strong ETag, or the date of the last change, which identifies the version; empty without either.
    """

    start: int | None
    size: int | None
    validator: str


def new_session() -> requests.Session:
    """A session that requests the bytes of the files without compression during transfer."""
    session = requests.Session()
    session.headers.update({"Accept-Encoding": "identity", "User-Agent": f"mmearth-core/{__version__}"})
    return session


@contextmanager
def request(
    session: requests.Session, url: str, start: int | None = None, end: str = "", validator: str = ""
) -> Iterator[tuple[Answer, requests.Response]]:
    """Requests a file from byte `start` on, if it is still the version of `validator`.

    Raises:
        AgainError: for temporary errors, also while the body is read.
        DatasetError: when the server refuses permanently.
    """
    headers = {} if start is None else {"Range": f"bytes={start}-{end}"}
    if headers and validator:
        headers["If-Range"] = validator
    try:
        with session.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
            yield _answer(url, response), response
    except (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL, requests.exceptions.MissingSchema) as e:
        raise DatasetError(f"{url} is not a valid address: {e}. Set --url to a web address.") from e
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        raise AgainError(f"the connection failed ({error})") from error


def pieces(response: requests.Response) -> Iterator[bytes]:
    """Yields the pieces of a body as they arrive, so that those received before a connection breaks are kept."""
    while piece := response.raw.read1(PIECE, decode_content=False):
        yield piece


def _answer(url: str, response: requests.Response) -> Answer:
    status, headers = response.status_code, response.headers
    tag = headers.get("ETag", "")
    validator = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")
    if status in _TRANSIENT or status >= 500:
        raise AgainError(f"the server answers {status} {response.reason}", _seconds(headers.get("Retry-After", "")))
    if status == 416:
        total = _TOTAL.fullmatch(headers.get("Content-Range", ""))
        return Answer(None, int(total[1]) if total else None, validator)
    if status == 206:
        given = _RANGE.fullmatch(headers.get("Content-Range", ""))
        if not given:
            raise AgainError(f"the server sends a part without saying which ({headers.get('Content-Range')!r})")
        return Answer(int(given[1]), int(given[2]), validator)
    if status == 200:
        length = headers.get("Content-Length", "")
        return Answer(0, int(length) if length.isdigit() else None, validator)
    raise DatasetError(
        f"{url}: the server answers {status} {response.reason}. The file may have moved: see the publishers' page, "
        "and set the new address, or that of a mirror, with --url."
    )


def _seconds(text: str) -> float:
    return min(float(text), LONGEST_WAIT) if text.isdigit() else 0.0


def retry(
    url: str, action: Callable[[], Any], sleep: Callable[[float], None], reached: Callable[[], int] = lambda: 0
) -> Any:
    """Repeats an action until it succeeds, or until `ATTEMPTS` attempts in a row have brought no new bytes.

    Args:
        url: the address, for the error.
        action: raises `AgainError` to be repeated.
        sleep: waits for a number of seconds.
        reached: the number of bytes so far; the count of attempts restarts when it grows.

    Returns:
        The result of `action`.

    Raises:
        RunStoppedError: after too many attempts.
    """
    best, failures = reached(), 0

    def count(_state: RetryCallState) -> None:
        nonlocal best, failures
        now = reached()
        failures = 1 if now > best else failures + 1
        best = max(best, now)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked_for = error.seconds if isinstance(error, AgainError) else 0.0
        return max(asked_for, min(2.0 ** (failures - 1), LONGEST_WAIT))

    retrying = Retrying(
        retry=retry_if_exception_type(AgainError),
        after=count,
        wait=wait,
        stop=lambda _state: failures >= ATTEMPTS,
        sleep=sleep,
        reraise=True,
    )
    try:
        return retrying(action)
    except AgainError as error:
        raise RunStoppedError(
            f"{url}: {error}; {failures} attempts in a row brought no new bytes. The downloaded part is kept: rerun "
            "the command to continue, later or with another --url."
        ) from error
