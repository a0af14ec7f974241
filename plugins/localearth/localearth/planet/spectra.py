"""Spectra: reflectances of surfaces in Sentinel-2's bands, and the effect of the atmosphere.

Surface reflectances times 10,000; rounded figures similar to those in spectral libraries, not copied from one.
"""

BANDS = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12")
"""The bands of Sentinel-2, in the order of the columns below."""

RESOLUTION = dict(zip(BANDS, (60, 10, 10, 10, 20, 20, 20, 10, 20, 60, 60, 20, 20), strict=True))
"""Pixel size of the bands, metres (Sentinel-2 User Handbook)."""

SPECTRA: dict[str, tuple[float, ...]] = {
    "broadleaf": (200, 235, 455, 270, 780, 2350, 2950, 3150, 3300, 3250, 10, 1500, 680),
    "conifer": (170, 205, 325, 235, 470, 1350, 1650, 1760, 1850, 1850, 10, 800, 350),
    "grass": (310, 370, 690, 450, 1150, 2500, 3000, 3200, 3350, 3300, 10, 2150, 1200),
    "crop": (270, 320, 630, 350, 1020, 3250, 4150, 4450, 4600, 4550, 10, 1950, 930),
    "straw": (600, 760, 1090, 1340, 1700, 2050, 2250, 2450, 2650, 2750, 12, 3500, 2600),
    "soil": (480, 590, 830, 1090, 1280, 1450, 1600, 1760, 1900, 2000, 12, 2750, 2450),
    "sand": (820, 1060, 1560, 2120, 2750, 2900, 3050, 3200, 3350, 3400, 15, 4400, 4000),
    "rock": (720, 820, 980, 1110, 1190, 1250, 1300, 1360, 1420, 1460, 12, 1750, 1620),
    "water": (230, 250, 200, 105, 85, 60, 50, 40, 35, 30, 8, 15, 10),
    "silt": (400, 520, 760, 690, 640, 340, 320, 250, 210, 170, 8, 55, 35),
    "asphalt": (640, 700, 780, 840, 890, 940, 990, 1050, 1100, 1150, 12, 1350, 1280),
    "roof": (1350, 1530, 1720, 1860, 1950, 2020, 2100, 2200, 2280, 2320, 15, 2600, 2450),
    "tile": (540, 620, 820, 1350, 1580, 1700, 1820, 1980, 2080, 2120, 12, 2500, 2300),
    "snow": (8600, 8800, 8700, 8500, 8300, 8100, 7900, 7600, 7300, 6200, 60, 900, 700),
}
"""The materials; every surface is a mixture of them."""

CLOUD = (7300, 7100, 6900, 6900, 7000, 7100, 7200, 7300, 7300, 4200, 350, 5200, 3900)
"""Reflectance of a thick cloud, seen from above."""

PATH = (1010, 740, 440, 260, 205, 155, 130, 100, 80, 30, 9, 12, 6)
"""Light that the atmosphere scatters to the satellite on a clear day."""

PASSED = (0.80, 0.83, 0.87, 0.91, 0.92, 0.94, 0.95, 0.955, 0.96, 0.36, 0.03, 0.965, 0.965)
"""The share of a surface's light that reaches the satellite."""
