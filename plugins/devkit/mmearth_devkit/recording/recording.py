"""Stores every request of a run with its answer in a folder, and answers from it.

Refused access and temporary faults are not stored: they do not depend on the request, may contain the user's account,
and would be retried without effect.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httplib2
from attrs import frozen

from mmearth_core import Connection, Engine, Transport, WrappedEngine
from mmearth_core.errors import EngineError
from mmearth_devkit.recording.exchange import Answer, Question, own_project, read_exchange, write_exchange, write_file

INDEX = "recording.json"
"""The file that marks a folder as a recording."""


FORMAT = 1


_DEFAULT_HOST = "earthengine.googleapis.com"
"""Where the `ee` client sends its requests when a connection names no endpoint."""


_API = ("/v1/projects/", "/v1alpha/projects/", "/v1beta/projects/", "/$discovery/")


@frozen
class Recording:
    """A folder with exchanges.

    Attributes:
        directory: the folder.
        source: the recorded engine's source.
    """

    directory: Path
    source: str

    @classmethod
    def open(cls, directory: Path) -> "Recording":
        """Opens an existing recording.

        Raises:
            EngineError: when the folder is not a recording, or was written by another version.
        """
        path = directory / INDEX
        try:
            index = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise EngineError(
                f"{directory} is not a recording: {INDEX} cannot be read there ({error.strerror}). Give the "
                "folder that `--engine record:FOLDER` wrote."
            ) from error
        except ValueError as error:
            raise EngineError(f"{path} is damaged: {error}. Record the run again into another folder.") from error
        if not isinstance(index, dict) or index.get("format") != FORMAT or not isinstance(index.get("source"), str):
            raise EngineError(
                f"{path} does not have the format that this version writes ({FORMAT}). Replay it with the version that "
                "wrote it, or record the run again."
            )
        return cls(directory, index["source"])

    @classmethod
    def begin(cls, directory: Path, source: str) -> "Recording":
        """Opens a recording to add to; creates it if it does not exist.

        Raises:
            EngineError: when the folder contains something else, or exchanges with another source.
        """
        if (directory / INDEX).exists():
            existing = cls.open(directory)
            if existing.source != source:
                raise EngineError(
                    f"{directory} is a recording of {existing.source!r}, and this run uses {source!r}. Record into "
                    "another folder."
                )
            return existing
        # A hidden file may be the index that another shard of the run is currently writing.
        if directory.exists() and (not directory.is_dir() or any(directory.glob("[!.]*"))):
            raise EngineError(f"{directory} exists and is not a recording. Record into a new folder.")
        try:
            write_file(directory / INDEX, json.dumps({"format": FORMAT, "source": source}, indent=2).encode())
        except OSError as error:
            raise EngineError(
                f"{directory} cannot be written: {error.strerror}. Record into another folder."
            ) from error
        return cls(directory, source)


class Recorder:
    """A transport that stores exchanges with the engine's own endpoint, and never a log-in."""

    def __init__(self, transport: Transport, recording: Recording, url: str | None) -> None:
        self._transport = transport
        self._recording = recording
        self._host = urlsplit(url).netloc if url else _DEFAULT_HOST

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, *_: Any, **__: Any
    ) -> tuple[Any, bytes]:
        """Sends a request and stores it with its answer, unless the answer is a temporary fault."""
        response, content = self._transport.request(uri, method, body, headers)
        parts = urlsplit(uri)
        if parts.netloc == self._host and parts.path.startswith(_API) and _is_lasting(int(response.status)):
            answer = Answer(int(response.status), response.get("content-type", "application/octet-stream"), content)
            question = Question.of(uri, method, body)
            write_exchange(self._recording.directory, question, answer, own_project(uri), _token(headers))
        return response, content


def _is_lasting(status: int) -> bool:
    return status not in (401, 403, 408, 429) and status < 500


def _token(headers: Any) -> str | None:
    for name, value in dict(headers or {}).items():
        if str(name).lower() == "authorization":
            return str(value.decode() if isinstance(value, bytes) else value).rpartition(" ")[2] or None
    return None


class Player:
    """A transport that answers from a recording, without a network."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, *_: Any, **__: Any
    ) -> tuple[httplib2.Response, bytes]:
        """The recorded answer.

        A question that was not recorded gets HTTP status 404 and a message that names it, so that only its tiles
        fail.

        Raises:
            EngineError: when the recording does not have what the client needs to start.
        """
        question = Question.of(uri, method, body)
        answer = read_exchange(self._recording.directory, question)
        if answer is None:
            message = (
                f"The recording {self._recording.directory} has no answer to {question}. Replay it with the "
                "configuration, plugins and tiles of the recorded run into a new dataset, or record again."
            )
            if method == "GET":
                raise EngineError(message)
            error = {"error": {"code": 404, "message": message, "status": "NOT_FOUND"}}
            answer = Answer(404, "application/json", json.dumps(error).encode())
        fields = {"status": str(answer.status), "content-type": answer.content_type}
        return httplib2.Response(fields), answer.body


class Recorded(WrappedEngine):
    """An engine whose answers are stored."""

    name = "recorded"

    def __init__(self, engine: Engine, directory: Path) -> None:
        """Wraps an engine.

        Args:
            engine: answers the requests.
            directory: folder of the recording.
        """
        super().__init__(engine)
        self._directory = directory

    def around(self, connection: Connection) -> Transport:
        """Starts or continues the recording.

        Raises:
            EngineError: when that is not possible.
        """
        recording = Recording.begin(self._directory, self.source)
        return Recorder(connection.transport, recording, connection.url)
