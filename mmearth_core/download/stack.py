"""The bands of a stack: finishing on the server, and the GeoTIFF of a tile."""

import hashlib
import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from attrs import frozen
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from rasterio.io import MemoryFile

from mmearth_core.contract.bands import Band, Layer, Resampling, stack_name, step_numbers
from mmearth_core.contract.grid import PIXEL, Grid
from mmearth_core.contract.modality import Modality
from mmearth_core.errors import DeclarationError
from mmearth_core.files import written_aside
from mmearth_core.text import tag_text

if TYPE_CHECKING:
    import ee

# Up to the stack, no-data is filled in two steps (`pixels.lay_out` adds the bands that were not requested, as NaN, and
# `post/encode.py` writes the declared value into the HDF5 file). Pixels travel in one request as integers and floats,
# and NaN cannot be a constant of an Earth Engine expression. So `finish_bands` has the server fill masked pixels with
# `StackBand.nodata`: the band's own no-data, or this number for float bands. `nodata_to_nan` turns that into NaN.
FLOAT_NODATA = float(np.finfo(np.float32).min)
"""No-data of float bands between the server and the stack."""


MOST_PIXELS = 65_536
"""Earth Engine combines no more pixels to one, whatever the `maxPixels` of `reduceResolution`, as users report."""


_DECIBEL = math.log(10) / 10
"""The natural logarithm of the power of one decibel."""


_CASTS = {"uint8": "toUint8", "int8": "toInt8", "uint16": "toUint16", "int16": "toInt16", "float32": "toFloat"}


@frozen
class StackBand:
    """One band of a stack.

    Attributes:
        modality: the modality's name.
        layer: its layer.
        band: its band.
        is_resampled: whether its modality has interpolated it already.
        step: its time step, from 0; None if the layer has none.
    """

    modality: str
    layer: Layer
    band: Band
    is_resampled: bool = False
    step: int | None = None

    @property
    def name(self) -> str:
        """The band's name in requests and in the stack."""
        return stack_name(self.layer.name, self.band.name, self.step)

    @property
    def nodata(self) -> float:
        """The value of masked pixels between the server and the stack."""
        return float(self.band.nodata) if self.band.is_integer else FLOAT_NODATA

    def resampling(self, pixel_size: float) -> Resampling:
        """How the core brings it to a grid with pixels of this size, metres."""
        is_coarser = self.band.pixel_size is not None and pixel_size > self.band.pixel_size
        method = self.layer.coarser(self.band) if is_coarser else self.band.resampling
        return Resampling.NEAREST if method is Resampling.BILINEAR and self.is_resampled else method

    def needs_grid(self, pixel_size: float) -> bool:
        """Whether its image must have a grid of its own, to be brought to a grid with pixels of this size."""
        return not self.is_resampled and self.resampling(pixel_size) is not Resampling.NEAREST


def stack_bands(modalities: Collection[Modality]) -> tuple[StackBand, ...]:
    """Returns all bands of a group's stack, in order; the same for every tile.

    Raises:
        DeclarationError: if the maps of a modality differ in their time steps.
    """
    return tuple(
        StackBand(modality.name, layer, band, modality.resampled, step)
        for modality in modalities
        for layer in modality.map_layers()
        for step in step_numbers(step_count(modality))
        for band in layer.bands
    )


def images_by_step(modality: Modality, image: Any) -> "list[tuple[int | None, ee.Image]]":
    """Returns the images of a tile with their time steps; only one, with None, for a modality without steps.

    Args:
        modality: the modality.
        image: what its `image` returned.

    Raises:
        TypeError: if that is not one image, or one per step, as its layers declare.
    """
    steps = step_count(modality)
    if image is None:
        return []
    if steps is None and not isinstance(image, Sequence):
        return [(None, image)]
    if steps is None or not isinstance(image, Sequence) or len(image) != steps:
        found = f"a list of {len(image)}" if isinstance(image, Sequence) else repr(type(image).__name__)
        expected = "one image" if steps is None else f"a list of {steps} images, or None for a step without one"
        raise TypeError(f"image() returned {found}; layers with steps={steps} need {expected}")
    return [(step, each) for step, each in enumerate(image) if each is not None]


def step_count(modality: Modality) -> int | None:
    """Returns the number of time steps of a modality's maps; None if they have no time axis.

    Raises:
        DeclarationError: if they differ, as there is one image per step.
    """
    found = {layer.steps: layer.name for layer in modality.map_layers()} or {None: ""}
    if len(found) > 1:
        named = ", ".join(f"layer {name!r} has steps={steps}" for steps, name in found.items())
        raise DeclarationError(
            f"Modality {modality.name!r}: {named}. All maps of a modality need the same steps, as image() returns one "
            "image per step: declare the others in a modality of their own."
        )
    return next(iter(found))


