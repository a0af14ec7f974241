"""The algorithm list that the `ee` package ships: the signature of every function of Earth Engine."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from attrs import frozen

REQUIRED: Any = object()
"""The default of an argument that has none."""


@frozen
class Argument:
    """One argument of an algorithm.

    Attributes:
        name: as the client sends it.
        type: Google's type, e.g. `Image<unknown bands>` or `List<String>`.
        default: `REQUIRED`, or the value taken when it is absent or null.
    """

    name: str
    type: str
    default: Any


@frozen
class Signature:
    """One algorithm.

    Attributes:
        name: e.g. `Image.select`.
        description: Google's, on one line.
        returns: the type of its result.
        arguments: in order.
    """

    name: str
    description: str
    returns: str
    arguments: tuple[Argument, ...]


@cache
def listing() -> bytes:
    """The list as the client asks for it (JSON, `{"algorithms": [...]}`)."""
    return (files("ee") / "tests" / "algorithms.json").read_bytes()


@cache
def discovery() -> bytes:
    """The API's discovery document; the one in the package says v1alpha and is served as v1."""
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
