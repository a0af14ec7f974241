"""A small dataset in the layout of the original system, by plain h5py: what its scripts write, and what is published.

It has what makes these files differ from those of `mmearth-core post`: no attribute of any kind; elevation in int16 and
canopy heights in int8; pixels masked in a GeoTIFF, which are -inf there and become the least value of an integer type;
255 in int8, which HDF5 turns into 127 and numpy's cast into -1; statistics of rows drawn with repeats, without counts,
NaN where a band is empty; splits of which only `train` has rows; and tile_info on one line, with NO_DATA a boolean, and
with a tile that was not downloaded and so has no row.
"""

import json
import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

LAYERS: dict[str, tuple[str, int]] = {
    "sentinel2": ("uint16", 13), "sentinel2_cloudmask": ("uint16", 1), "sentinel2_cloudprod": ("uint16", 1),
    "sentinel2_scl": ("uint8", 1), "sentinel1": ("float32", 8), "aster": ("int16", 2), "era5": ("float32", 12),
    "dynamic_world": ("uint8", 1), "canopy_height_eth": ("int8", 2), "lat": ("float32", 2), "lon": ("float32", 2),
    "biome": ("uint8", 14), "eco_region": ("uint16", 846), "month": ("float32", 2), "esa_worldcover": ("uint8", 1),
}  # fmt: skip
"""The layers in the order of the original, with type and number of bands."""

VECTORS = ("era5", "lat", "lon", "biome", "eco_region", "month")

WORLDCOVER = (10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100)

CANOPY_MISSING = (-128, -1, 127)
"""The values of missing heights in int8: masked, 255 cast by numpy, and 255 or a masked layer written by HDF5."""

_NODATA = {
    "sentinel2": 0, "sentinel2_cloudmask": 65535, "sentinel2_cloudprod": 65535, "sentinel1": -math.inf,
    "aster": -math.inf, "canopy_height_eth": 255,
}  # fmt: skip
"""The layers whose pixels the original counts, and the value that it leaves out."""

_BANDS = ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8A", "B8", "B9", "B10", "B11", "B12"]


def write_original(folder: Path, tiles: int = 6, size: int = 16, seed: int = 0, prefix: str = "") -> Path:
    """Writes such a dataset with its side files, named after its folder; returns the HDF5 file.

    Args:
        folder: the folder, which is made; the public readers look for data_1M_v001 and the like.
        tiles: number of rows; they are of level 2A and 1C in turn.
        size: rows and columns of a tile.
        seed: of the values.
        prefix: of the tile ids, which are numbers.
    """
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    path = folder / f"{folder.name}.h5"
    info: dict[str, Any] = {}
    with h5py.File(path, "a") as file:
        for name, (dtype, bands) in LAYERS.items():
            shape = (bands,) if name in VECTORS else (bands, size, size)
            file.create_dataset(name, (tiles, *shape), dtype, compression="gzip", chunks=(1, *shape))
        fields = np.dtype([("tile_id", "S100"), ("S2_type", "S10")])
        table = file.create_dataset("metadata", (tiles,), fields, compression="gzip", chunks=(1,))
        for row in range(tiles):
            tile_id, level = f"{prefix}{row}", ("l2a", "l1c")[row % 2]
            info[tile_id] = _entry(row, level)
            # HDF5 converts and clamps what does not fit, as in the original.
            for name, values in _row(info[tile_id], row, size, random).items():
                file[name][row] = values
            table[row] = (tile_id, level)
        # The last tile's heights were cast by numpy before they were written.
        if tiles > 2:
            file["canopy_height_eth"][tiles - 1] = np.full((2, size, size), 255).astype("int8")
        stats = _statistics(file, info)
    info[f"{prefix}gone"] = {**_entry(tiles, "l1c"), "NO_DATA": True}
    order = np.random.RandomState(seed).permutation(tiles).tolist()
    splits = {"train": order, "val": [], "test": []}
    for what, content in (("tile_info", info), ("band_stats", stats), ("splits", splits)):
        path.with_name(f"{path.stem}_{what}.json").write_text(json.dumps(content))
    return path


