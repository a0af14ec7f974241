"""Speed and memory of sampling, importing and reading 1.4 million tiles.

    python benchmarks/tiles.py [FOLDER] [TILES]

Makes a polygon file of the synthetic planet's 846 ecoregions with at least 3 million vertices (needs
mmearth-localearth[planet]), then runs every step in a process of its own and prints its time and its peak memory.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VERTICES = 3_000_000
TILES = 1_400_000
SMALL = 14_000


def polygons(path: Path) -> None:
    """The ecoregions with winding borders, as a GeoPackage with RESOLVE's columns."""
    import geopandas as gpd
    import numpy as np
    import shapely
    from localearth.planet.ecoregions import ID
    from localearth.planet.world import SyntheticWorld

    records = SyntheticWorld().find(ID).features()
    shapes = np.asarray([record.geometry for record in records], dtype=object)
    step = 0.05
    while shapely.get_num_coordinates(dense := shapely.segmentize(shapes, step)).sum() < VERTICES:
        step *= 0.8

    def wind(points: np.ndarray) -> np.ndarray:
        # The same for the same point, so that neighbours keep their common border.
        x, y = points.T
        return points + 0.1 * step * np.column_stack([np.sin(9000 * x + 7000 * y), np.sin(8000 * x - 9500 * y)])

    wound = shapely.make_valid(shapely.transform(dense, wind), method="structure", keep_collapsed=False)
    columns = {name: [record.properties[name] for record in records] for name in ("ECO_NAME", "BIOME_NAME", "REALM")}
    gpd.GeoDataFrame(columns, geometry=wound, crs="EPSG:4326").to_file(path)
    print(f"{len(wound)} regions, {int(shapely.get_num_coordinates(wound).sum()):,} vertices")


def into_dataset(tiles: Path, dataset: Path) -> None:
    """Reads a tiles file and imports it into a dataset."""
    from mmearth_core.tiles.index import import_tiles
    from mmearth_core.tiles.read import read_tiles

    import_tiles(read_tiles(tiles), dataset)


def read(dataset: Path, times: int = 20) -> None:
    """Reads partitions from all over a dataset; prints the time of one."""
    from mmearth_core.tiles.index import TileIndex

    index = TileIndex(dataset)
    sizes = index.sizes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    for number in range(times):
        index.read(number * len(sizes) // times)
    each = (time.perf_counter() - start) / times
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"one of {len(sizes)} partitions, {sizes[0]} tiles: {each * 1e3:.1f} ms; {more:.0f} MB more for {times}")


def measured(what: str, *words: str) -> None:
    """Runs a command; prints its time and peak memory."""
    start = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL if "tiles" in words else None)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{what} failed")
    print(f"{what:<34} {time.perf_counter() - start:7.1f} s {usage.ru_maxrss / 1024:7.0f} MB", flush=True)


def main() -> None:
    """Runs all steps."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else scratch)
        folder.mkdir(parents=True, exist_ok=True)
        number = int(sys.argv[2]) if len(sys.argv) > 2 else TILES
        step = [sys.executable, __file__, "--step"]
        regions = folder / "regions.gpkg"
        if not regions.exists():
            # Not in this process: a child's peak begins with its parent's memory.
            subprocess.run([*step, "polygons", str(regions)], check=True)
        command = [sys.executable, "-m", "mmearth_core", "tiles", "--source", str(regions), "--seed", "1", "--json"]
        for suffix in (".gpkg", ".geojson", ".fgb"):
            out = folder / f"tiles{suffix}"
            measured(f"{number:,} tiles, {suffix}", *command, "--number", str(number), "-o", str(out))
        spaced = [*command, "--number", str(number), "--no-overlap", "-o", str(folder / "apart.gpkg")]
        measured("the same, --no-overlap, .gpkg", *spaced)
        measured("import them", *step, "into_dataset", str(folder / "tiles.gpkg"), str(folder / "all" / "tiles.gpkg"))
        measured("read partitions", *step, "read", str(folder / "all" / "tiles.gpkg"))
        few = folder / "few.gpkg"
        measured(f"{SMALL:,} tiles, .gpkg", *command, "--number", str(SMALL), "-o", str(few))
        measured("import them", *step, "into_dataset", str(few), str(folder / "few" / "tiles.gpkg"))
        measured("read partitions", *step, "read", str(folder / "few" / "tiles.gpkg"))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        {"polygons": polygons, "into_dataset": into_dataset, "read": read}[sys.argv[2]](*map(Path, sys.argv[3:]))
    else:
        main()
