"""Expression graphs as text: to compare them, and to read the asset ids in them."""

import json
from collections.abc import Iterator
from typing import Any

_LOADERS = {"Image.load": "id", "ImageCollection.load": "id", "Collection.loadTable": "tableId"}
"""Functions that open an asset, and the argument that is its id."""


def graph_text(value: Any) -> str:
    """What an Earth Engine object is sent as; a plain value as JSON."""
    import ee

    if isinstance(value, ee.ComputedObject):
        return str(ee.serializer.toJSON(value, for_cloud_api=True))
    return json.dumps(value, sort_keys=True, default=repr)


def assets_in(text: str) -> list[str]:
    """The asset ids that a graph opens, sorted; those that are computed on the server are not seen."""
    graph = json.loads(text)
    values = graph.get("values", {}) if isinstance(graph, dict) else {}
    found = set()
    for call in _calls(graph):
        argument = call.get("arguments", {}).get(_LOADERS.get(call.get("functionName", ""), ""), {})
        argument = values.get(argument.get("valueReference"), argument)
        if isinstance(argument.get("constantValue"), str):
            found.add(argument["constantValue"])
    return sorted(found)


def _calls(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        call = node.get("functionInvocationValue")
        if isinstance(call, dict):
            yield call
        for child in node.values():
            yield from _calls(child)
    elif isinstance(node, list):
        for child in node:
            yield from _calls(child)
