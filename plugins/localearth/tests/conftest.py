"""Shared fixtures: a small Earth Engine in memory, asked through the real `ee` client."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import ee
import numpy as np
import pytest
from attrs import define, field, frozen
from localearth.transport import LocalTransport
from localearth.worlds import arrays
from localearth.worlds.base import FeatureRecord, ImageAsset, selected
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

UTM = "EPSG:32618"
ORIGIN = (399960.0, 4200000.0)
DAY = 86_400_000


@frozen(eq=False)
class MemoryBand(arrays.ArrayBand):
    """A band whose pixels are an array; it remembers the windows that are read."""

    reads: list[tuple[int, int, int, int]] = field(factory=list)

    def read(self, row: int, col: int, rows: int, cols: int) -> tuple[np.ndarray, np.ndarray]:
        assert row >= 0 and col >= 0 and row + rows <= self.height and col + cols <= self.width
        self.reads.append((row, col, rows, cols))
        return super().read(row, col, rows, cols)


@define(eq=False)
class MemoryCollection(arrays.ArrayCollection):
    """A collection that records the region and the interval of each request."""

    asked: list[tuple[Any, Any]] = field(factory=list)

    def images(self, region: BaseGeometry | None = None, interval: Any = None) -> Sequence[ImageAsset]:
        self.asked.append((region, interval))
        return selected(self.members, region, interval)


@frozen(eq=False)
class MemoryTable:
    """A table of features."""

    id: str
    rows: Sequence[FeatureRecord]
    properties: Mapping[str, Any] = field(factory=dict)

    def features(self, region: BaseGeometry | None = None) -> Sequence[FeatureRecord]:
        return [each for each in self.rows if region is None or each.geometry.intersects(region)]


@frozen(eq=False)
class MemoryWorld:
    """Assets by id; images inside collections too."""

    assets: dict[str, Any] = field(factory=dict)
    name: str = "memory"

    def find(self, asset_id: str) -> Any:
        return self.assets.get(asset_id)

    def add(self, asset: Any) -> Any:
        self.assets[asset.id] = asset
        for each in getattr(asset, "members", ()):
            self.assets[each.id] = each
        return asset


def lonlat(shape: BaseGeometry, crs: str = UTM) -> BaseGeometry:
    """A shape of a CRS in EPSG:4326."""
    return arrays.to_lonlat(shape, crs)


def scene(index: str, start: int, clouds: float, seed: int, size: int = 240) -> ImageAsset:
    """An image with bands of 10, 20 and 60 m, as optical scenes have them; `size` 10 m pixels per side."""
    random = np.random.default_rng(seed)
    x, y = ORIGIN
    bands = []
    for name, metres in (("B1", 60), ("B2", 10), ("B3", 10), ("B5", 20), ("QA60", 60)):
        n = size * 10 // metres
        pixels = random.integers(1, 5000, (n, n)).astype(np.uint16)
        bands.append(MemoryBand(name, pixels, UTM, (metres, 0.0, x, 0.0, -metres, y)))
    edge = size * 10
    footprint = lonlat(box(x, y - edge, x + edge, y))
    properties = {"system:time_start": start, "CLOUDS": clouds, "TILE": "18SUG"}
    return ImageAsset(f"TEST/SCENES/{index}", properties, bands, footprint)


@pytest.fixture
def world() -> MemoryWorld:
    """Four scenes of January 2017 at one place, one without clouds property; and a table of two squares."""
    january = 1_483_228_800_000
    made = MemoryWorld()
    members = [
        scene(f"2017010{n + 1}T000000_S", january + n * DAY, clouds, n)
        for n, clouds in enumerate((5.0, 50.0, 7.5, 0.0))
    ]
    made.add(MemoryCollection("TEST/SCENES", members, {"title": "Scenes"}))
    squares = [
        FeatureRecord(str(n), box(n, 0, n + 1, 1), {"name": name, "size": n}) for n, name in enumerate(("a", "b"))
    ]
    made.add(MemoryTable("TEST/SQUARES", squares))
    return made


class Switch:
    """A transport whose world can be exchanged: setting up the client takes far longer than a test."""

    def __init__(self) -> None:
        self.local = LocalTransport(MemoryWorld())

    def request(self, *arguments: Any, **options: Any) -> Any:
        return self.local.request(*arguments, **options)


@pytest.fixture(scope="module")
def client() -> Iterator[Switch]:
    """The real client, set up once per module."""
    switch = Switch()
    ee.Reset()
    ee.Initialize(credentials=None, project="local", http_transport=switch)
    ee.data.setMaxRetries(0)
    yield switch
    ee.Reset()


@pytest.fixture
def local(world: MemoryWorld, client: Switch) -> MemoryWorld:
    """The world, with the `ee` client turned to it."""
    client.local = LocalTransport(world)
    return world


@pytest.fixture
def engine(client: Switch) -> Callable[[Any], None]:
    """Turns the client to a world that the test makes."""

    def connect(world: Any) -> None:
        client.local = LocalTransport(world)

    return connect


@pytest.fixture(scope="session")
def planet() -> Any:
    """The synthetic planet; what it has computed is kept."""
    from localearth.planet.world import SyntheticWorld

    return SyntheticWorld()


@pytest.fixture
def earth(planet: Any, engine: Callable[[Any], None]) -> ee.Geometry:
    """A point on farmland, with the client turned to the planet."""
    engine(planet)
    return ee.Geometry.Point(-89.9375, 44.9375)


@pytest.fixture(scope="session")
def ms() -> Callable[..., float]:
    """The milliseconds since 1970 of a day: (year, month, day)."""
    return lambda *day: dt.datetime(*day, tzinfo=dt.UTC).timestamp() * 1000.0


@pytest.fixture
def kit() -> Any:
    """The classes of the memory world, for tests that make their own."""

    class Kit:
        Band = MemoryBand
        Collection = MemoryCollection
        World = MemoryWorld
        Asset = ImageAsset
        scene = staticmethod(scene)
        lonlat = staticmethod(lonlat)
        origin = ORIGIN
        utm = UTM

    return Kit


@pytest.fixture
def dem(engine: Callable[[Any], None]) -> Callable[..., ee.Image]:
    """Makes the only image of a new world, with a band `b1`: (heights, transform, crs, valid)."""

    def make(heights: np.ndarray, transform: tuple[float, ...], crs: str = UTM, *valid: np.ndarray) -> ee.Image:
        world = MemoryWorld()
        world.add(ImageAsset("DEM", {}, [MemoryBand("b1", heights, crs, transform, *valid)]))
        engine(world)
        return ee.Image("DEM")

    return make


@pytest.fixture(scope="session")
def grid_of() -> Callable[..., dict[str, Any]]:
    """A request's grid with its upper left corner at (x, y)."""

    def grid(x: float, y: float, width: int, height: int, scale: float = 10.0, crs: str = UTM) -> dict[str, Any]:
        affine = {"scaleX": scale, "shearX": 0, "translateX": x, "shearY": 0, "scaleY": -scale, "translateY": y}
        return {"dimensions": {"width": width, "height": height}, "affineTransform": affine, "crsCode": crs}

    return grid


