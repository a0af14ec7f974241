"""Checks of values: lists, collections, filters, dates, geometries and metadata.

The requests create everything that they need, so that they work on any world and cost almost nothing.
"""

from typing import Any

from mmearth_devkit.engine_checks.check import (
    API,
    GUIDES,
    LEFT,
    REFUSED,
    TOP,
    ZONE,
    EngineCheck,
    Probe,
    assumed,
    documented,
)

DAY = 86_400_000
"""Milliseconds."""


_WIDE = [[-10, 50], [10, 50], [10, 60], [-10, 60]]
"""A ring whose northern edge reaches 60.38 degrees if it is a geodesic."""


def _days(ee: Any) -> Any:
    """Three images of band `a`, on 1, 2 and 3 January 1970, numbered by day."""
    return ee.ImageCollection([ee.Image(n).rename("a").set("system:time_start", n * DAY, "n", n) for n in range(3)])


def _squares(ee: Any) -> Any:
    """Two features: a square of 2 degrees that contains (1, 1), and one next to it."""
    return ee.FeatureCollection(
        [
            ee.Feature(ee.Geometry.Rectangle([0, 0, 2, 2]), {"n": 1}),
            ee.Feature(ee.Geometry.Rectangle([3, 0, 5, 2]), {}),
        ]
    )


def _block(ee: Any) -> Any:
    """100 m x 50 m at the checks' origin."""
    return ee.Geometry.Rectangle([LEFT, TOP - 50, LEFT + 100, TOP], ZONE, False)


COLLECTIONS: tuple[EngineCheck, ...] = (
    assumed(
        "toList-empty",
        "`toList(1, k)` of a collection with k elements or fewer is [], so that a first image can be requested safely.",
        "the description says `the maximum number of elements to fetch`",
        Probe(
            lambda ee: [ee.ImageCollection([]).toList(1), _days(ee).toList(1, 3), _days(ee).toList(1, 2).size()],
            [[], [], 1],
        ),
    ),
    assumed(
        "first-of-nothing",
        "`first()` of an empty collection is null.",
        "common practice",
        Probe(lambda ee: ee.FeatureCollection([]).first(), None),
    ),
    assumed(
        "get-beyond-list",
        "`List.get` beyond the end fails.",
        "the description is silent",
        Probe(lambda ee: ee.List([]).get(0), REFUSED),
    ),
    documented(
        "slice-beyond-list",
        "`List.slice` beyond the end is truncated, or [].",
        API + "list-slice",
        Probe(lambda ee: [ee.List([1, 2]).slice(1, 9), ee.List([1, 2]).slice(5, 6)], [[2], []]),
    ),
    documented(
        "filterDate",
        "`filterDate(start, end)` compares `system:time_start`: the start is included, the end is not.",
        API + "imagecollection-filterdate",
        Probe(lambda ee: _days(ee).filterDate("1970-01-01", "1970-01-03").aggregate_array("n"), [0, 1]),
    ),
    documented(
        "filterBounds",
        "`filterBounds` keeps elements that intersect the geometry.",
        API + "imagecollection-filterbounds",
        Probe(lambda ee: _squares(ee).filterBounds(ee.Geometry.Rectangle([1, 1, 4, 1.5])).size(), 2),
    ),
    documented(
        "contains-geo",
        "`Filter.contains('.geo', g)` keeps elements that contain all of g.",
        API + "filter-contains",
        Probe(
            lambda ee: [
                _squares(ee).filter(ee.Filter.contains(".geo", ee.Geometry.Rectangle(corners))).size()
                for corners in ([0.5, 0.5, 1.5, 1.5], [1, 1, 2.5, 1.5])
            ],
            [1, 0],
        ),
    ),
    assumed(
        "contains-footprint",
        "For an image, `.geo` is its `system:footprint`: the outline of its valid data.",
        "common practice; the description speaks of the left geometry only",
        unchecked="It needs an image asset, and no request names one.",
    ),
    assumed(
        "filter-absent",
        "An element without the property does not pass `lt`, `gt` or `eq`; it passes `gte`, which the client sends as "
        "negated `lt`.",
        "the description is silent",
        Probe(
            lambda ee: [
                _squares(ee).filter(each).size()
                for each in (ee.Filter.lt("n", 9), ee.Filter.gt("n", 0), ee.Filter.eq("n", 1), ee.Filter.gte("n", 0))
            ],
            [1, 1, 1, 2],
        ),
    ),
    assumed(
        "sort-ties",
        "`sort` keeps the order of equal elements.",
        "the description is silent",
        Probe(
            lambda ee: _days(ee).map(lambda image: image.set("same", 1)).sort("same").aggregate_array("n"), [0, 1, 2]
        ),
    ),
    assumed(
        "sort-absent",
        "`sort` puts elements without the property last.",
        "the description is silent",
        Probe(
            lambda ee: (
                ee.FeatureCollection([ee.Feature(None, {}), ee.Feature(None, {"n": 1})]).sort("n").first().get("n")
            ),
            1,
        ),
    ),
    assumed(
        "merge-index",
        "`merge` prefixes ids with `1_` and `2_`.",
        "the description is silent",
        Probe(lambda ee: _days(ee).limit(1).merge(_days(ee).limit(1)).aggregate_array("system:index"), ["1_0", "2_0"]),
    ),
    documented(
        "toBands-names",
        "`toBands` names bands `<index>_<band>`.",
        API + "imagecollection-tobands",
        Probe(lambda ee: _days(ee).toBands().bandNames(), ["0_a", "1_a", "2_a"]),
    ),
    documented(
        "reduce-names",
        "`reduce` names bands `<band>_<reducer>`; `mode()`, `mean()`, `sum()`, `min()` and `max()` keep the names.",
        API + "imagecollection-reduce",
        Probe(
            lambda ee: [
                _days(ee).reduce(ee.Reducer.mean()).bandNames(),
                *(getattr(_days(ee), name)().bandNames() for name in ("mode", "mean", "sum", "min", "max")),
            ],
            [["a_mean"], ["a"], ["a"], ["a"], ["a"], ["a"]],
        ),
    ),
)


