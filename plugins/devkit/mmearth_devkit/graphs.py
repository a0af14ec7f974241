"""Expression graphs: as text, to compare them; the asset ids in them; and their evaluation."""

import json
from collections.abc import Iterator
from typing import Any

from mmearth_core.earthengine.client import EarthClient

_LOADERS = {"Image.load": "id", "ImageCollection.load": "id", "Collection.loadTable": "tableId"}
"""Functions that open an asset, and the argument with its id."""


def graph_text(value: Any) -> str:
    """The JSON that an Earth Engine object is sent as; a plain value as JSON."""
    import ee

    if isinstance(value, ee.ComputedObject):
        return str(ee.serializer.toJSON(value, for_cloud_api=True))
    if isinstance(value, list | tuple):  # the images of time steps
        return f"[{', '.join(map(graph_text, value))}]"
    return json.dumps(value, sort_keys=True, default=repr)


def evaluate(client: EarthClient, value: Any) -> Any:
    """The plain value of an Earth Engine object; a plain value is returned without a request."""
    import ee

    return client.compute(value, "locate") if isinstance(value, ee.ComputedObject) else value


def assets_in(text: str) -> list[str]:
    """The asset ids that a graph opens, sorted; ids that are computed on the server are not found."""
    graph = json.loads(text)
    assets = set()
    for part in graph if isinstance(graph, list) else [graph]:
        values = part.get("values", {}) if isinstance(part, dict) else {}
        for call in _calls(part):
            argument = call.get("arguments", {}).get(_LOADERS.get(call.get("functionName", ""), ""), {})
            argument = values.get(argument.get("valueReference"), argument)
            if isinstance(argument.get("constantValue"), str):
                assets.add(argument["constantValue"])
    return sorted(assets)


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