@pytest.fixture(scope="session")
def pixels(grid_of: Callable[..., dict[str, Any]]) -> Callable[..., np.ndarray]:
    """Asks computePixels for an image as a structured array: (image, x, y, width, height, scale, crs)."""

    def ask(image: ee.Image, *grid: Any) -> np.ndarray:
        return ee.data.computePixels({"expression": image, "fileFormat": "NUMPY_NDARRAY", "grid": grid_of(*grid)})

    return ask


@frozen
class Plot:
    """Pixels of 10 m from a corner: images of them, rectangles, and requests; columns and rows count from it."""

    connect: Callable[[Any], None]
    ask: Callable[..., np.ndarray]
    x = 500_000.0
    y = 5_000_000.0
    crs = "EPSG:32632"
    transform = (10.0, 0.0, x, 0.0, -10.0, y)

    def image(self, *bands: tuple[Any, ...], **properties: Any) -> ee.Image:
        """The only image of a new world, of bands (name, values) or (name, values, valid)."""
        made = [MemoryBand(name, values, self.crs, self.transform, *valid) for name, values, *valid in bands]
        self.connect(arrays.ArrayWorld(arrays.image("T/V", made, **properties)))
        return ee.Image("T/V")

    def box(self, col: float, row: float, cols: float, rows: float) -> ee.Geometry:
        """A rectangle in pixels."""
        west, north = self.x + 10 * col, self.y - 10 * row
        return ee.Geometry.Rectangle([west, north - 10 * rows, west + 10 * cols, north], self.crs, False)

    def where(self, *box: float) -> dict[str, Any]:
        """The region of a rectangle and its grid, as arguments of `reduceRegion`."""
        return {"geometry": self.box(*box), "crs": self.crs, "crsTransform": list(self.transform)}

    def pixels(self, image: ee.Image, cols: int, rows: int | None = None, col: int = 0, row: int = 0) -> np.ndarray:
        """A structured array; of a square without `rows`."""
        return self.ask(image, self.x + 10 * col, self.y - 10 * row, cols, rows or cols, 10.0, self.crs)