def present_bands(modality: Modality, located: Any) -> tuple[StackBand, ...]:
    """Returns the bands that a tile's image really has, in declared order.

    Raises:
        ValueError: if the plugin names a band that it does not declare.
    """
    bands = stack_bands([modality])
    present = modality.present(located)
    if present is None:
        return bands
    unknown = set(present) - {stack_band.band.name for stack_band in bands}
    if unknown:
        raise ValueError(f"present() names bands that the modality does not declare: {', '.join(sorted(unknown))}")
    return tuple(stack_band for stack_band in bands if stack_band.band.name in present)


def is_composite(projection: Mapping[str, Any]) -> bool:
    """Whether an image has no grid of its own: it is a composite, or computed like a constant.

    Earth Engine gives it pixels of one degree from 0 N, 0 E, on which `resample` would interpolate. Source:
    https://developers.google.com/earth-engine/guides/projections.

    Args:
        projection: the value of `image.projection()`.
    """
    return projection.get("crs") == "EPSG:4326" and projection.get("transform") == [1, 0, 0, 0, 1, 0]


def composite_problem(band: StackBand) -> str:
    """Why the core cannot interpolate or average a band of a composite, and what its plugin must change."""
    return (
        f"modality {band.modality!r}, band {band.band.name!r}: image() returns a composite (what mosaic(), median() "
        "and other reducers make of a collection) or another image without a grid of its own, so its pixels cannot be "
        "interpolated or averaged. Either resample the images before they are combined, "
        "`mmearth_core.resample(collection).median()`, and declare `resampled = True` in the class. Or, if all images "
        "share one grid, give it to the composite: "
        "`composite.setDefaultProjection(collection.first().select(BAND).projection())`"
    )


def nodata_to_nan(pixels: NDArray[np.float32], band: StackBand) -> None:
    """Replaces, in place, the no-data values of a received band by NaN."""
    pixels[pixels == band.band.nodata] = np.nan
    if not band.band.is_integer:
        pixels[pixels == np.float32(FLOAT_NODATA)] = np.nan


@frozen
class _Area:
    """How bands are computed from all their pixels that a larger pixel covers.

    Attributes:
        method: MEAN or MODE.
        pixel_size: of the bands, metres.
        unit: of the bands.
        is_resampled: whether the modality has interpolated them already.
    """

    method: Resampling
    pixel_size: float
    unit: str
    is_resampled: bool

    def reduce(self, image: "ee.Image", grid: Grid) -> "ee.Image":
        """The bands of an image on a tile's grid."""
        import ee

        if self.is_resampled:
            # Composites have pixels of one degree. They are computed on pixels of their size, as in a UTM zone.
            image = image.setDefaultProjection(grid.server_crs, [self.pixel_size, 0, 0, 0, -self.pixel_size, 0])
        is_decibel = self.unit == "dB" and self.method is Resampling.MEAN
        if is_decibel:
            # The mean of powers, not of their logarithms.
            image = image.multiply(_DECIBEL).exp()
        reducer = ee.Reducer.mean() if self.method is Resampling.MEAN else ee.Reducer.mode()
        # Eight times as many pixels as fit: those of geographic grids become narrow towards the poles.
        most = min(8 * (math.ceil(grid.pixel_size / self.pixel_size) + 1) ** 2, MOST_PIXELS)
        transform = list(grid.affine)[:6]
        reduced = image.reduceResolution(reducer, maxPixels=most).reproject(grid.server_crs, transform)
        finished: ee.Image = reduced.log().divide(_DECIBEL) if is_decibel else reduced
        return finished


def finish_bands(image: "ee.Image", bands: Collection[StackBand], grid: Grid) -> "list[ee.Image]":
    """Makes images that together have exactly `bands`, with their types and names, and without masked pixels.

    Args:
        image: the plugin's image; every band on its own grid.
        bands: which of its bands are wanted.
        grid: the tile's grid.

    Returns:
        One image for each combination of resampling, type and no-data value.
    """
    images = []
    alike: dict[tuple[_Area | None, bool, str, float], list[StackBand]] = {}
    for band in bands:
        method = band.resampling(grid.pixel_size)
        area = _Area(method, band.band.pixel_size or PIXEL, band.band.unit, band.is_resampled)
        key = area if method.is_of_area else None, method is Resampling.BILINEAR, band.band.dtype, band.nodata
        alike.setdefault(key, []).append(band)
    for (of_area, is_interpolated, dtype, nodata), members in alike.items():
        part = image.select([member.band.name for member in members])
        if is_interpolated:
            # As float, so that the interpolated value is rounded below and not truncated.
            part = part.toFloat().resample("bilinear")
        if of_area is not None:
            part = of_area.reduce(part, grid)
        if np.dtype(dtype).kind in "iu":
            limits = np.iinfo(dtype)
            part = part.round().clamp(int(limits.min), int(limits.max))
        # False: also outside the image's footprint.
        part = part.unmask(nodata, False)
        images.append(getattr(part, _CASTS[dtype])().rename([member.name for member in members]))
    return images


