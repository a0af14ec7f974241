"""The signatures of all functions of Earth Engine, from the algorithm list in the `ee` package."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from attrs import frozen

REQUIRED: Any = object()
"""Marks an argument without a default."""


@frozen
class Argument:
    """One argument of an algorithm.

    Attributes:
        name: its name.
        type: Google's type, e.g. `Image<unknown bands>` or `List<String>`.
        default: `REQUIRED`, or the value used when it is absent or null.
    """

    name: str
    type: str
    default: Any


@frozen
class Signature:
    """One algorithm.

    Attributes:
        name: e.g. `Image.select`.
        description: Google's description, on one line.
        returns: the type of the result.
        arguments: the arguments in order.
    """

    name: str
    description: str
    returns: str
    arguments: tuple[Argument, ...]


@cache
def listing() -> bytes:
    """The list as the server sends it (JSON, `{"algorithms": [...]}`)."""
    return (files("ee") / "tests" / "algorithms.json").read_bytes()


@cache
def discovery() -> bytes:
    """The API's discovery document: the package's document of v1alpha, served as v1."""
    document = (files("ee") / "tests" / "cloud_api_discovery_document.json").read_text()
    return document.replace("v1alpha", "v1").encode()


@cache
def signatures() -> dict[str, Signature]:
    """Every signature, by the algorithm's name."""
    found = {}
    for entry in json.loads(listing())["algorithms"]:
        name = entry["name"].removeprefix("algorithms/")
        arguments = tuple(
            Argument(each["argumentName"], each["type"], each.get("defaultValue") if each.get("optional") else REQUIRED)
            for each in entry.get("arguments", ())
        )
        description = " ".join(entry.get("description", "").split())
        found[name] = Signature(name, description, entry["returnType"], arguments)
    return found
