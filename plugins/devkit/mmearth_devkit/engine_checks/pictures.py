"""Checks of pictures: visualization, random colours, styled layer descriptors and drawn features."""

from typing import Any

from mmearth_devkit.engine_checks.check import (
    API,
    GUIDES,
    LEFT,
    TOP,
    ZONE,
    EngineCheck,
    Probe,
    assumed,
    columns,
    documented,
    row_of,
)


def _coloured(ee: Any, kind: str) -> Any:
    """Red of the columns by a ColorMap, -1 where it is masked."""
    entries = "".join(f'<ColorMapEntry color="#{red}0000" quantity="{at}"/>' for at, red in ((1, "0a"), (3, "1e")))
    text = f'<RasterSymbolizer><ColorMap type="{kind}">{entries}</ColorMap></RasterSymbolizer>'
    return columns(ee).sldStyle(text).select([0], ["red"]).toInt16().unmask(-1, False)


def _drawn(ee: Any, geometry: Any, **options: Any) -> Any:
    """Red of a drawn geometry, -1 where nothing is drawn."""
    features = ee.FeatureCollection([ee.Feature(geometry)])
    picture = features.style(color="ff0000", fillColor="ff0000", **options)
    return picture.select([0], ["red"]).toInt16().unmask(-1, False)


def _box(ee: Any, start: float, end: float) -> Any:
    """A box from one fractional column to another."""
    return ee.Geometry.Rectangle([LEFT + 10 * start, TOP - 30, LEFT + 10 * end, TOP + 30], ZONE, False)


PICTURES: tuple[EngineCheck, ...] = (
    assumed(
        "visualize-comparison",
        "Without `min` and `max`, integers whose range is not that of a type are stretched over that range: the "
        "result of a comparison is black and white.",
        "Google's guide on relational operations shows it so",
        Probe(lambda ee: columns(ee).gt(0).visualize(), {"vis-gray": [0, 255]}, row_of(2)),
    ),
    documented(
        "visualize-two-bands",
        "Of two bands the first is red and the second blue; green is 0.",
        GUIDES + "image_visualization",
        Probe(
            lambda ee: ee.Image([10, 20]).toByte().visualize(),
            {"vis-red": [10], "vis-green": [0], "vis-blue": [20]},
            row_of(1),
        ),
    ),
    assumed(
        "random-numbers",
        "`Image.random` depends only on the seed and the pixel of the requested grid, `randomVisualizer` only on the "
        "value. The numbers and colours differ from Google's.",
        "the descriptions speak of a random number at each pixel location, and a color for each value",
        unchecked="The numbers differ.",
    ),
    assumed(
        "random-colours",
        "`randomVisualizer` names its bands viz-red, viz-green and viz-blue; those of the image follow.",
        "public programs select the bands by these names",
        Probe(
            lambda ee: columns(ee).randomVisualizer().bandNames(),
            ["viz-red", "viz-green", "viz-blue", "x"],
        ),
    ),
    assumed(
        "sld-intervals",
        "An interval of a ColorMap ends below the quantity of its entry; pixels beyond the last one are masked.",
        "GeoServer, whose extensions Google supports, does so, as do labels in Google's guide on visualization",
        Probe(lambda ee: _coloured(ee, "intervals"), {"red": [10, 30, 30, -1]}, row_of(4)),
    ),
    assumed(
        "sld-ramp",
        "A ramp of a ColorMap is interpolated, and constant beyond its ends.",
        "GeoServer, whose extensions Google supports, does so",
        Probe(lambda ee: _coloured(ee, "ramp"), {"red": [10, 10, 20, 30, 30]}, row_of(5)),
    ),
    documented(
        "style-fill",
        "Areas without `fillColor` have the colour at an opacity of 0.66.",
        API + "featurecollection-style",
    ),
    assumed(
        "style-areas",
        "`draw` and `style` fill the pixels whose centre is in a polygon, without antialiasing, in the requested grid.",
        "as in `paint`",
        Probe(lambda ee: _drawn(ee, _box(ee, 1.4, 3.4), width=0), {"red": [-1, 255, 255, -1]}, row_of(4)),
    ),
    assumed(
        "style-lines",
        "`draw` and `style` draw the pixels whose centre is at most half a width away from a line.",
        "the width is documented to be in pixels",
        Probe(lambda ee: _drawn(ee, _box(ee, 3.1, 9), width=2), {"red": [-1, -1, 255, 255]}, row_of(4)),
    ),
    assumed(
        "style-markers",
        "`pointSize` is the radius of a marker.",
        "`pointRadius` of `draw` has the same default",
        Probe(
            lambda ee: _drawn(ee, ee.Geometry.Point([LEFT + 4, TOP - 5], ZONE), width=0, pointSize=3),
            {"red": [255, 255, 255, -1]},
            row_of(4),
        ),
    ),
)
