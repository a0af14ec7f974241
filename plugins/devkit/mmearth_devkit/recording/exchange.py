"""One recorded exchange: its name, its file, and the secrets that are removed from it.

A file is one line of JSON about the request and the answer, followed by the body of the answer. Its name is a hash of
method, path and body, so that the same request finds it again, with any project or account.
"""

import hashlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import asdict, frozen

SUFFIX = ".exchange"


HIDDEN = "(not recorded)"
"""Replaces a secret."""


_PROJECT = re.compile(r"(?<=/projects/)[^/:]+")


# A Cloud project's id (https://cloud.google.com/resource-manager/docs/creating-managing-projects) or its number. A
# shorter word, as used by engines without accounts, is not a secret and may be part of any sentence.
_PROJECT_ID = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]|\d{6,}")


_TOKEN = re.compile(r"(?:\bBearer\s+|\bya29\.)[\w.~+/=-]+", re.IGNORECASE)


_MEMBER = re.compile(
    r'("(?:access_token|refresh_token|id_token|client_secret|private_key|authorization)"\s*:\s*)"(?:[^"\\]|\\.)*"',
    re.IGNORECASE,
)


@frozen
class Question:
    """A request, without what depends on the account.

    Attributes:
        method: the HTTP method.
        path: the URL's path, with the project replaced by `-`; without the query, which may contain an API key.
        body: canonical JSON, or the text as sent; may be empty.
    """

    method: str
    path: str
    body: str

    @classmethod
    def of(cls, uri: str, method: str, body: Any) -> "Question":
        """The question of an HTTP request."""
        text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body or ""
        try:
            content = json.loads(text)
            if isinstance(content, dict):
                content.pop("workloadTag", None)  # a label that does not change the answer
            text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        except ValueError:
            text = str(text)
        return cls(method, _PROJECT.sub("-", urlsplit(uri).path), text)

    @property
    def name(self) -> str:
        """The name of its file."""
        return hashlib.sha256("\n".join((self.method, self.path, self.body)).encode()).hexdigest()[:40]

    def file(self, directory: Path) -> Path:
        """Its file in a recording."""
        return directory / self.name[:2] / (self.name + SUFFIX)

    def __str__(self) -> str:
        shown = self.body if len(self.body) <= 300 else f"{self.body[:300]}..."
        return f"{self.method} {self.path} {shown}".rstrip()


@frozen
class Answer:
    """The answer to a question.

    Attributes:
        status: the HTTP status.
        content_type: the content type of the body.
        body: the body.
    """

    status: int
    content_type: str
    body: bytes


def own_project(uri: str) -> str | None:
    """The project that a request is billed to."""
    match = _PROJECT.search(urlsplit(uri).path)
    return match[0] if match else None


def without_secrets(text: str, project: str | None, token: str | None) -> str:
    """A text without credentials and without the user's project.

    Args:
        text: the text of a request or an answer.
        project: the user's project, if known.
        token: the bearer token of the request, if any.
    """
    if token:
        text = text.replace(token, HIDDEN)
    text = _MEMBER.sub(rf'\1"{HIDDEN}"', _TOKEN.sub(HIDDEN, text))
    if project:
        text = re.sub(rf"(?<=\bprojects/){re.escape(project)}(?![\w-])", "-", text)
        if _PROJECT_ID.fullmatch(project):
            text = re.sub(rf"(?<![\w-]){re.escape(project)}(?![\w-])", HIDDEN, text)
    return text


def write_exchange(
    directory: Path, question: Question, answer: Answer, project: str | None = None, token: str | None = None
) -> None:
    """Stores an exchange without secrets; safe against crashes and from many threads."""
    body = answer.body
    if answer.content_type.startswith(("application/json", "text/")):
        body = without_secrets(body.decode("utf-8", "replace"), project, token).encode()
    head = {
        **asdict(question),
        "body": without_secrets(question.body, project, token),
        "status": answer.status,
        "content_type": answer.content_type,
    }
    write_file(question.file(directory), json.dumps(head).encode() + b"\n" + body)


def write_file(path: Path, content: bytes) -> None:
    """Writes a file that readers see completely or not at all; several threads and processes may write the same one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def read_exchange(directory: Path, question: Question) -> Answer | None:
    """The recorded answer to a question, or None."""
    try:
        content = question.file(directory).read_bytes()
    except FileNotFoundError:
        return None
    head, _, body = content.partition(b"\n")
    fields = json.loads(head)
    return Answer(fields["status"], fields["content_type"], body)
