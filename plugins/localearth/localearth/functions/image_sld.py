"""Colours of an image by a styled layer descriptor (SLD)."""

from typing import Any
from xml.etree import ElementTree

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.functions.image_visualize import RGB
from localearth.raster.grid import Grid
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.colours import rgb
from localearth.values.image import Image, ImageBand, Pull
from localearth.values.pixel_type import LIMITS, cast

Floats = NDArray[np.float64]

_UNSUPPORTED = ("ContrastEnhancement", "RedChannel", "Categorize", "Interpolate", "ShadedRelief")


@frozen(eq=False)
class ColorMap:
    """The entries of a ColorMap in the order of their quantities, and its type.

    Attributes:
        kind: `ramp`, `intervals` or `values`.
        quantities: the values of the entries, (n,).
        colours: red, green and blue of the entries, (n, 3).
        opaque: whether each entry is opaque; its opacity is not 0.
    """

    kind: str
    quantities: Floats
    colours: Floats
    opaque: NDArray[np.bool_]

    def entry(self, values: Floats) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """The entry of each value, and whether it has an opaque one."""
        last = len(self.quantities) - 1
        # An interval ends below the quantity of its entry, as GeoServer documents it, and the labels in Google's guide.
        side: Any = "right" if self.kind == "intervals" else "left"
        found = np.searchsorted(self.quantities, values, side)
        at = np.minimum(found, last)
        known = np.ones(values.shape, bool)
        if self.kind == "intervals":
            known = found <= last
        if self.kind == "values":
            known = self.quantities[at] == values
        return at, known & self.opaque[at]

    def colour(self, values: Floats, channel: int) -> Floats:
        """Red, green or blue of each value."""
        if self.kind == "ramp":
            return np.asarray(np.interp(values, self.quantities, self.colours[:, channel]))
        return np.asarray(self.colours[:, channel][self.entry(values)[0]])


def _parsed(text: str) -> tuple[ColorMap, str | None]:
    """The ColorMap of a document, and the name of its channel."""
    try:
        root = ElementTree.fromstring(text.strip())
    except ElementTree.ParseError as error:
        raise EarthEngineError(f"argument 'sldXml': not a valid XML document: {error}.") from None
    nodes: dict[str, list[ElementTree.Element]] = {}
    for node in root.iter():
        nodes.setdefault(node.tag.rsplit("}", 1)[-1], []).append(node)
    if len(nodes.get("RasterSymbolizer", ())) != 1:
        raise EarthEngineError("argument 'sldXml': exactly one RasterSymbolizer is needed.")
    refused = [name for name in _UNSUPPORTED if name in nodes]
    if refused or len(nodes.get("ColorMap", ())) != 1:
        raise EarthEngineError(
            "argument 'sldXml': the local Earth Engine supports one ColorMap, not "
            f"{', '.join(refused) or 'none or several'}."
        )
    channel = next((node.text for node in nodes.get("SourceChannelName", ())), None)
    return _color_map(nodes["ColorMap"][0].get("type", "ramp"), nodes.get("ColorMapEntry", [])), channel


def _color_map(kind: str, entries: list[ElementTree.Element]) -> ColorMap:
    if kind not in ("ramp", "intervals", "values") or not entries:
        raise EarthEngineError("argument 'sldXml': a ColorMap of type ramp, intervals or values is needed.")
    try:
        entries = sorted(entries, key=lambda entry: float(entry.attrib["quantity"]))
        colours = [rgb(entry.attrib["color"]) for entry in entries]
        opaque = [float(entry.get("opacity", 1)) > 0 for entry in entries]
    except (KeyError, ValueError):
        raise EarthEngineError("argument 'sldXml': an entry needs a color and a numeric quantity.") from None
    quantities = np.array([float(entry.attrib["quantity"]) for entry in entries])
    return ColorMap(kind, quantities, np.array(colours, np.float64), np.array(opaque))


def _chosen(image: Image, channel: str | None) -> ImageBand:
    """A band by its name or, if there is none, by its number from 1."""
    if channel is None:
        return image.first_band
    name = channel.strip()
    if name not in image.names and name.isdigit() and 1 <= int(name) <= len(image.bands):
        return image.bands[int(name) - 1]
    return image.band(name)


@function(
    "Image.sldStyle",
    note="A ColorMap of one band. Colours of a ramp are extended beyond its ends; pixels beyond the last interval, "
    "and between `values`, are masked, as in GeoServer (assumed). Without ContrastEnhancement.",
)
def sld_style(image: Image, document: str) -> Image:
    """Red, green and blue by the ColorMap of a document."""
    colours, channel = _parsed(document)
    band = _chosen(image, channel)
    band.numbers_only()

    def one(place: int) -> ImageBand:
        def source(grid: Grid, pull: Pull) -> Sampled:
            values, mask = pull(band.source, grid)
            numbers = values.astype(np.float64)
            return cast(np.round(colours.colour(numbers, place)), LIMITS["uint8"]), mask & colours.entry(numbers)[1]

        return evolve(band, name=RGB[place], type=LIMITS["uint8"], source=source)

    return image.with_bands(map(one, range(3)))
