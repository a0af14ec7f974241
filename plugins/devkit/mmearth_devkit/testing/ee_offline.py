"""The real `ee` client without a server: requests are answered by a Python function.

The discovery document of the API and the list of functions come from the client's wheel, so that every method of `ee`
exists; a request that a test does not script has no answer.
"""

import io
import json
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

import httplib2
import numpy as np
from attrs import frozen

from mmearth_core import Connection, Engine, Limits
from mmearth_core.config.schema import RunOptions
from mmearth_core.earthengine.client import EarthClient

COMPUTE = "value:compute"
PIXELS = "image:computePixels"


class HttpRefusal(Exception):  # noqa: N818 - it is not an error of the test
    """Raised by a script to answer with an HTTP error of Earth Engine."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@frozen
class Call:
    """A function call in a decoded graph.

    Attributes:
        name: the server's function, e.g. `"Image.select"`.
        args: its arguments by name, decoded.
    """

    name: str
    args: Mapping[str, Any]


class ScriptedEngine(Engine):
    """An engine whose requests are answered by a function.

    Attributes:
        answer: given the kind of request and its decoded graph, returns the plain value (or the structured array
            of pixels), or raises `HttpRefusal`, or whatever the network would.
        asked: `(kind, decoded graph)` of all requests so far.
        bodies: their bodies as sent.
    """

    name = "scripted"
    api_version = 1

    def __init__(self, answer: Callable[[str, Any], Any]) -> None:
        super().__init__()
        self.answer = answer
        self.asked: list[tuple[str, Any]] = []
        self.bodies: list[dict[str, Any]] = []

    def connect(self, limits: Limits) -> Connection:
        """Needs no credentials."""
        return Connection(project="offline", transport=self)

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, *_: Any, **__: Any
    ) -> tuple[httplib2.Response, bytes]:
        """Answers as the server would."""
        if "/$discovery/rest" in uri:
            return _response(200, _DISCOVERY)
        if "/algorithms" in uri:
            return _response(200, _ALGORITHMS)
        kind = next(kind for kind in (COMPUTE, PIXELS) if kind in uri)
        content = json.loads(body)
        graph = decode(content["expression"])
        self.bodies.append(content)
        self.asked.append((kind, graph))
        try:
            answer = self.answer(kind, graph)
        except HttpRefusal as refusal:
            error = {"error": {"code": refusal.status, "message": str(refusal), "status": "SCRIPTED"}}
            return _response(refusal.status, json.dumps(error).encode())
        if kind == PIXELS:
            buffer = io.BytesIO()
            np.save(buffer, answer)
            return _response(200, buffer.getvalue(), "application/octet-stream")
        return _response(200, json.dumps({"result": answer}).encode())


def open_client(answer: Callable[[str, Any], Any], **options: Any) -> EarthClient:
    """A client over a scripted engine; waits are not waited for, and by default nothing is tried twice."""
    run = RunOptions(**{"retry_seconds": 0.0, "requests_per_second": 1e6, **options})
    return EarthClient(ScriptedEngine(answer), run, sleep=lambda _: None)


def no_answer(kind: str, graph: Any) -> Any:
    """The script of a test in which nothing may be asked."""
    raise AssertionError(f"{kind} was asked for {graph}")


def graph_of(value: Any) -> Any:
    """The decoded graph of an `ee` object; needs an open client, sends nothing."""
    return decode(json.loads(value.serialize()))


def evaluate(graph: Any) -> Any:
    """The value of a graph made of constants, lists and sums; a script for simple questions."""
    if isinstance(graph, list):
        return [evaluate(item) for item in graph]
    if isinstance(graph, dict):
        return {key: evaluate(item) for key, item in graph.items()}
    if isinstance(graph, Call):
        assert graph.name == "Number.add", graph.name
        return evaluate(graph.args["left"]) + evaluate(graph.args["right"])
    return graph


def decode(expression: Mapping[str, Any]) -> Any:
    """A serialized graph as nested Python values and `Call`s."""
    values = expression["values"]

    def plain(node: Mapping[str, Any]) -> Any:
        kind, content = next(iter(node.items()))
        if kind == "constantValue":
            return content
        if kind == "integerValue":
            return int(content)
        if kind == "valueReference":
            return plain(values[content])
        if kind == "arrayValue":
            return [plain(item) for item in content["values"]]
        if kind == "dictionaryValue":
            return {key: plain(item) for key, item in content["values"].items()}
        if kind == "functionInvocationValue":
            arguments = {key: plain(item) for key, item in content.get("arguments", {}).items()}
            return Call(content["functionName"], arguments)
        raise AssertionError(f"{kind} is not decoded here")

    return plain(values[expression["result"]])


def _response(status: int, content: bytes, kind: str = "application/json") -> tuple[httplib2.Response, bytes]:
    return httplib2.Response({"status": str(status), "content-type": kind}), content


def _shipped(name: str) -> bytes:
    return (files("ee") / "tests" / name).read_bytes()


# The client asks for v1 and the document is v1alpha's: the methods used here are the same in both.
_DISCOVERY = _shipped("cloud_api_discovery_document.json").replace(b"v1alpha", b"v1")
_ALGORITHMS = _shipped("algorithms.json")
