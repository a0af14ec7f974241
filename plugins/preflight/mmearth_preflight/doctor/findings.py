"""Findings of the doctor: one per check, without credentials."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from mmearth_core.errors import MMEarthError, RequestError


class State(StrEnum):
    """The result of a check.

    Attributes:
        OK: as it should be.
        WARNING: a download works, but something deserves attention.
        FAILED: a download would fail, or its values would be wrong.
        SKIPPED: not checked; the text says why.
    """

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@frozen
class Finding:
    """The result of one check.

    Attributes:
        check: what was checked.
        state: the result.
        text: what was found.
        remedy: what to do about it; empty if there is nothing to do, or the text says it.
    """

    check: str
    state: State
    text: str
    remedy: str = ""

    def to_json(self) -> dict[str, str]:
        """As JSON."""
        return {name: str(value) for name, value in asdict(self).items()}


class Findings:
    """Collects findings, and removes credentials from them.

    Attributes:
        all: the findings so far.
        secrets: texts that never appear in a finding.
    """

    def __init__(self, on_start: Callable[[str], object], on_finding: Callable[[Finding], object]) -> None:
        """Starts with the secrets of the environment.

        Args:
            on_start: called with the name of a check that starts.
            on_finding: called with each finding.
        """
        self.all: list[Finding] = []
        self.secrets = set(environment_secrets())
        self._on_start = on_start
        self._on_finding = on_finding

    def add(self, check: str, state: State, text: str, remedy: str = "") -> None:
        """Adds a finding; lines are joined."""
        shown = (" ".join(hide(each, self.secrets).split()) for each in (text, remedy))
        self.all.append(Finding(check, state, *shown))
        self._on_finding(self.all[-1])

    def ok(self, check: str, text: str) -> None:
        """Adds the finding of a check that is as it should be."""
        self.add(check, State.OK, text)

    def warn(self, check: str, text: str, remedy: str) -> None:
        """Adds a warning."""
        self.add(check, State.WARNING, text, remedy)

    def fail(self, check: str, text: str, remedy: str = "") -> None:
        """Adds a failure; the text of an error of this project has its remedy already."""
        self.add(check, State.FAILED, text, remedy)

    def skip(self, check: str, text: str) -> None:
        """Adds a check that was not made."""
        self.add(check, State.SKIPPED, text)

    @contextmanager
    def check(self, name: str, remedy: str = "Please report this with the whole output.") -> Iterator[None]:
        """Makes one check: whatever it raises is a failure, and the next checks are made all the same.

        Args:
            name: of the check.
            remedy: for an error that does not say what to do.
        """
        self._on_start(name)
        try:
            yield
        except RequestError as error:  # the text is Earth Engine's, which says no remedy
            self.fail(name, str(error), remedy)
        except MMEarthError as error:
            self.fail(name, str(error))
        except Exception as error:  # noqa: BLE001 - a plugin, a driver or the network may raise anything
            self.fail(name, f"{type(error).__name__}: {error}", remedy)


HIDDEN = "(hidden)"

_SECRET_NAME = re.compile(r"token|secret|passw|credential|private|api_?key|auth", re.IGNORECASE)
"""Names of environment variables whose value may be a credential."""

_SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"
    r"|\bya29\.[\w.-]+|\b1//[\w-]{8,}|\bAIza[\w-]{8,}|\bGOCSPX-[\w-]+|\beyJ[\w-]+\.[\w-]+(?:\.[\w-]+)?"
    r"|(?<=://)[^/\s@]+(?=@)",
    re.DOTALL,
)
"""Private keys, Google's tokens and keys, signed tokens, and the user and password in an address."""

_NAMED = re.compile(
    r"""((?:bearer|basic)\s+|(?:token|secret|private_key\w*|password|api_?key|assertion)["']?\s*[:=]\s*["']?)"""
    r"""[^\s"',&}]{6,}""",
    re.IGNORECASE,
)
"""A credential after its name, as in `refresh_token=...` and `Authorization: Bearer ...`."""


def environment_secrets() -> Iterator[str]:
    """Values of environment variables that are named like a credential; paths of files are none."""
    for name, value in os.environ.items():
        if _SECRET_NAME.search(name) and len(value) >= 6 and not Path(value[:1000]).expanduser().exists():
            yield value


def credential_secrets(credentials: Any) -> Iterator[str]:
    """The secret parts of credentials of `google.auth`."""
    for name in ("token", "_token", "refresh_token", "_refresh_token", "client_secret", "_client_secret", "_id_token"):
        value = getattr(credentials, name, None)
        if isinstance(value, str) and value:
            yield value


def hide(text: str, secrets: set[str]) -> str:
    """Text without credentials.

    Args:
        text: any text.
        secrets: known credentials.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return _NAMED.sub(rf"\1{HIDDEN}", _SECRETS.sub(HIDDEN, text))
