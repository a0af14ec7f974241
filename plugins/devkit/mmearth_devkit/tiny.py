"""A tiny dataset of one modality: downloaded and post-processed by the core's real steps, in this process."""

import json
from pathlib import Path
from typing import Any

import tomli_w
from shapely.affinity import translate
from shapely.geometry import mapping

from mmearth_core.builtin.file_anchor import FileAnchor
from mmearth_core.config.schema import load_config
from mmearth_core.contract.engine import Engine
from mmearth_core.contract.modality import Modality
from mmearth_core.dataset import Dataset
from mmearth_core.download.outcomes import Tally
from mmearth_core.download.prepare import prepare
from mmearth_core.download.run import run
from mmearth_core.download.stored_config import plain_options
from mmearth_core.errors import RequestError
from mmearth_core.registry import Origin, Registered, Registry
from mmearth_devkit.stage import kit_engine, open_stage

SIZE = 32
"""Rows and columns of a tile."""


_ENGINE = "kit"


def tiny_dataset(
    modality: type[Modality] | Modality, folder: Path, engine: Engine | str | None = None, options: Any = None
) -> Dataset:
    """Builds a dataset of two overlapping tiles at the place where the engine has data.

    The modality need not be installed. One that cannot anchor takes day and CRS from the tiles.

    Args:
        modality: its class, or an instance.
        folder: where; the dataset stands in a folder named after the modality.
        engine: as for `check_modality`.
        options: an instance of the modality's `Options`.

    Raises:
        RequestError: when a tile has failed; says why.
    """
    made = modality(options) if isinstance(modality, type) else modality
    chosen = kit_engine(engine)
    config = _configuration(made, folder, open_stage(chosen).place())
    registry = _registry(modality, made, chosen)
    result = run(prepare(load_config(config), registry), _Silent())
    failed = [f"{row['outcome']}: {row['reason']}" for row in result.summary()["reasons"]]
    if failed:
        raise RequestError(f"The tiny dataset of {made.name!r} is not whole: {'; '.join(failed)}")
    _post(config, registry)
    return Dataset(folder / made.name / f"{made.name}.h5")


class _Silent:
    """No line of progress in a test."""

    def changed(self, tally: Tally) -> None:
        """Says nothing."""


def _configuration(modality: Modality, folder: Path, place: tuple[Any, Any]) -> Path:
    polygon, day = place
    west, _, east, _ = polygon.bounds
    tiles = [polygon, translate(polygon, (east - west) / 4)]
    features = [
        {
            "type": "Feature",
            "geometry": mapping(tile),
            "properties": {"tile_id": str(number), "date": day.isoformat()},
        }
        for number, tile in enumerate(tiles)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    anchor = modality.name if modality.can_anchor() else FileAnchor.name
    text = tomli_w.dumps(
        {
            "dataset": {"name": modality.name, "tiles": "tiles.geojson", "anchor": anchor, "image_size": SIZE},
            "run": {"engine": _ENGINE, "retry_seconds": 0},
            "modalities": {anchor: {}, modality.name: plain_options(modality.options)},
        }
    )
    config = folder / f"{modality.name}.toml"
    config.write_text(text)
    return config


def _registry(declared: type[Modality] | Modality, made: Modality, engine: Engine) -> Registry:
    """A registry of this modality and this engine alone, whatever is installed."""
    origin = Origin("the-kit", "0", _ENGINE)
    return Registry(
        modalities={
            FileAnchor.name: Registered(FileAnchor.name, FileAnchor, origin),
            made.name: Registered(made.name, declared, origin),
        },
        engines={_ENGINE: Registered(_ENGINE, engine, origin)},
    )


def _post(config: Path, registry: Registry) -> None:
    from mmearth_core.download.folder import DownloadedDataset
    from mmearth_core.post.make_splits import make_splits
    from mmearth_core.post.products import make_hdf5, make_info
    from mmearth_core.post.rows import select_rows
    from mmearth_core.workers import Pool

    def silent(_what: str, _done: int, _all: int) -> None:
        """No bar in a test."""

    source = DownloadedDataset.open(config, registry)
    with Pool(1) as pool:
        rows = select_rows(source, pool, silent)
        make_info(make_hdf5(rows, pool, silent).rows, silent)
    make_splits(source, {})
