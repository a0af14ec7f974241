"""Datasets on the synthetic planet, made by the command line inside this process: its world is then made only once."""

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from localearth.worlds import shipped
from localearth.worlds.base import World
from mmearth_devkit.testing.command_line import cli, summary
from mmearth_devkit.testing.needs import skip_without_planet

PLACES = {
    "brittany": (-4.72, 48.03),
    "amazon": (-55.2, -6.1),
    "sahara": (5.0, 24.0),
    "congo": (22.0, 1.0),
    "siberia": (105.0, 62.0),
    "nebraska": (-98.5, 41.2),
    "himalaya": (86.2, 28.1),
    "bangkok": (100.5, 13.9),
    "patagonia": (-70.5, -49.0),
    "australia": (133.9, -23.7),
    "svalbard": (16.0, 78.2),
    "fiji": (179.2, -16.6),
}
"""Longitude and latitude of a dozen tiles: a coast, a desert, HH and HV of the far north, the last zone of UTM ..."""

SEA = {"atlantic": (-30.0, 30.0)}
"""Where no image is."""


@pytest.fixture(scope="session")
def opened() -> dict[str, World]:
    """Worlds that are open, by name."""
    return {}


@pytest.fixture(scope="module", autouse=True)
def one_planet(opened: dict[str, World]) -> Iterator[None]:
    """Opens the planet once for these modules, and no others: what it has computed is kept for the next run."""
    skip_without_planet()
    open_world = shipped.open_world

    def reopen(name: str) -> World:
        if name not in opened:
            opened[name] = open_world(name)
        return opened[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shipped, "open_world", reopen)
        yield


def square(lon: float, lat: float, metres: float = 1300.0) -> list[list[float]]:
    """A tile's ring around a place."""
    dy = metres / 2 / 110_574
    dx = metres / 2 / (111_320 * math.cos(math.radians(lat)))
    corners = ((lon - dx, lat - dy), (lon + dx, lat - dy), (lon + dx, lat + dy), (lon - dx, lat + dy))
    return [[round(x, 8), round(y, 8)] for x, y in (*corners, corners[0])]


def tiles_of(names: Iterable[str], centroids: bool = True) -> dict[str, Any]:
    """A FeatureCollection of tiles, by the names of places."""
    places = {**PLACES, **SEA}
    features = []
    for name in names:
        lon, lat = places[name]
        geometry = {"type": "Polygon", "coordinates": [square(lon, lat)]}
        centroid = {"lon": lon, "lat": lat} if centroids else {}
        features.append({"type": "Feature", "geometry": geometry, "properties": {"tile_id": name, **centroid}})
    return {"type": "FeatureCollection", "features": features}


def write_config(folder: Path, modalities: Iterable[str], dataset: str = "", options: str = "", size: int = 32) -> Path:
    """A configuration on the planet; `dataset` and `options` are further lines of TOML."""
    anchor = "" if "anchor" in dataset else 'anchor = "sentinel2"'
    tables = "\n".join(f"[modalities.{name}]" for name in modalities)
    path = folder / "planet.toml"
    path.write_text(
        f'[dataset]\nname = "planet"\ntiles = "tiles.geojson"\nimage_size = {size}\n{anchor}\n{dataset}\n'
        f'[run]\nengine = "local"\nmax_concurrent = 2\n[engines.local]\nworld = "synthetic"\n{tables}\n{options}\n'
    )
    return path


def write_project(folder: Path, names: Iterable[str], modalities: Iterable[str], **config: Any) -> Path:
    """Tiles and a configuration; returns the latter."""
    (folder / "tiles.geojson").write_text(json.dumps(tiles_of(names)))
    return write_config(folder, modalities, **config)


def run_summary(*arguments: str | Path, code: int = 0) -> dict[str, Any]:
    """The summary of `mmearth-core run ARGUMENTS --json`."""
    return summary("run", *arguments, code=code)


def journal_of(dataset: Path, group: str) -> dict[str, Any]:
    """A group's entries, by tile."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(dataset.glob(f"journal/{group}/*.jsonl"))]
    entries = [json.loads(line) for text in texts for line in text.splitlines()]
    return {entry["tile_id"]: entry for entry in entries}


class Kit:
    """What tests of this folder use, as pytest's importlib mode lets them import nothing from here."""

    places = PLACES
    tiles = staticmethod(tiles_of)
    config = staticmethod(write_config)
    project = staticmethod(write_project)
    cli = staticmethod(cli)
    run = staticmethod(run_summary)
    journal = staticmethod(journal_of)


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    return Kit
