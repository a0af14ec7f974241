"""A tiny dataset of one modality, downloaded and post-processed in this process by the core itself."""

import json
from pathlib import Path
from typing import Any

import tomli_w
from shapely.affinity import translate
from shapely.geometry import mapping

from mmearth_core import Engine, Modality
from mmearth_core.config.schema import load_config
from mmearth_core.dataset import Dataset
from mmearth_core.download.folder import DownloadedDataset, plain_options
from mmearth_core.download.run import prepare, run
from mmearth_core.errors import RequestError
from mmearth_core.registry import Origin, Registered, Registry, discover
from mmearth_devkit.stage import kit_engine, open_stage

SIZE = 32
"""Rows and columns of a tile."""


_ENGINE = "kit"


_ANCHOR = "file"
"""The core's own anchor, which takes day and CRS from the tiles."""


def tiny_dataset(
    modality: type[Modality] | Modality,
    folder: Path,
    engine: Engine | str | None = None,
    options: Any = None,
    pixel_size: float | None = None,
) -> Dataset:
    """Builds a dataset of two overlapping tiles at a place where the engine has data.

    The modality need not be installed. If it cannot be the anchor, day and CRS come from the tiles.

    Args:
        modality: a class, or an instance.
        folder: gets a subfolder with the dataset, named after the modality.
        engine: as for `check_modality`.
        options: an instance of the modality's `Options`.
        pixel_size: of the dataset, metres; by default the one that the modality proposes as an anchor, otherwise 10.

    Raises:
        RequestError: when a tile fails; says why.
    """
    instance = modality(options) if isinstance(modality, type) else modality
    used = kit_engine(engine)
    config = _configuration(instance, folder, open_stage(used).places()[0], pixel_size)
    registry = _registry(modality, instance, used)
    result = run(prepare(load_config(config), registry), lambda progress: None)
    failed = [f"{row['outcome']}: {row['reason']}" for row in result.summary()["reasons"]]
    if failed:
        raise RequestError(f"The tiny dataset of {instance.name!r} is incomplete: {'; '.join(failed)}")
    _post(config, registry)
    return Dataset(folder / instance.name / f"{instance.name}.h5")


def _configuration(modality: Modality, folder: Path, place: tuple[Any, Any, Any], pixel_size: float | None) -> Path:
    polygon, day, columns = place
    west, _, east, _ = polygon.bounds
    tiles = [polygon, translate(polygon, (east - west) / 4)]
    features = [
        {
            "type": "Feature",
            "geometry": mapping(tile),
            "properties": {**columns, "tile_id": str(number), "date": day.isoformat()},
        }
        for number, tile in enumerate(tiles)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    anchor = modality.name if modality.can_anchor() else _ANCHOR
    dataset = {"name": modality.name, "tiles": "tiles.geojson", "anchor": anchor, "image_size": SIZE}
    text = tomli_w.dumps(
        {
            "dataset": dataset | ({} if pixel_size is None else {"pixel_size": pixel_size}),
            "run": {"engine": _ENGINE, "retry_seconds": 0},
            "modalities": {anchor: {}, modality.name: plain_options(modality.options)},
        }
    )
    config = folder / f"{modality.name}.toml"
    config.write_text(text)
    return config


def _registry(declared: type[Modality] | Modality, instance: Modality, engine: Engine) -> Registry:
    """A registry with only this modality, this engine and the core's anchor, whatever else is installed."""
    origin = Origin("the-kit", "0", _ENGINE)
    return Registry(
        modalities={
            _ANCHOR: discover().modality(_ANCHOR),
            instance.name: Registered(instance.name, declared, origin),
        },
        engines={_ENGINE: Registered(_ENGINE, engine, origin)},
    )


def _post(config: Path, registry: Registry) -> None:
    from mmearth_core.post.make_splits import make_splits
    from mmearth_core.post.products import make_hdf5, make_info
    from mmearth_core.workers import Pool

    def silent(_what: str, _done: int, _all: int) -> None:
        """Shows no bar in a test."""

    source = DownloadedDataset.open(config, registry)
    with Pool(1) as pool:
        make_info(make_hdf5(source, pool, silent).rows, silent)
    make_splits(source, {})