METADATA: tuple[EngineCheck, ...] = (
    assumed(
        "property-absent",
        "`get` of a property that an image does not have is null, and stays null in a dictionary.",
        "the description is silent",
        Probe(lambda ee: ee.Dictionary({"found": ee.Image(1).get("absent"), "one": 1}), {"found": None, "one": 1}),
    ),
    documented(
        "if-falsy",
        "`If`: 0, NaN, an empty string, list or dictionary, and null are false; anything else is true.",
        API + "algorithms-if",
        Probe(
            lambda ee: [
                ee.Algorithms.If(value, "yes", "no")
                for value in (0, 1, 2.5, "", "a", ee.List([]), ee.Dictionary({}), ee.Dictionary({"a": 0}), None)
            ],
            ["no", "yes", "yes", "no", "yes", "no", "no", "yes", "no"],
        ),
    ),
    assumed(
        "if-collections",
        "`If` can choose between collections, which can then be filtered.",
        "the description says `Object`",
        Probe(
            lambda ee: ee.ImageCollection(
                ee.Algorithms.If(_days(ee).size().gt(0), _days(ee), ee.ImageCollection([]))
            ).size(),
            3,
        ),
    ),
    documented(
        "number-min",
        "`Number.min` returns the smaller of two numbers.",
        API + "number-min",
        Probe(lambda ee: [ee.Number(7).min(3), ee.Number(2).min(3)], [3, 2]),
    ),
    assumed(
        "round-halves",
        "`round` rounds halves away from zero.",
        "the description says `the integer nearest to the input`",
        Probe(lambda ee: [ee.Number(value).round() for value in (0.5, 1.5, 2.5, -0.5, -2.5)], [1, 2, 3, -1, -3]),
    ),
    documented(
        "date-format",
        "`Image.date()` is `system:time_start`, and `format` takes Joda patterns, in UTC.",
        API + "date-format",
        Probe(
            lambda ee: ee.Image(1).set("system:time_start", 1_531_699_151_000).date().format("YYYY-MM-dd HH:mm:ss"),
            "2018-07-15 23:59:11",
        ),
    ),
    documented(
        "projection-crs",
        "`projection().crs()` is the authority's code.",
        API + "image-projection",
        Probe(lambda ee: ee.Image(1).reproject(ZONE, None, 10).projection().crs(), ZONE),
    ),
    documented(
        "projection-differs",
        "`projection()` of an image whose bands have different projections fails.",
        API + "image-projection",
        Probe(
            lambda ee: (
                ee.Image(1).reproject(ZONE, None, 10).addBands(ee.Image(2).reproject(ZONE, None, 20)).projection()
            ),
            REFUSED,
        ),
    ),
    documented(
        "select-renames",
        "`select` takes names or positions, and new names.",
        API + "image-select",
        Probe(lambda ee: ee.Image([1, 2]).rename(["a", "b"]).select([1], ["c"]).bandNames(), ["c"]),
    ),
    documented(
        "names-repeated",
        "`Image.cat` and `addBands` append `_1` to a repeated name.",
        API + "image-addbands",
        Probe(lambda ee: ee.Image.cat([ee.Image(n).rename("a") for n in range(3)]).bandNames(), ["a", "a_1", "a_2"]),
    ),
    documented(
        "addBands-metadata",
        "`addBands` keeps the metadata of the first image, also if it overwrites its bands.",
        API + "image-addbands",
        Probe(
            lambda ee: (
                ee.Image(1)
                .set("system:time_start", 5)
                .addBands(srcImg=ee.Image(2).set("system:time_start", 6), overwrite=True)
                .get("system:time_start")
            ),
            5,
        ),
    ),
    documented(
        "buffer-metres",
        "`buffer(r)` grows a geometry by r metres, within 1 % of r.",
        API + "geometry-buffer",
        Probe(lambda ee: ee.Geometry.Point([10, 50]).buffer(1000).area(1), 3_141_593, tolerance=0.03),
    ),
    documented(
        "centroid",
        "`centroid` of a polygon is the centre of its area, in longitude and latitude.",
        API + "geometry-centroid",
        Probe(
            lambda ee: (
                ee.Geometry.Polygon([[[10, 50], [10.02, 50], [10.02, 50.01], [10, 50.01]]]).centroid(1).coordinates()
            ),
            [10.01, 50.005],
            tolerance=1e-6,
        ),
    ),
    documented(
        "edges",
        "Edges in longitude and latitude are geodesics, and with `geodesic=False` straight. The local engine puts a "
        "point on them every 5 km, which is within a metre up to 60 degrees of latitude.",
        GUIDES + "geometries_planar_geodesic",
        Probe(
            lambda ee: [
                ee.Geometry.Polygon([_WIDE], None, geodesic).contains(ee.Geometry.Point(0, 60.3), 1)
                for geodesic in (True, False)
            ],
            [True, False],
        ),
    ),
    documented(
        "across-180",
        "Longitudes are on a circle: geometries meet across 180 degrees.",
        API + "geometry-bbox",
        Probe(lambda ee: ee.Geometry.BBox(179, 0, -179, 1).intersects(ee.Geometry.Point(-179.5, 0.5), 1), True),
    ),
    documented(
        "reduceRegion-count",
        "`reduceRegion` with `count` counts the pixels of the given scale whose centre is in the region.",
        GUIDES + "reducers_reduce_region",
        Probe(lambda ee: ee.Image(1).rename("a").reduceRegion(ee.Reducer.count(), _block(ee), 10, ZONE), {"a": 50}),
    ),
    assumed(
        "reduceRegion-masked",
        "Where all pixels are masked, `mean` is null and `count` is 0.",
        "the description is silent",
        Probe(
            lambda ee: [
                ee.Image(1).rename("a").updateMask(0).reduceRegion(reducer, _block(ee), 10, ZONE).get("a")
                for reducer in (ee.Reducer.mean(), ee.Reducer.count())
            ],
            [None, 0],
        ),
    ),
    documented(
        "reduceRegion-weights",
        "Weighted reducers weight a pixel by its share in the region, and leave it out below about 0.5 %: a region "
        "much smaller than a pixel has no mean. The local engine has 256 steps of weights.",
        GUIDES + "reducers_reduce_region",
    ),
)
