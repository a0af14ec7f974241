"""Beliefs about values: lists, collections, filters, dates, geometries and metadata.

The checks make all that they need in the request itself, so that they run on any world, and cost next to nothing.
"""

from typing import Any

from mmearth_devkit.beliefs.belief import API, GUIDES, LEFT, REFUSED, TOP, ZONE, Belief, Check, assumed, documented

DAY = 86_400_000
"""Milliseconds."""


def _days(ee: Any) -> Any:
    """Three images of band `a`, on 1, 2 and 3 January 1970, with the number of the day."""
    return ee.ImageCollection([ee.Image(n).rename("a").set("system:time_start", n * DAY, "n", n) for n in range(3)])


def _squares(ee: Any) -> Any:
    """Two features: a square of 2 degrees that holds (1, 1), and one beside it."""
    return ee.FeatureCollection(
        [
            ee.Feature(ee.Geometry.Rectangle([0, 0, 2, 2]), {"n": 1}),
            ee.Feature(ee.Geometry.Rectangle([3, 0, 5, 2]), {}),
        ]
    )


def _block(ee: Any) -> Any:
    """100 m x 50 m at the checks' place."""
    return ee.Geometry.Rectangle([LEFT, TOP - 50, LEFT + 100, TOP], ZONE, False)


COLLECTIONS: tuple[Belief, ...] = (
    assumed(
        "toList-empty",
        "`toList(1, k)` of a collection with k elements or fewer is [], so a first image may be asked for safely.",
        "the description says `the maximum number of elements to fetch`",
        Check(
            lambda ee: [ee.ImageCollection([]).toList(1), _days(ee).toList(1, 3), _days(ee).toList(1, 2).size()],
            [[], [], 1],
        ),
    ),
    assumed(
        "first-of-nothing",
        "`first()` of an empty collection is null.",
        "the practice of users",
        Check(lambda ee: ee.FeatureCollection([]).first(), None),
    ),
    assumed(
        "get-beyond-list",
        "`List.get` beyond the end fails.",
        "the description is silent",
        Check(lambda ee: ee.List([]).get(0), REFUSED),
    ),
    documented(
        "slice-beyond-list",
        "`List.slice` beyond the end is cut off, or [].",
        API + "list-slice",
        Check(lambda ee: [ee.List([1, 2]).slice(1, 9), ee.List([1, 2]).slice(5, 6)], [[2], []]),
    ),
    documented(
        "filterDate",
        "`filterDate(start, end)` compares `system:time_start`: the start is included, the end is not.",
        API + "imagecollection-filterdate",
        Check(lambda ee: _days(ee).filterDate("1970-01-01", "1970-01-03").aggregate_array("n"), [0, 1]),
    ),
    documented(
        "filterBounds",
        "`filterBounds` keeps what intersects the geometry.",
        API + "imagecollection-filterbounds",
        Check(lambda ee: _squares(ee).filterBounds(ee.Geometry.Rectangle([1, 1, 4, 1.5])).size(), 2),
    ),
    documented(
        "contains-geo",
        "`Filter.contains('.geo', g)` keeps what contains g wholly.",
        API + "filter-contains",
        Check(
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
        "the practice of users; the description speaks of the left geometry only",
        unchecked="It needs an image asset, and the core names none.",
    ),
    assumed(
        "filter-absent",
        "An element without the property does not pass `lt`, `gt` or `eq`; it passes `gte`, which the client sends as "
        "`lt`, negated.",
        "the description is silent",
        Check(
            lambda ee: [
                _squares(ee).filter(each).size()
                for each in (ee.Filter.lt("n", 9), ee.Filter.gt("n", 0), ee.Filter.eq("n", 1), ee.Filter.gte("n", 0))
            ],
            [1, 1, 1, 2],
        ),
    ),
    assumed(
        "sort-ties",
        "`sort` keeps the order of equals.",
        "the description is silent",
        Check(
            lambda ee: _days(ee).map(lambda image: image.set("same", 1)).sort("same").aggregate_array("n"), [0, 1, 2]
        ),
    ),
    assumed(
        "sort-absent",
        "`sort` puts elements without the property last.",
        "the description is silent",
        Check(
            lambda ee: (
                ee.FeatureCollection([ee.Feature(None, {}), ee.Feature(None, {"n": 1})]).sort("n").first().get("n")
            ),
            1,
        ),
    ),
    documented(
        "merge-index",
        "`merge` prefixes ids with `1_` and `2_`.",
        API + "imagecollection-merge",
        Check(lambda ee: _days(ee).limit(1).merge(_days(ee).limit(1)).aggregate_array("system:index"), ["1_0", "2_0"]),
    ),
    documented(
        "toBands-names",
        "`toBands` names bands `<index>_<band>`.",
        API + "imagecollection-tobands",
        Check(lambda ee: _days(ee).toBands().bandNames(), ["0_a", "1_a", "2_a"]),
    ),
    documented(
        "reduce-names",
        "`reduce` names bands `<band>_<reducer>`; `mode()`, `mean()`, `sum()`, `min()` and `max()` keep the names.",
        API + "imagecollection-reduce",
        Check(
            lambda ee: [
                _days(ee).reduce(ee.Reducer.mean()).bandNames(),
                *(getattr(_days(ee), name)().bandNames() for name in ("mode", "mean", "sum", "min", "max")),
            ],
            [["a_mean"], ["a"], ["a"], ["a"], ["a"], ["a"]],
        ),
    ),
)


METADATA: tuple[Belief, ...] = (
    assumed(
        "property-absent",
        "`get` of a property that an image lacks is null, and stays null in a dictionary.",
        "the description is silent",
        Check(lambda ee: ee.Dictionary({"found": ee.Image(1).get("absent"), "one": 1}), {"found": None, "one": 1}),
    ),
    documented(
        "if-falsy",
        "`If`: 0, an empty text, an empty list and null are false; anything else is true.",
        API + "algorithms-if",
        Check(
            lambda ee: [ee.Algorithms.If(value, "yes", "no") for value in (0, 1, 2.5, "", "a", ee.List([]), None)],
            ["no", "yes", "yes", "no", "yes", "no", "no"],
        ),
    ),
    assumed(
        "if-collections",
        "`If` may choose between collections, which can be filtered afterwards.",
        "the description says `Object`",
        Check(
            lambda ee: ee.ImageCollection(
                ee.Algorithms.If(_days(ee).size().gt(0), _days(ee), ee.ImageCollection([]))
            ).size(),
            3,
        ),
    ),
    documented(
        "number-min",
        "`Number.min` takes the lesser of two numbers.",
        API + "number-min",
        Check(lambda ee: [ee.Number(7).min(3), ee.Number(2).min(3)], [3, 2]),
    ),
    assumed(
        "round-halves",
        "`round` takes halves away from zero.",
        "the description says `the integer nearest to the input`",
        Check(lambda ee: [ee.Number(value).round() for value in (0.5, 1.5, 2.5, -0.5, -2.5)], [1, 2, 3, -1, -3]),
    ),
    documented(
        "date-format",
        "`Image.date()` is `system:time_start`, and `format` takes Joda patterns, in UTC.",
        API + "date-format",
        Check(
            lambda ee: ee.Image(1).set("system:time_start", 1_531_699_151_000).date().format("YYYY-MM-dd HH:mm:ss"),
            "2018-07-15 23:59:11",
        ),
    ),
    documented(
        "projection-crs",
        "`projection().crs()` is the authority's code; `projection()` fails when the bands differ.",
        API + "image-projection",
        Check(lambda ee: ee.Image(1).reproject(ZONE, None, 10).projection().crs(), ZONE),
    ),
    documented(
        "projection-differs",
        "`projection()` of an image whose bands have different projections fails.",
        API + "image-projection",
        Check(
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
        Check(lambda ee: ee.Image([1, 2]).rename(["a", "b"]).select([1], ["c"]).bandNames(), ["c"]),
    ),
    documented(
        "names-repeated",
        "`Image.cat` and `addBands` append `_1` to a name that comes again.",
        API + "image-addbands",
        Check(lambda ee: ee.Image.cat([ee.Image(n).rename("a") for n in range(3)]).bandNames(), ["a", "a_1", "a_2"]),
    ),
    documented(
        "buffer-metres",
        "`buffer(r)` grows a geometry by r metres, within 1 % of r.",
        API + "geometry-buffer",
        Check(lambda ee: ee.Geometry.Point([10, 50]).buffer(1000).area(1), 3_141_593, tolerance=0.03),
    ),
    documented(
        "centroid",
        "`centroid` of a polygon is the centre of its area, in longitude and latitude.",
        API + "geometry-centroid",
        Check(
            lambda ee: (
                ee.Geometry.Polygon([[[10, 50], [10.02, 50], [10.02, 50.01], [10, 50.01]]]).centroid(1).coordinates()
            ),
            [10.01, 50.005],
            tolerance=1e-6,
        ),
    ),
    documented(
        "edges",
        "Edges of geometries in longitude and latitude follow the shortest path on the ground. The local engine draws "
        "them straight: for a tile of a kilometre less than a millimetre off.",
        GUIDES + "geometries_planar_geodesic",
    ),
    documented(
        "reduceRegion-count",
        "`reduceRegion` with `count` counts the pixels, of the given scale, whose centre is in the region.",
        GUIDES + "reducers_reduce_region",
        Check(lambda ee: ee.Image(1).rename("a").reduceRegion(ee.Reducer.count(), _block(ee), 10, ZONE), {"a": 50}),
    ),
    assumed(
        "reduceRegion-masked",
        "Where all pixels are masked, `mean` is null and `count` is 0.",
        "the description is silent",
        Check(
            lambda ee: [
                ee.Image(1).rename("a").updateMask(0).reduceRegion(reducer, _block(ee), 10, ZONE).get("a")
                for reducer in (ee.Reducer.mean(), ee.Reducer.count())
            ],
            [None, 0],
        ),
    ),
    documented(
        "reduceRegion-weights",
        "Weighted reducers count a pixel by the share of it in the region, in 256 steps: a region much smaller than a "
        "pixel has no mean.",
        GUIDES + "reducers_weighting",
    ),
)
