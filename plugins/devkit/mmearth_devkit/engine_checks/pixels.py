"""Checks of pixels (masks, types, limits of requests) and of places (random points, the antimeridian)."""

from typing import Any

from mmearth_devkit.engine_checks.check import (
    API,
    GUIDES,
    REST,
    EngineCheck,
    Probe,
    assumed,
    documented,
    fields,
    row_of,
    strip,
)


def _western_half(ee: Any) -> Any:
    """The value 1 in the two western pixels of four of 10 m, by a footprint that ends there."""
    return ee.Image(1).rename("a").clip(strip(ee, 20))


MASKS: tuple[EngineCheck, ...] = (
    documented(
        "unmask-everywhere",
        "`unmask(v, sameFootprint=False)` also fills pixels outside the image's footprint.",
        API + "image-unmask",
        Probe(lambda ee: _western_half(ee).unmask(9, False), {"a": [1, 1, 9, 9]}, row_of(4)),
    ),
    documented(
        "unmask-footprint",
        "`unmask(v)` alone leaves pixels outside the footprint masked.",
        API + "image-unmask",
        Probe(lambda ee: _western_half(ee).unmask(9).unmask(7, False), {"a": [1, 1, 7, 7]}, row_of(4)),
    ),
    assumed(
        "masked-is-0",
        "Masked pixels are 0 in NPY.",
        "NPY has no mask; the project fills every band itself, so only the local engine's tests rely on it",
        Probe(lambda ee: ee.Image(5).rename("a").updateMask(0), {"a": [0, 0]}, row_of(2)),
    ),
    assumed(
        "geotiff-nodata",
        "Masked pixels of a GeoTIFF are -inf in floats, the minimum of a signed integer type and 0 in an unsigned one; "
        "the no-data tag has the same value.",
        "no page says it; the table of https://github.com/leftfield-geospatial/geedim (`geedim/image.py`) has these "
        "values and its test on Google's servers (`tests/integration.py`) checks them; so have the files of MMEarth "
        "([mmearth-data.md](mmearth-data.md))",
        unchecked="The core requests NPY only; the local engine offers GeoTIFF to other programs.",
    ),
    assumed(
        "geotiff-int64",
        "A GeoTIFF of 64-bit integers is float64, with -inf as its no-data tag and 0 in masked pixels.",
        "a note in geedim's source (`geedim/image.py`)",
        unchecked="The core requests NPY only; the local engine offers GeoTIFF to other programs.",
    ),
    assumed(
        "geotiff-mixed",
        "The bands of a GeoTIFF have one type, the smallest that holds the values of all bands.",
        "GDAL writes GeoTIFFs of one type only; how Google chooses it is not documented",
        unchecked="The core requests NPY only; the local engine offers GeoTIFF to other programs.",
    ),
    documented(
        "palette-names",
        "Colours of a palette are written as in CSS: names, or hexadecimal numbers.",
        API + "image-visualize",
    ),
    documented(
        "visualize-defaults",
        "Without `min` and `max`, `visualize`, thumbnails and maps stretch floats from 0 to 1, and integers between "
        "the limits of their type.",
        GUIDES + "image_visualization",
        Probe(lambda ee: ee.Image(0.4).toFloat().visualize(), {"vis-gray": [102]}, row_of(1)),
    ),
    assumed(
        "visualize-bytes",
        "`visualize` cuts off the fractions of its bytes.",
        "the description says nothing of fractions",
        unchecked="No modality requests pictures; the local engine offers them to other programs.",
    ),
    assumed(
        "mask-fractions",
        "A mask above 0 counts as valid when pixels are downloaded.",
        "guides say that masks may be fractions, but not what a file then contains",
        Probe(lambda ee: ee.Image(5).rename("a").updateMask(0.25), {"a": [5]}, row_of(1)),
    ),
    assumed(
        "north-up",
        "Pictures, and downloads of images that have no grid of their own, have north at the top, although the "
        "projection of composites goes from south to north.",
        "common practice: nobody reports thumbnails of composites that are upside down",
        unchecked="Only programs on the local engine download in this way; the project fixes every grid itself.",
    ),
)


TYPES: tuple[EngineCheck, ...] = (
    documented(
        "npy-fields",
        "NPY is a structured array: a field for each band, in the image's order.",
        API + "image-getdownloadurl",
        Probe(
            lambda ee: ee.Image.cat([ee.Image(n).toUint8().rename(name) for n, name in enumerate("cab")]),
            {"c": [0], "a": [1], "b": [2]},
            row_of(1),
        ),
    ),
    assumed(
        "npy-types",
        "Every band of an NPY comes in its own type, as the casts in the graph say.",
        "the page on downloads says `a structured array`, but nothing about types",
        Probe(
            lambda ee: ee.Image.cat(
                [
                    getattr(ee.Image(1), f"to{name}")().rename(name)
                    for name in ("Uint8", "Int16", "Uint16", "Float", "Double")
                ]
            ),
            [["Uint8", "uint8"], ["Int16", "int16"], ["Uint16", "uint16"], ["Float", "float32"], ["Double", "float64"]],
            row_of(1),
            fields,
        ),
    ),
    assumed(
        "casts-clamp",
        "Casts of pixels truncate fractions and clamp values to the range of the type.",
        "documented for numbers (" + API + "number-touint16), not for images",
        Probe(
            lambda ee: ee.Image([300, -5, 2.75]).rename(["over", "under", "between"]).toUint8(),
            {"over": [255], "under": [0], "between": [2]},
            row_of(1),
        ),
    ),
    assumed(
        "nan-casts-to-0",
        "A NaN cast to an integer is 0.",
        "the description is silent; the project masks and fills before it casts",
        unchecked="No constant expression is known that makes a valid NaN pixel.",
    ),
    documented(
        "types-unite",
        "Arithmetic has the union of its inputs' types; `float` with `int` is at least float.",
        API + "image-add",
        Probe(
            lambda ee: ee.Image(1).toUint16().add(ee.Image(0.5).toFloat()).rename("a").toFloat(),
            {"a": [1.5]},
            row_of(1),
        ),
    ),
)


