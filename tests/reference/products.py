"""Hashes of what is in a dataset's files, apart from versions, moments and the encoding."""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

import geopandas as gpd
import h5py
import numpy as np
import rasterio

from tests.planet.pinned import digest_located, digest_stack

VERSIONED = {"plugin", "provenance", "written_by", "DIMENSION_LIST"}
"""Attributes of HDF5 that hold versions of distributions, hashes of such, or references to axes."""


def digest(content: Any) -> str:
    """The hash of JSON; of its numbers 7 digits count."""
    return digest_located({"": json.loads(json.dumps(content, default=str))})


def dataset_products(dataset: Path) -> dict[str, Any]:
    """Of a downloaded dataset: stacks, journals, tiles and record, and what `post` made."""
    stacks = sorted(dataset.glob("stacks/*/*/*.tif"))
    record = tomllib.loads((dataset / "mmearth.toml").read_text(encoding="utf-8"))
    return {
        "stacks": {str(path.relative_to(dataset / "stacks")): stack_digest(path) for path in stacks},
        "journals": {path.name: journal(path) for path in sorted(dataset.glob("journal/*"))},
        "mmearth.toml": {table: digest(content) for table, content in record.items() if table != "plugins"},
        "tiles.gpkg": side_file(dataset / "tiles.gpkg"),
        **folder_products(dataset),
    }


def folder_products(folder: Path) -> dict[str, Any]:
    """Of a folder: its HDF5 file, and the JSON files beside it."""
    products: dict[str, Any] = {path.name: hdf5(path) for path in folder.glob("*.h5")}
    for path in folder.glob("*_tile_info.json"):
        entries = json.loads(path.read_text(encoding="utf-8"))
        keys = sorted({key for entry in entries.values() for key in entry} - {"VERSIONS", "SHA256"})
        products[path.name] = {
            key: digest({tile: entry.get(key, "absent") for tile, entry in entries.items()}) for key in keys
        }
    for path in [*folder.glob("*_band_stats.json"), *folder.glob("*_splits*.json")]:
        content = json.loads(path.read_text())
        is_stats = path.name.endswith("_band_stats.json")
        products[path.name] = {key: digest(true_stats(value) if is_stats else value) for key, value in content.items()}
    return products


def true_stats(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry of the statistics as it was before `std` and `max` of a constant band were made to be divided by."""
    before = {key: value for key, value in entry.items() if not key.startswith("true_")}
    return {**before, **{key: entry[f"true_{key}"] for key in before if f"true_{key}" in entry}}


def stack_digest(path: Path) -> str:
    """The hash of a stack's pixels, and that of the rest that GDAL tells of it."""
    with rasterio.open(path) as file:
        profile = {**file.profile, "crs": file.crs.to_string(), "transform": list(file.transform)}
        # Tags and units under the names that they had before; a scale is not a unit any more.
        bands = []
        for band, unit, scale in zip(file.indexes, file.units, file.scales, strict=True):
            tags = {key.removeprefix("hdf5_"): value for key, value in file.tags(band).items()}
            bands.append([tags, unit or {1.0: "1", 1e-4: "1e-4"}[scale]])
        of_file = {key: file.tags()[key].strip('"') for key in ("AREA_OR_POINT", "TILE_ID")}
        return f"{digest_stack(path)} {digest([profile, of_file, bands])}"


def encoding(datasets: list[Path]) -> dict[str, str]:
    """The libraries that encode stacks, and the hash of each dataset's whole files, which only these have."""
    versions = f"rasterio {rasterio.__version__}, GDAL {rasterio.__gdal_version__}"
    hashes = {
        str(dataset): digest([hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(dataset.rglob("*.tif"))])
        for dataset in datasets
    }
    return {"libraries": versions, **hashes}


def journal(folder: Path) -> dict[str, str]:
    """The hash of each tile's lines, apart from that of the file, whose encoding belongs to GDAL."""
    entries: dict[str, list[Any]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            entries.setdefault(entry["tile_id"], []).append({k: v for k, v in entry.items() if k != "sha256"})
    return {tile: digest(lines) for tile, lines in entries.items()}


def side_file(path: Path) -> str:
    """The hash of a vector file's features."""
    return digest(json.loads(gpd.read_file(path).to_json()))


def hdf5(path: Path) -> dict[str, Any]:
    """Of each dataset its dtype, shape and filters, the hash of its values, and those of its attributes."""
    with h5py.File(path) as file:
        found: dict[str, Any] = {"attributes": attributes(file)}
        for name, data in file.items():
            if data.is_scale:  # it only names an axis
                continue
            values = data[()]
            whole = repr(values.tolist()).encode() if values.dtype.hasobject else np.ascontiguousarray(values).tobytes()
            found[name] = {
                "dtype": str(data.dtype),
                "shape": list(data.shape),
                "stored": f"chunks {data.chunks}, {data.compression} {data.compression_opts}, shuffle {data.shuffle}",
                "values": hashlib.sha256(whole).hexdigest()[:16],
                "attributes": attributes(data),
            }
    return found


def attributes(of: Any) -> dict[str, str]:
    return {key: digest(np.asarray(value).tolist()) for key, value in of.attrs.items() if key not in VERSIONED}
