"""The signatures of all functions of Earth Engine, from the algorithm list in the `ee` package."""

import json
import re
from collections.abc import Iterator, Mapping
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
        arguments: the arguments in order.
    """

    name: str
    description: str
    arguments: tuple[Argument, ...]


@cache
def listing() -> bytes:
    """The list as the server sends it (JSON, `{"algorithms": [...]}`)."""
    return (files("ee") / "tests" / "algorithms.json").read_bytes()


_MISSING = (
    ("getConfig", "GET", "name", "/config", ""),
    ("updateConfig", "PATCH", "name", "/config", ""),
    ("classifier.export", "POST", "project", "", "/classifier:export"),
    ("featureView.create", "POST", "parent", "", "/featureView"),
    ("image.importExternal", "POST", "project", "", "/image:importExternal"),
)
"""Methods that the package's document does not have: names, verbs, names of the parameter in the path, its end after
the project, and the rest of the path."""


def _add_missing(projects: dict[str, Any]) -> None:
    """Adds the methods that the client calls: they are refused by the server, and not by an AttributeError."""
    for name, verb, parameter, end, rest in _MISSING:
        resource = projects
        *inner, method = name.split(".")
        for each in inner:
            resource = resource["resources"].setdefault(each, {"methods": {}})
        text = {"location": "path", "pattern": f"^projects/[^/]+{end}$", "required": True, "type": "string"}
        resource["methods"][method] = {
            "id": f"earthengine.projects.{name}",
            "httpMethod": verb,
            "path": f"v1/{{+{parameter}}}{rest}",
            "flatPath": f"v1/projects/{{projectsId}}{end}{rest}",
            "parameters": {parameter: text, "updateMask": {"location": "query", "type": "string"}},
            "parameterOrder": [parameter],
            **({} if verb == "GET" else {"request": {"type": "any"}}),
            "response": {"type": "any"},
        }


@cache
def discovery() -> bytes:
    """The API's discovery document: that of v1alpha in the package, served as v1, with the methods that it is missing.

    The client builds its methods from it: `ee.data.getTableDownloadId` and a filter of `ee.data.listAssets` need the
    additions, which are those of https://developers.google.com/earth-engine/reference/rest. A project's own folder of
    assets, of which `ee.data.getAssetRootQuota` asks, has no id.
    """
    text = (files("ee") / "tests" / "cloud_api_discovery_document.json").read_text()
    document = json.loads(text.replace("v1alpha", "v1").replace("/assets/.+$", "/assets/.*$"))
    projects = document["resources"]["projects"]
    _add_missing(projects)
    thumbnails = json.dumps(projects["resources"]["thumbnails"])
    tables = thumbnails.replace("thumbnails", "tables").replace("getPixels", "getFeatures")
    projects["resources"].setdefault("tables", json.loads(tables))
    methods = projects["resources"]["assets"]["methods"]
    # The client names the parameter `asset`, the package's document `parent`.
    methods["listFeatures"] = json.loads(json.dumps(methods["listFeatures"]).replace("parent", "asset"))
    for resource in (projects, projects["resources"]["assets"]):
        parameters = resource["methods"]["listAssets"]["parameters"]
        for name in ("filter", "view"):
            parameters.setdefault(name, {"type": "string", "location": "query"})
    return json.dumps(document).encode()


@cache
def methods() -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    """Every method of the API: its name, e.g. `projects.assets.create`, its verb, and the pattern of its path."""

    def walk(resource: Mapping[str, Any]) -> Iterator[tuple[str, str, re.Pattern[str]]]:
        for method in resource.get("methods", {}).values():
            # An asset's id has slashes.
            path = re.sub(r"\{(\w+)\}", lambda each: ".*" if each[1] == "assetsId" else "[^/:]+", method["flatPath"])
            yield method["id"].removeprefix("earthengine."), method["httpMethod"], re.compile(f"/{path}")
        for inner in resource.get("resources", {}).values():
            yield from walk(inner)

    return tuple(walk(json.loads(discovery())))


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
        found[name] = Signature(name, description, arguments)
    return found