REQUESTS: tuple[EngineCheck, ...] = (
    assumed(
        "mask-bytes",
        "The 48 MB of a request include one byte for the mask of every pixel and band.",
        "the source of Google's Xee (https://github.com/google/Xee, `xee/ext.py`) counts it so; so does the project "
        "where it divides large tiles",
        unchecked="It would need a request of 48 MB.",
    ),
    documented(
        "request-limits",
        "computePixels: 48 MB uncompressed, 32K pixels per side, 1,024 bands; larger requests get HTTP status 400.",
        REST + "projects.image/computePixels",
    ),
    documented(
        "element-limit",
        "A request returns at most 5,000 elements of a collection.",
        GUIDES + "ic_info",
    ),
    documented(
        "native-grid",
        "`computePixels` and `getPixels` without a grid use the image's own pixels.",
        API + "data-computepixels",
    ),
    assumed(
        "download-grid",
        "A download URL with `scale` has whole pixels of the projection, counted from its origin; with `dimensions` "
        "the pixels start at the corner of the region.",
        "the description of `clipToBoundsAndScale` is silent",
        unchecked="Only programs on the local engine download in this way; the project fixes every grid itself.",
    ),
    assumed(
        "region-grid",
        "`computePixels` and `getPixels` with a `region` and no transform divide its box by the `dimensions`, "
        "or take the image's pixels; a CRS alone has pixels of the image's size.",
        "the quickstart of Google's REST API makes a picture of a scene so",
        unchecked="It needs an image asset, and no request names one.",
    ),
    documented(
        "concurrency",
        "40 requests of a project may run at once; more are refused with HTTP status 429.",
        GUIDES + "usage",
    ),
    documented(
        "hopeless",
        "A request that ends in `User memory limit exceeded` or `Computation timed out` fails again.",
        GUIDES + "debugging",
    ),
    assumed(
        "hopeless-status",
        "These two messages have HTTP status 400.",
        "answers in https://github.com/gee-community/geemap/issues/1790",
        unchecked="It would need a computation of five minutes. The core recognizes the messages with any status.",
    ),
)


def _points(ee: Any, seed: int) -> Any:
    """Five random points in a degree square."""
    return ee.FeatureCollection.randomPoints(ee.Geometry.Rectangle([10, 50, 11, 51]), 5, seed)


def _coordinates(ee: Any, seed: int) -> Any:
    return _points(ee, seed).toList(5).map(lambda point: ee.Feature(point).geometry().coordinates())


def _tile(ee: Any, lon: float) -> Any:
    return ee.Geometry.Polygon([[[lon + 0.01, 50], [lon + 0.01, 50.01], [lon - 0.01, 50.01], [lon - 0.01, 50]]])


PLACES: tuple[EngineCheck, ...] = (
    documented(
        "randomPoints",
        "`FeatureCollection.randomPoints` returns the requested number of points, all inside the polygon and "
        "uniform by area.",
        API + "featurecollection-randompoints",
        Probe(
            lambda ee: [
                _points(ee, 1).size(),
                _points(ee, 1).filterBounds(ee.Geometry.Rectangle([9.9, 49.9, 11.1, 51.1])).size(),
            ],
            [5, 5],
        ),
    ),
    assumed(
        "randomPoints-seed",
        "The same seed gives the same points and another seed other points, so that a command gives the same "
        "tiles again.",
        "the description says `a seed for the random number generator`",
        Probe(
            lambda ee: [
                _coordinates(ee, 1).equals(_coordinates(ee, 1)),
                _coordinates(ee, 1).equals(_coordinates(ee, 2)),
            ],
            [True, False],
        ),
    ),
    assumed(
        "unbounded-collection",
        "The geometry of a collection with an unbounded image is unbounded.",
        "it is the union of the geometries; wxee clips averages to it, if it is bounded",
        Probe(
            lambda ee: ee.ImageCollection([ee.Image(1), ee.Image(1).clip(_tile(ee, 10))]).geometry().isUnbounded(), True
        ),
    ),
    assumed(
        "polygon-past-180",
        "A polygon may extend beyond 180 degrees: it is the small one across the antimeridian, not the one around the "
        "globe, and its centroid is in its middle.",
        "common practice",
        Probe(
            lambda ee: [
                _tile(ee, 180).area(1).divide(_tile(ee, 10).area(1)),
                ee.Number(_tile(ee, 180).centroid(1).coordinates().get(0)).abs(),
            ],
            [1, 180],
            tolerance=1e-6,
        ),
    ),
)
