"""The layers of Sentinel-2: bands, units, no-data and classes.

Source: Sentinel-2 User Handbook and the Earth Engine catalogue pages of COPERNICUS/S2_HARMONIZED
and COPERNICUS/S2_SR_HARMONIZED. Layout and no-data are the published MMEarth's.
"""

from mmearth_core import Band, ClassLabel, Kind, Layer, Preview, Resampling

_REFLECTANCE = "1e-4"
"""Reflectance times 10,000."""


def _reflectance(name: str, metres: int, s2a: float, s2b: float, description: str) -> Band:
    """A band; `s2a` and `s2b` are the central wavelengths of Sentinel-2A and 2B in nanometres."""
    # Bands of 10 m are on the tile's own grid; resampling would only blur them.
    resampling = Resampling.NEAREST if metres == 10 else Resampling.BILINEAR
    text = f"{description}, {s2a} nm (S2A) or {s2b} nm (S2B), {metres} m"
    return Band(name, "uint16", 0, unit=_REFLECTANCE, description=text, resampling=resampling, pixel_size=metres)


REFLECTANCE = Layer(
    "sentinel2",
    [
        _reflectance("B1", 60, 443.9, 442.3, "coastal aerosol"),
        _reflectance("B2", 10, 496.6, 492.1, "blue"),
        _reflectance("B3", 10, 560, 559, "green"),
        _reflectance("B4", 10, 664.5, 665, "red"),
        _reflectance("B5", 20, 703.9, 703.8, "red edge 1"),
        _reflectance("B6", 20, 740.2, 739.1, "red edge 2"),
        _reflectance("B7", 20, 782.5, 779.7, "red edge 3"),
        _reflectance("B8A", 20, 864.8, 864, "narrow near infrared"),
        _reflectance("B8", 10, 835.1, 833, "near infrared"),
        _reflectance("B9", 60, 945, 943.2, "water vapour"),
        _reflectance("B10", 60, 1373.5, 1376.9, "cirrus; level 1C only"),
        _reflectance("B11", 20, 1613.7, 1610.4, "short-wave infrared 1"),
        _reflectance("B12", 20, 2202.4, 2185.7, "short-wave infrared 2"),
    ],
    description="top-of-atmosphere (l1c) or surface (l2a) reflectance",
    preview=Preview(("B4", "B3", "B2"), low=0, high=2400, gamma=1.6),
    # At the top of the atmosphere haze brightens the scene, most in blue.
    variant_previews={
        "l1c": Preview(("B4", "B3", "B2"), low=(250, 450, 680), high=(2400, 2300, 2300), gamma=1.6),
    },
)

CLOUD_MASK = Layer(
    "sentinel2_cloudmask",
    [
        Band(
            "QA60",
            "uint16",
            65535,
            description="cloud mask, bits 10 and 11, 60 m; masked from 2022-01-25 to 2024-02-28",
            classes=(
                ClassLabel(0, "clear", "#dfe8d8"),
                ClassLabel(1024, "opaque clouds", "#ffffff"),
                ClassLabel(2048, "cirrus clouds", "#b8d3ea"),
                ClassLabel(3072, "opaque and cirrus clouds", "#8fb0cc"),
            ),
            pixel_size=60,
        )
    ],
    kind=Kind.CLASSES,
    description="cloud mask",
    preview=Preview(("QA60",), low=0, high=3072),
)

CLOUD_PROBABILITY = Layer(
    "sentinel2_cloudprod",
    [
        Band(
            "MSK_CLDPRB",
            "uint16",
            65535,
            unit="%",
            description="cloud probability, 20 m; level 2A only, and not of every image",
            resampling=Resampling.BILINEAR,
            pixel_size=20,
        )
    ],
    description="cloud probability",
    preview=Preview(("MSK_CLDPRB",), low=0, high=100, colormap="Blues_r"),
)

SCENE_CLASSIFICATION = Layer(
    "sentinel2_scl",
    [
        Band(
            "SCL",
            "uint8",
            255,
            description="scene classification, 20 m; level 2A only",
            classes=(
                ClassLabel(0, "no data, masked in Earth Engine", "#000000"),
                ClassLabel(1, "saturated or defective", "#ff0004"),
                ClassLabel(2, "dark area", "#868686"),
                ClassLabel(3, "cloud shadow", "#774b0a"),
                ClassLabel(4, "vegetation", "#10d22c"),
                ClassLabel(5, "bare soil", "#ffff52"),
                ClassLabel(6, "water", "#0000ff"),
                ClassLabel(7, "cloud, low probability, or unclassified", "#818181"),
                ClassLabel(8, "cloud, medium probability", "#c0c0c0"),
                ClassLabel(9, "cloud, high probability", "#f1f1f1"),
                ClassLabel(10, "cirrus", "#bac5eb"),
                ClassLabel(11, "snow or ice", "#52fff9"),
            ),
            pixel_size=20,
        )
    ],
    kind=Kind.CLASSES,
    description="scene classification",
    preview=Preview(("SCL",), low=0, high=11),
)

CLOUD_CLASSES = Layer(
    "sentinel2_cloudclasses",
    [
        Band(
            name,
            "uint8",
            255,
            description=f"{what}, 60 m; from February 2024",
            classes=(ClassLabel(0, f"no {what}"), yes),
            pixel_size=60,
        )
        for name, what, yes in (
            ("MSK_CLASSI_OPAQUE", "opaque clouds", ClassLabel(1, "opaque clouds", "#ffffff")),
            ("MSK_CLASSI_CIRRUS", "cirrus clouds", ClassLabel(1, "cirrus clouds", "#b8d3ea")),
            ("MSK_CLASSI_SNOW_ICE", "snow or ice", ClassLabel(1, "snow or ice", "#52fff9")),
        )
    ],
    kind=Kind.CLASSES,
    description="clouds, and snow or ice",
    preview=Preview(("MSK_CLASSI_OPAQUE",), low=0, high=1),
)
"""The bands from which Earth Engine computes QA60 since February 2024; with the option `cloud_classes` only."""

LAYERS = (REFLECTANCE, CLOUD_MASK, CLOUD_PROBABILITY, SCENE_CLASSIFICATION)
