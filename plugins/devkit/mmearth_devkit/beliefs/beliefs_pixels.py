"""Beliefs about the pixels of a request: masks, types, and limits."""

from typing import Any

from mmearth_devkit.beliefs.belief import (
    API,
    GUIDES,
    LEFT,
    REST,
    TOP,
    ZONE,
    Belief,
    Check,
    assumed,
    documented,
    fields,
    row_of,
)


def _western_half(ee: Any) -> Any:
    """The value 1 in the two western pixels of four of 10 m, by a footprint that ends there."""
    return ee.Image(1).rename("a").clip(ee.Geometry.Rectangle([LEFT, TOP - 10, LEFT + 20, TOP], ZONE, False))


MASKS: tuple[Belief, ...] = (
    documented(
        "unmask-everywhere",
        "`unmask(v, sameFootprint=False)` fills outside the image's footprint too.",
        API + "image-unmask",
        Check(lambda ee: _western_half(ee).unmask(9, False), {"a": [1, 1, 9, 9]}, row_of(4)),
    ),
    documented(
        "unmask-footprint",
        "`unmask(v)` alone leaves what is outside the footprint masked.",
        API + "image-unmask",
        Check(lambda ee: _western_half(ee).unmask(9).unmask(7, False), {"a": [1, 1, 7, 7]}, row_of(4)),
    ),
    assumed(
        "masked-is-0",
        "Masked pixels are 0 in NPY.",
        "NPY has no mask; the project fills every band itself, and only the local engine's tests rely on it",
        Check(lambda ee: ee.Image(5).rename("a").updateMask(0), {"a": [0, 0]}, row_of(2)),
    ),
    assumed(
        "masked-is-0-geotiff",
        "Masked pixels are 0 in GeoTIFF.",
        "as in NPY",
        unchecked="The core asks for NPY only; the local engine offers GeoTIFF to other programs.",
    ),
    assumed(
        "clip-centres",
        "`clip` keeps the pixels whose centre is inside.",
        "the description says `data not covered by the geometry is masked`",
        Check(
            lambda ee: (
                ee.Image(1)
                .rename("a")
                .clip(ee.Geometry.Rectangle([LEFT, TOP - 10, LEFT + 12, TOP], ZONE, False))
                .unmask(9, False)
            ),
            {"a": [1, 9]},
            row_of(2),
        ),
    ),
    assumed(
        "mask-fractions",
        "A mask above 0 counts as valid when pixels are downloaded.",
        "guides say that masks may be fractions, not what becomes of them in a file",
        Check(lambda ee: ee.Image(5).rename("a").updateMask(0.25), {"a": [5]}, row_of(1)),
    ),
)


TYPES: tuple[Belief, ...] = (
    documented(
        "npy-fields",
        "NPY is a structured array: a field for each band, in the image's order.",
        API + "image-getdownloadurl",
        Check(
            lambda ee: ee.Image.cat([ee.Image(n).toUint8().rename(name) for n, name in enumerate("cab")]),
            {"c": [0], "a": [1], "b": [2]},
            row_of(1),
        ),
    ),
    assumed(
        "npy-types",
        "Every band of an NPY comes in its own type, as the casts in the graph say.",
        "the page on downloads says `a structured array`, which allows it; it does not say it of the types",
        Check(
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
        "Casts of pixels cut fractions off, and take values beyond the range to its ends.",
        "documented for numbers (" + API + "number-touint16), not for images",
        Check(
            lambda ee: ee.Image([300, -5, 2.75]).rename(["over", "under", "between"]).toUint8(),
            {"over": [255], "under": [0], "between": [2]},
            row_of(1),
        ),
    ),
    assumed(
        "nan-casts-to-0",
        "A NaN cast to an integer is 0.",
        "the description is silent; the project masks and fills before it casts",
        unchecked="No constant expression is known that makes a NaN pixel and leaves it valid.",
    ),
    documented(
        "types-unite",
        "Arithmetic has the union of its inputs' types; `float` with `int` is not less than float.",
        API + "image-add",
        Check(
            lambda ee: ee.Image(1).toUint16().add(ee.Image(0.5).toFloat()).rename("a").toFloat(),
            {"a": [1.5]},
            row_of(1),
        ),
    ),
)


REQUESTS: tuple[Belief, ...] = (
    assumed(
        "mask-bytes",
        "The 48 MB of a request count a byte for the mask of every pixel and band.",
        "a stricter reading of " + REST + "projects.image/computePixels; the project stays far below",
        unchecked="It would take a request of 48 MB.",
    ),
    documented(
        "request-limits",
        "computePixels: 48 MB uncompressed, 32K pixels a side, 1,024 bands; beyond, HTTP status 400.",
        REST + "projects.image/computePixels",
    ),
    documented(
        "element-limit",
        "A request shows at most 5,000 elements of a collection.",
        GUIDES + "debugging",
    ),
    assumed(
        "download-grid",
        "A download URL with `scale` has whole pixels of the projection, counted from its origin; with `dimensions` "
        "the pixels start at the corner of the region.",
        "the description of `clipToBoundsAndScale` is silent",
        unchecked="Only programs on the local engine download that way; the project fixes every grid itself.",
    ),
    documented(
        "concurrency",
        "40 requests of a project may be under way at once; more are refused with HTTP status 429.",
        GUIDES + "usage",
    ),
    documented(
        "hopeless",
        "`User memory limit exceeded` and `Computation timed out` come with HTTP status 400; the request fails again.",
        GUIDES + "debugging",
    ),
)