# Measured on a stack of 29 bands (benchmarks/stack_encoding.py): a third of the raw size,
# and half the time of deflate both to write and to read.
_ENCODING = {"compress": "zstd", "zstd_level": 1, "interleave": "band"}


_RESERVED = re.compile("bidx|ns|AREA_OR_POINT|TIFFTAG_.*")
"""Tags that have a meaning for GDAL, and arguments of rasterio's `update_tags`."""


def _tags(info: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in info.items():
        path = prefix + re.sub(r"\W", "_", str(key))  # to GDAL, a value begins after a colon or an equals sign
        path += "_" if _RESERVED.fullmatch(path) else ""
        if isinstance(value, Mapping):
            yield from _tags(value, f"{path}.")
        elif value is not None:
            yield path, tag_text(value) if isinstance(value, str) else json.dumps(value)


def encode_stack(
    tile_id: str, pixels: NDArray[np.float32], bands: Sequence[StackBand], grid: Grid, info: Iterable[Mapping[str, Any]]
) -> bytes:
    """Encodes the GeoTIFF of a tile; equal input gives equal bytes.

    Args:
        tile_id: written to the file's tags.
        pixels: (bands, rows, columns), NaN for no-data.
        bands: one per band of `pixels`.
        grid: the tile's grid.
        info: what is known of the tile; becomes tags, with dots between levels.

    Returns:
        The file's content.
    """
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=grid.size,
            height=grid.size,
            count=len(bands),
            dtype="float32",
            nodata=np.nan,
            crs=grid.crs,
            transform=grid.affine,
            blockysize=grid.size,
            **_ENCODING,
        ) as target:
            target.write(pixels)
            reported = dict(tag for each in info for tag in _tags(each))
            target.update_tags(**{**reported, "TILE_ID": tag_text(tile_id)})
            for number, stack_band in enumerate(bands, start=1):
                band = stack_band.band
                target.set_band_description(number, stack_band.name)
                if _scale(band) is None:
                    target.set_band_unit(number, band.unit)
                # What the HDF5 file has: here all bands are float32, and NaN is no-data.
                declared = {"hdf5_dtype": band.dtype, "hdf5_nodata": repr(band.nodata)}
                target.update_tags(number, modality=stack_band.modality, **declared)
            target.scales = [_scale(stack_band.band) or 1.0 for stack_band in bands]
            if colours := _colours(bands):
                target.colorinterp = [colours.get(stack_band.name, ColorInterp.undefined) for stack_band in bands]
        content: bytes = memory.read()
    return content


def _scale(band: Band) -> float | None:
    """The factor to the quantity, if a band's unit is a number such as `1e-4`."""
    try:
        scale = float(band.unit)
    except ValueError:
        return None
    return scale if 0 < scale < float("inf") else None


def _colours(bands: Sequence[StackBand]) -> dict[str, ColorInterp]:
    """Which bands are red, green and blue: those of the first layer whose preview is in colour."""
    for layer in (stack_band.layer for stack_band in bands):
        if layer.preview and len(layer.preview.bands) == 3:
            step = next(iter(step_numbers(layer.steps)))
            names = [stack_name(layer.name, band, step) for band in layer.preview.bands]
            return dict(zip(names, (ColorInterp.red, ColorInterp.green, ColorInterp.blue), strict=True))
    return {}


def write_stack(path: Path, content: bytes) -> str:
    """Writes a stack to a temporary file and renames it.

    Returns:
        The sha256 of its content.
    """
    with written_aside(path) as aside:
        aside.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def read_stack(path: Path, names: Sequence[str]) -> NDArray[np.float32]:
    """Reads bands of a stack by name, never by number.

    Args:
        path: a stack.
        names: the name of each band.

    Returns:
        (bands, rows, columns), NaN for no-data.

    Raises:
        KeyError: if the stack does not have one of them.
    """
    with rasterio.open(path, driver="GTiff") as source:
        numbers = {name: number for number, name in enumerate(source.descriptions, start=1)}
        pixels: NDArray[np.float32] = source.read([numbers[name] for name in names])
        return pixels
