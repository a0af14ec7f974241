"""The first tiles of an engine's demo, for small datasets of real pixels."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def demo_of(engine: str, which: slice) -> tuple[str, dict[str, Any]]:
    """The text of the demo's configuration, and a FeatureCollection of these of its tiles."""
    from mmearth_core.registry import discover, engine_of

    demo = engine_of(discover(), engine).demo()
    assert demo is not None
    return demo.config, {"type": "FeatureCollection", "features": demo.tiles["features"][which]}


def write_few(
    folder: Path,
    tiles: int,
    name: str,
    *modalities: str,
    size: int,
    partition: int,
    properties: Callable[[int], dict[str, Any]] = lambda number: {},
) -> Path:
    """Writes tiles of the Virginia scene and a configuration with further modalities; returns the configuration.

    `size` is in pixels, `partition` in tiles; `properties` gives further properties of a tile by its number.
    """
    text, collection = demo_of("local:virginia", slice(tiles))
    for number, feature in enumerate(collection["features"]):
        feature["properties"] |= properties(number)
    folder.mkdir(exist_ok=True)
    (folder / "tiles.geojson").write_text(json.dumps(collection))
    text = text.replace('name = "virginia"', f'name = "{name}"\npartition_size = {partition}')
    text = text.replace("image_size = 128", f"image_size = {size}")
    config = folder / "data.toml"
    config.write_text(text + "".join(f"[modalities.{modality}]\n" for modality in modalities))
    return config