@pytest.fixture
def plot(engine: Callable[[Any], None], pixels: Callable[..., np.ndarray]) -> Plot:
    """Images of 10 m pixels and what is asked of them; the client is turned to their world when one is made."""
    return Plot(engine, pixels)


@pytest.fixture(scope="session")
def reader() -> Callable[..., Any]:
    """Makes a function that reads any window of an array; beyond the edge it is masked."""

    def of(values: np.ndarray, mask: np.ndarray | None = None) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
        mask = np.ones(values.shape, bool) if mask is None else mask

        def read(row: int, col: int, rows: int, cols: int) -> tuple[np.ndarray, np.ndarray]:
            out, good = np.zeros((rows, cols), values.dtype), np.zeros((rows, cols), bool)
            r0, r1 = max(row, 0), min(row + rows, values.shape[0])
            c0, c1 = max(col, 0), min(col + cols, values.shape[1])
            if r0 < r1 and c0 < c1:
                out[r0 - row : r1 - row, c0 - col : c1 - col] = values[r0:r1, c0:c1]
                good[r0 - row : r1 - row, c0 - col : c1 - col] = mask[r0:r1, c0:c1]
            return out, good

        return read

    return of


@pytest.fixture(scope="session")
def by_gdal() -> Callable[..., np.ndarray]:
    """GDAL's pixels of a raster on a grid, NaN where it has none: (values, crs, transform, grid, method)."""
    from rasterio.transform import Affine
    from rasterio.warp import Resampling, reproject

    def resampled(values: np.ndarray, crs: str, transform: Any, grid: Any, method: Any) -> np.ndarray:
        out = np.full(grid.shape, np.nan)
        # For a rotated grid, GDAL assumes larger pixels and averages over several, unless the scale is given.
        scale = {"XSCALE": 1, "YSCALE": 1} if method in (Resampling.nearest, Resampling.bilinear) else {}
        reproject(
            values.astype(float),
            out,
            src_transform=Affine(*transform),
            src_crs=crs,
            dst_transform=Affine(*grid.transform),
            dst_crs=grid.crs,
            resampling=method,
            src_nodata=np.nan,
            dst_nodata=np.nan,
            tolerance=0,
            **scale,
        )
        return out

    return resampled


@pytest.fixture(scope="session")
def segments() -> Callable[..., list[list[tuple[int, int]]]]:
    """Groups of connected equal pixels, (values, valid, diagonal), by their first pixels."""

    def found(values: np.ndarray, valid: np.ndarray, diagonal: bool) -> list[list[tuple[int, int]]]:
        steps = [(0, 1), (1, 0), (0, -1), (-1, 0)] + ([(1, 1), (1, -1), (-1, 1), (-1, -1)] if diagonal else [])
        left, groups = {(int(row), int(col)): None for row, col in np.argwhere(valid)}, []
        while left:
            group = [next(iter(left))]
            del left[group[0]]
            for row, col in group:  # it grows
                for near in ((row + down, col + right) for down, right in steps):
                    if near in left and values[near] == values[row, col]:
                        del left[near]
                        group.append(near)
            groups.append(sorted(group))
        return groups

    return found


@pytest.fixture
def tile() -> Polygon:
    """A square of 1 km well inside the scenes, in EPSG:4326."""
    x, y = ORIGIN
    return lonlat(box(x + 500, y - 1500, x + 1500, y - 500))
