"""The modality `tile`: a tile's place, month, biome and ecoregion, which are known without a request."""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from attrs import field, frozen

from mmearth_core import Band, Kind, Layer, Modality, Scene
from mmearth_core.tiles.regions import EcoRegions, Region, ecoregions

_NONE = -math.inf
"""No-data of the float layers, as in the published dataset."""


@frozen
class TileOptions:
    """`[modalities.tile]`."""

    biome: str = field(
        default="biome", metadata={"help": "the tiles' column with the biome: RESOLVE's name or the class number"}
    )
    eco_region: str = field(
        default="eco_region",
        metadata={"help": "the tiles' column with the ecoregion: RESOLVE's name or the class number"},
    )


def _angle(name: str, what: str) -> Layer:
    bands = [
        Band(f, "float32", _NONE, description=f"{long} of {what}") for f, long in (("sin", "sine"), ("cos", "cosine"))
    ]
    return Layer(name, bands, kind=Kind.VECTOR, description=what)


def _one_hot(name: str, dtype: str, nodata: float, classes: Sequence[str], what: str) -> Layer:
    bands = [Band(_slug(each), dtype, nodata, description=each) for each in classes]
    return Layer(name, bands, kind=Kind.VECTOR, description=what)


def _slug(name: str) -> str:
    """A name as a band name: ASCII letters and digits, separated by single underscores."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def _layers(table: EcoRegions) -> tuple[Layer, ...]:
    names = [region.name for region in table.regions]
    return (
        _angle("lat", "the latitude of the tile's centroid"),
        _angle("lon", "the longitude of the tile's centroid"),
        _angle("month", "the anchor's month as a share of the year, 2 pi month / 12"),
        _one_hot("biome", "uint8", 255, table.biomes, "the tile's biome, one-hot"),
        _one_hot("eco_region", "uint16", 65535, names, "the tile's ecoregion, one-hot"),
    )


class TileLayers(Modality):
    """Vector layers computed from the tile and its anchor, without a request.

    `located` is `{"lat", "lon", "month", "biome", "eco_region", "missing"}`: degrees, 1 to 12, class numbers or
    None, and the reason for each layer without a class.
    """

    name = "tile"
    api_version = 1
    layers = _layers(ecoregions())
    Options = TileOptions
    licence = "biome and ecoregion: CC BY 4.0 (RESOLVE Ecoregions 2017); latitude, longitude and month: none"
    attribution = "Biomes and ecoregions: RESOLVE Ecoregions 2017, Dinerstein et al. (2017), CC BY 4.0."
    citation = (
        "Dinerstein, E., Olson, D., Joshi, A. et al. (2017): An Ecoregion-Based Approach to Protecting Half the "
        "Terrestrial Realm. BioScience 67, 534-545. doi:10.1093/biosci/bix014"
    )
    source = "https://developers.google.com/earth-engine/datasets/catalog/RESOLVE_ECOREGIONS_2017"

    def locate(self, scene: Scene) -> dict[str, Any]:
        """Looks up the tile's columns in the table of ecoregions."""
        missing: dict[str, str] = {}
        biome = _class_number(missing, "biome", self._biome, scene.attributes.get(self.options.biome))
        region = _class_number(
            missing, "eco_region", self._eco_region, scene.attributes.get(self.options.eco_region), biome
        )
        return {
            "lat": float(scene.lat),
            "lon": float(scene.lon),
            "month": scene.date.month,
            "biome": biome,
            "eco_region": region,
            "missing": missing,
        }

    def values(self, located: Any) -> Mapping[str, Sequence[float]]:
        """All five layers; the biome or ecoregion of a tile without one is no-data."""
        vectors: dict[str, Sequence[float]] = {
            "lat": _circle(math.radians(located["lat"])),
            "lon": _circle(math.radians(located["lon"])),
            "month": _circle(2 * math.pi * located["month"] / 12),
        }
        for layer in self.layers:
            if layer.name not in vectors:
                vectors[layer.name] = _indicator(located[layer.name], len(layer.bands), layer.nodata)
        return vectors

    def info(self, located: Any) -> Mapping[str, Any]:
        """Place and class numbers with the keys of the published dataset, and why a class is missing."""
        known = {key: located[key] for key in ("lat", "lon", "biome", "eco_region")}
        return {**known, **({"MISSING": located["missing"]} if located["missing"] else {})}

    def _biome(self, value: Any) -> int:
        table = ecoregions()
        column = self.options.biome
        label = _label(value, column, len(table.biomes))
        if isinstance(label, int):
            return label
        number = table.biome(label)
        if number is None:
            raise _UnknownError(f"column {column!r}: {label!r} is not a biome of RESOLVE Ecoregions 2017")
        return number

    def _eco_region(self, value: Any, biome: int | None) -> int:
        """The class of an ecoregion, by its name and, if it is known, its biome."""
        table = ecoregions()
        column = self.options.eco_region
        label = _label(value, column, len(table.regions))
        named = [table.regions[label]] if isinstance(label, int) else table.named(label)
        if not named:
            raise _UnknownError(f"column {column!r}: {label!r} is not an ecoregion of RESOLVE Ecoregions 2017")
        fitting = [region for region in named if biome is None or region.biome == table.biomes[biome]]
        if len(fitting) == 1:
            return table.regions.index(fitting[0])
        raise _UnknownError(f"column {column!r}: {_conflict(table, named, biome)}")


class _UnknownError(Exception):
    """Why a tile has no class."""


def _class_number(missing: dict[str, str], layer: str, look_up: Any, *arguments: Any) -> int | None:
    """A class number; or None, with the reason added to `missing`."""
    try:
        number: int = look_up(*arguments)
    except _UnknownError as error:
        missing[layer] = str(error)
        return None
    return number


def _label(value: Any, column: str, count: int) -> int | str:
    """A column's value as a class number or as a name."""
    if isinstance(value, str) and value.strip():
        return value.strip()
    if isinstance(value, Real) and not isinstance(value, bool) and not math.isnan(value):
        number = float(value)
        if number.is_integer() and 0 <= number < count:
            return int(number)
        raise _UnknownError(f"column {column!r}: {number:g} is not a class number from 0 to {count - 1}")
    raise _UnknownError(f"the tile has no value in column {column!r}")


def _conflict(table: EcoRegions, named: Sequence[Region], biome: int | None) -> str:
    biomes = ", ".join(repr(region.biome) for region in named)
    if biome is None:
        return f"{named[0].name!r} is in several biomes ({biomes}), and the tile's biome is unknown"
    return f"{named[0].name!r} is in {biomes}, not in {table.biomes[biome]!r}"


def _indicator(label: int | None, count: int, nodata: float) -> list[float]:
    if label is None:
        return [nodata] * count
    vector = [0.0] * count
    vector[label] = 1.0
    return vector


def _circle(angle: float) -> list[float]:
    return [math.sin(angle), math.cos(angle)]
