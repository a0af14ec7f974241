"""Checks of the assets that the modalities use: they exist, are not deprecated and have a fitting grid and type."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mmearth_core import Scene
from mmearth_core.download.stack import StackBand
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import MMEarthError
from mmearth_preflight.doctor.findings import Findings

_LOADERS = {"Image.load": "id", "ImageCollection.load": "id", "Collection.loadTable": "tableId"}
"""Functions that open an asset, and the argument with its id."""


def assets_in(values: list[Any]) -> dict[str, str]:
    """The assets that Earth Engine objects open, with the function that opens them; computed ids are not found."""
    import ee

    found: dict[str, str] = {}
    for value in values:
        if isinstance(value, ee.ComputedObject):
            graph = json.loads(ee.serializer.toJSON(value, for_cloud_api=True))
            for call in _calls(graph):
                loader = call.get("functionName", "")
                argument = call.get("arguments", {}).get(_LOADERS.get(loader, ""), {})
                argument = graph["values"].get(argument.get("valueReference"), argument)
                if isinstance(argument.get("constantValue"), str):
                    found[argument["constantValue"]] = loader
    return dict(sorted(found.items()))


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


def check_assets(findings: Findings, name: str, client: EarthClient, assets: Mapping[str, str], scene: Scene) -> None:
    """Every asset exists, can be read and is not deprecated.

    Args:
        findings: takes the results.
        name: the modality's.
        client: sends the requests.
        assets: the function that opens each asset, by id.
        scene: a tile; of a collection only what is there is counted.
    """
    check, sizes = f"{name} assets", dict[str, int]()
    for asset, loader in assets.items():
        try:
            sizes[asset] = client.compute(_size(asset, loader, scene), "doctor")
        except MMEarthError as error:
            remedy = f"Correct its id in [modalities.{name}], or ask for access to it."
            findings.fail(check, f"{asset}: {error}", remedy)
        if text := deprecation(asset):
            findings.warn(check, text, f"Set another asset in [modalities.{name}], or update the plugin.")
    if assets and len(sizes) == len(assets):
        shown = [asset if number else f"{asset} (nothing at this tile)" for asset, number in sizes.items()]
        findings.ok(check, ", ".join(shown))


def _size(asset: str, loader: str, scene: Scene) -> Any:
    """How many bands an image has; for a collection 1, or 0 if it has nothing at the tile."""
    import ee

    if loader == "Image.load":
        return ee.Image(asset).bandNames().size()
    made = ee.ImageCollection if loader == "ImageCollection.load" else ee.FeatureCollection
    return made(asset).filterBounds(scene.geometry).limit(1).size()


def deprecation(asset: str) -> str:
    """What the catalogue says of a deprecated asset, or of the collection that it is in; empty if it is not deprecated.

    The metadata of an asset do not say it. The client reads the catalogue's list when it is initialized; without a
    network that list is empty.
    """
    import ee.deprecation

    listed = ee.deprecation.deprecated_assets or {}
    entry = listed.get(asset) or listed.get(asset.rpartition("/")[0])
    if entry is None:
        return ""
    removal = f", and will be removed on {entry.removal_date:%Y-%m-%d}" if entry.removal_date else ""
    replacement = f"; {entry.replacement_id} replaces it" if entry.replacement_id else ""
    return f"{entry.id} is deprecated{removal}{replacement}"


def described(band: Mapping[str, Any]) -> str:
    """The type of a band in words: `int 0 to 65535`."""
    kind = band["data_type"]
    limits = f" {kind['min']:g} to {kind['max']:g}" if kind["precision"] == "int" and "min" in kind else ""
    return f"{kind['precision']}{limits}"


def beyond(band: StackBand, low: float | None, high: float | None) -> str:
    """Why a band's declared type cannot hold its values; empty if it can.

    Args:
        band: the declared band.
        low: its smallest value; None if no pixel is valid.
        high: its largest value.
    """
    if low is None or high is None or not band.band.is_integer:
        return ""
    limits = np.iinfo(band.band.dtype)
    if limits.min <= round(low) and round(high) <= limits.max:
        return ""
    return f"{band.band.name} has values from {low:g} to {high:g}, which {band.band.dtype} cannot hold"
