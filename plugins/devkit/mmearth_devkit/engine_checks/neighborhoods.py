"""Checks of kernels, distances, samples and array pixels."""

from typing import Any

from mmearth_devkit.engine_checks.check import (
    API,
    LEFT,
    NATIVE,
    REFUSED,
    TOP,
    ZONE,
    EngineCheck,
    Probe,
    assumed,
    columns,
    documented,
    grid_at,
    row_of,
    strip,
)

_LINE = [[1, 2, 1]]


def _steps(ee: Any, metres: float = 10) -> Any:
    """Band `a`: the number of each column of pixels from the checks' origin, 0 before it."""
    return (
        ee.Image.pixelCoordinates(ee.Projection(ZONE, [metres, 0, 500_000, 0, -metres, TOP]))
        .select(["x"], ["a"])
        .floor()
    )


def _hole(ee: Any) -> Any:
    """`_steps` with column 1 masked."""
    steps = _steps(ee)
    return steps.updateMask(steps.neq(1))


NEIGHBORHOODS: tuple[EngineCheck, ...] = (
    assumed(
        "kernel-radius",
        "Kernels have the pixels up to their radius, also if it is not a whole number of pixels: a circle of 1.5 is a "
        "square of 3 x 3. (`Kernel.gaussian` does not have those at the radius.)",
        "the API samples show whole radii",
        Probe(lambda ee: _steps(ee).reduceNeighborhood("count", ee.Kernel.circle(1.5)), {"a_count": [9]}, row_of(1)),
    ),
    assumed(
        "kernel-metres",
        "The metres of kernels are nominal: in degrees and on the web map, a radius has equally many pixels at all "
        "latitudes.",
        "the description says that a kernel in metres is resized when the zoom level changes",
        Probe(
            lambda ee: _steps(ee).reduceNeighborhood("count", ee.Kernel.circle(150, "meters")),
            {"a_count": [5]},
            grid_at(-75.001, 60.001, 1, 0.001, "EPSG:4326"),
        ),
    ),
    documented(
        "neighborhood-weights",
        "`reduceNeighborhood` weights pixels with the kernel, or with their mask; other reducers use "
        "the pixels with a weight.",
        API + "image-reduceneighborhood",
        Probe(
            lambda ee: _steps(ee).pow(2).reduceNeighborhood("mean", ee.Kernel.fixed(3, 1, _LINE)),
            {"a_mean": [0.5, 1.5, 4.5]},
            row_of(3),
        ),
    ),
    assumed(
        "focal-fills",
        "`focalMean` and its siblings fill masked pixels from their neighbours; `reduceNeighborhood` leaves them "
        "masked (documented).",
        "scripts that fill gaps rely on it",
        Probe(
            lambda ee: (
                _hole(ee)
                .focalMax(1)
                .unmask(-1)
                .addBands(_hole(ee).reduceNeighborhood("max", ee.Kernel.square(1)).unmask(-1))
            ),
            {"a": [0, 2, 3], "a_max": [0, -1, 3]},
            row_of(3),
        ),
    ),
    assumed(
        "convolve-masked",
        "A masked pixel under the kernel masks the result of `convolve`, which is a double.",
        "the description is silent",
        Probe(
            lambda ee: _hole(ee).convolve(ee.Kernel.fixed(3, 1, _LINE)).unmask(-1),
            {"a": [-1, -1, -1, 12]},
            row_of(4),
        ),
    ),
    documented(
        "distance-limit",
        "`distance` masks pixels that are further than the kernel's radius from a pixel that is not 0; the distance "
        "has the kernel's units.",
        API + "image-distance",
        Probe(
            lambda ee: _steps(ee).eq(0).distance(ee.Kernel.euclidean(20, "meters")).rename("a").unmask(-1),
            {"a": [0, 10, 20, -1]},
            row_of(4),
        ),
    ),
    documented(
        "distance-transform",
        "`fastDistanceTransform` returns squared distances in pixels.",
        API + "image-fastdistancetransform",
        Probe(lambda ee: _steps(ee).eq(0).fastDistanceTransform(3).rename("a"), {"a": [0, 1, 4, 9]}, row_of(4)),
    ),
    assumed(
        "distance-far",
        "`fastDistanceTransform` does not mask pixels that have no pixel other than 0 in the neighborhood; their "
        "distance is larger than the neighborhood, and in the local engine infinite.",
        "Google's guide on best practices erodes with it; geedim clamps it",
        Probe(
            lambda ee: _steps(ee).eq(0).fastDistanceTransform(2).gt(4).rename("a").unmask(7, False),
            {"a": [0, 0, 0, 1, 1]},
            row_of(5),
        ),
    ),
    assumed(
        "pixel-area",
        "`pixelArea` is the area on the ellipsoid.",
        "users report about 893 square metres for 30 m of Web Mercator near the equator; on a sphere it would be 900",
        Probe(
            lambda ee: ee.Image.pixelArea().rename("a"),
            {"a": [893.97]},
            grid_at(0, 30, 1, 30, "EPSG:3857"),
            tolerance=1e-4,
        ),
    ),
    assumed(
        "paint-centres",
        "`paint` fills the pixels whose centre is in a polygon, and unmasks them.",
        "as in `clip`",
        Probe(
            lambda ee: (
                ee.Image()
                .toByte()
                .rename("a")
                .paint(ee.FeatureCollection(ee.Geometry.Rectangle([500_004, TOP - 10, 500_016, TOP], ZONE, False)), 7)
                .unmask(0, False)
            ),
            {"a": [7, 7, 0]},
            row_of(3),
        ),
    ),
    documented(
        "sample-pixels",
        "`sample` returns the pixels whose centre is in a region, without those of which a band is masked.",
        API + "image-sample",
        Probe(
            lambda ee: (
                _hole(ee)
                .sample(ee.Geometry.Rectangle([500_000, TOP - 10, 500_030, TOP], ZONE, False), 10, ZONE)
                .aggregate_array("a")
            ),
            [0, 2],
        ),
    ),
    documented(
        "array-pixels",
        "`toArray` makes one band of arrays, and masks a pixel of which a band is masked.",
        API + "image-toarray",
        Probe(
            lambda ee: ee.Image([4, 5]).toArray().arrayReduce("sum", [0]).arrayGet([0]).rename("a"),
            {"a": [9]},
            row_of(1),
        ),
    ),
    assumed(
        "hillshade-truncates",
        "`hillshade` is 255 times the cosine of the angle to the light, cut off to a byte: 180 on flat ground.",
        "the description says `a simple hillshade`",
        Probe(lambda ee: ee.Terrain.hillshade(ee.Image(5)), {"hillshade": [180]}, row_of(1)),
    ),
    documented(
        "too-many-pixels",
        "`reduceRegion` refuses more than `maxPixels` pixels, 10,000,000 by default, before it computes any.",
        API + "image-reduceregion",
    ),
    documented(
        "tile-scale",
        "`tileScale` is a number from 0.1 to 16. It has no influence on results.",
        API + "image-reduceregion",
        Probe(lambda ee: ee.Image(1).reduceRegion("count", strip(ee, 20), 10, ZONE, tileScale=17), REFUSED),
    ),
    assumed(
        "pixel-count",
        "The number of pixels that `maxPixels` limits is the area of the region in pixels, not that of its bounds.",
        "the guide on debugging prints 80300348117 for the globe at 100 m, the area of that rectangle; it touches "
        "400,751 x 200,376 pixels; of other shapes no number is known",
        Probe(
            lambda ee: (
                ee.Image(1)
                .reduceRegion(
                    ee.Reducer.count(),
                    strip(ee, 10).union(ee.Geometry.Point([LEFT + 995, TOP - 5], ZONE).buffer(4)),
                    10,
                    ZONE,
                    maxPixels=9,
                )
                .get("constant")
            ),
            2,
        ),
    ),
    assumed(
        "getRegion-order",
        "`getRegion` gives the rows of a pixel together, one for each image, and the pixels row by row.",
        "the description speaks of `each [pixel, band, image] tuple`",
        Probe(
            lambda ee: (
                ee.ImageCollection([columns(ee), columns(ee).add(10)])
                .getRegion(strip(ee, 20), crs=ZONE, crsTransform=NATIVE)
                .slice(1)
                .map(lambda row: ee.List(row).get(4))
            ),
            [0, 10, 1, 11],
        ),
    ),
    assumed(
        "best-effort",
        "With `bestEffort`, the pixel size is multiplied by the square root of (number of pixels / `maxPixels`); the "
        "origin stays.",
        "a message of the servers says `at whatever scale results in 'maxPixels' total pixels` "
        "(https://github.com/gee-community/geemap/issues/122)",
        Probe(
            lambda ee: (
                ee.Image(1)
                .reduceRegion(
                    ee.Reducer.count(),
                    ee.Geometry.Rectangle([500_000, TOP - 300, 500_300, TOP], ZONE, False),
                    crs=ZONE,
                    crsTransform=[10, 0, 500_000, 0, -10, TOP],
                    bestEffort=True,
                    maxPixels=100,
                )
                .get("constant")
            ),
            100,
        ),
    ),
)