def _entry(row: int, level: str) -> dict[str, Any]:
    """The entry of a tile in tile_info; only every third tile has an image of the second orbit."""
    bands = [band for band in _BANDS if level == "l1c" or band != "B10"]
    more = ["MSK_CLDPRB", "SCL", "QA60"] if level == "l2a" else ["QA60"]
    month = 1 + row % 12
    return {
        "S2_DATE": f"2018-{month:02d}-07", "S2_type": level, "CRS": f"EPSG:326{10 + row % 50}",
        "lat": 10.5 + row % 60, "lon": -120.25 + 6 * (row % 50), "biome": row % 14, "eco_region": (7 * row) % 846,
        "NO_DATA": False,
        "BANDS": {
            "sentinel2": [*bands, *more], "sentinel1_asc": ["VV", "VH"],
            "sentinel1_desc": ["VV", "VH"] if row % 3 == 0 else None, "aster": ["b1", "slope"],
            "era5": [f"2018{month:02d}_temperature_2m"], "dynamic_world": ["label"],
            "canopy_height_eth": ["height", "std"], "esa_worldcover": ["Map"],
        },
        "era5": {"month1": [270.5 + row, 268.0 - row, 275.0 + row, 0.02 * row],
                 "month2": [272.5 + row, 270.0 - row, 277.0 + row, 0.03 * row],
                 "year": [280.5 + row, 255.0 - row, 301.0 + row, 0.7 + row / 10]},
    }  # fmt: skip


def _row(entry: dict[str, Any], row: int, size: int, random: np.random.Generator) -> dict[str, NDArray[Any]]:
    """The values of a tile before they are written, with -inf where a GeoTIFF has a masked pixel."""
    l2a, pixels = entry["S2_type"] == "l2a", (size, size)

    def masked(values: NDArray[Any]) -> NDArray[Any]:
        return np.where(random.random(pixels) < 0.1, -math.inf, values)

    def angle(degrees: float) -> NDArray[Any]:
        return np.array([math.sin(math.radians(degrees)), math.cos(math.radians(degrees))])

    optical = masked(random.integers(1, 9000, (13, *pixels)))
    if l2a:
        optical[_BANDS.index("B10")] = 0
    radar = np.full((8, *pixels), -math.inf)
    for first, orbit in ((0, "asc"), (4, "desc")):
        if entry["BANDS"][f"sentinel1_{orbit}"]:
            radar[first : first + 2] = masked(random.normal(-12, 4, (2, *pixels)))
    heights = masked(random.integers(0, 40, (2, *pixels)))
    era5 = entry["era5"]
    return {
        "sentinel2": optical,
        "sentinel2_cloudmask": masked(1024 * random.integers(0, 2, (1, *pixels))),
        "sentinel2_cloudprod": random.integers(0, 100, (1, *pixels)) if l2a else np.full((1, *pixels), 65535),
        "sentinel2_scl": random.integers(2, 12, (1, *pixels)) if l2a else np.full((1, *pixels), 255),
        "sentinel1": radar,
        "aster": masked(np.stack([random.integers(-20, 2000, pixels), random.random(pixels) * 30])),
        "era5": np.stack([[*era5["month1"], *era5["month2"], *era5["year"]]], axis=0),
        "dynamic_world": masked(random.integers(1, 10, (1, *pixels))),
        "canopy_height_eth": np.full((2, *pixels), 255) if row == 1 else heights,
        "lat": angle(entry["lat"]),
        "lon": angle(entry["lon"]),
        "biome": np.eye(14)[entry["biome"]],
        "eco_region": np.eye(846)[entry["eco_region"]],
        "month": angle(30 * int(entry["S2_DATE"][5:7])),
        "esa_worldcover": masked(random.choice(WORLDCOVER, (1, *pixels))),
    }


def _statistics(file: h5py.File, info: dict[str, Any]) -> dict[str, dict[str, list[float]]]:
    """The band statistics as the original computes them: of rows drawn with repeats, and without counts."""
    ids = [tile_id.decode() for tile_id in file["metadata"]["tile_id"]]
    drawn = np.random.RandomState(0).randint(0, len(ids), size=len(ids))
    found = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        for name in LAYERS:
            if name in ("lat", "lon", "month", "era5"):
                found[name] = _numbers(file[name][:].T)
            elif name in _NODATA:
                levels = ("l2a", "l1c") if name.startswith("sentinel2") else ("",)
                for level in levels:
                    rows = [file[name][row] for row in drawn if level in ("", info[ids[row]]["S2_type"])]
                    bands = np.stack(rows, axis=1).astype(np.float64) if rows else np.empty((LAYERS[name][1], 0))
                    key = f"{name}_{level}" if level else name
                    found[key] = _numbers(np.where(bands == _NODATA[name], np.nan, bands).reshape(len(bands), -1))
    return found


def _numbers(bands: NDArray[Any]) -> dict[str, list[float]]:
    """Mean, deviation and extremes of each band's numbers; of none, what sums and counts of 0 give."""
    numbers = [band[~np.isnan(band)].astype(np.float64) for band in bands]
    return {
        "mean": [float(band.sum() / np.float64(band.size)) for band in numbers],
        "std": [float(np.sqrt((band**2).sum() / band.size - (band.sum() / band.size) ** 2)) for band in numbers],
        "min": [float(band.min()) if band.size else math.inf for band in numbers],
        "max": [float(band.max()) if band.size else -math.inf for band in numbers],
    }
