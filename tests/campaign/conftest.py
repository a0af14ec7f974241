"""A small sea with two charts, 200 tiles of it, and the datasets that runs leave when things go wrong around them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import h5py
import numpy as np
import pytest
import rasterio
from mmearth_devkit.testing.command_line import cli, summary
from mmearth_devkit.testing.third_party import site_of
from shapely.geometry import box

TILES = 200
SKIPPED = 10
"""Tiles beyond the chart."""

PLUGIN = Path(__file__).with_name("sea_plugin.py")

WORLD = """
[[collection]]
id = "TEST/CHART"
bands = { depth = "depth.tif", mud = "mud.tif" }
[[collection.image]]
index = "2020"
time = 2020-05-17T12:00:00Z

[[image]]
id = "TEST/TIDE"
bands = { height = "height.tif" }
"""

CONFIG = """
[dataset]
name = "sea"
tiles = "{sea}/tiles.geojson"
image_size = 8
partition_size = 50

[run]
engine = "local"
{run}

[engines.local]
{engine}

[modalities.chart]
[modalities.tide]
{faults}
"""

WEST, NORTH, STEP = 500_000.0, 4_100_000.0, 200.0
"""The sea's corner and the distance of its tiles, in metres of EPSG:32618."""


plugin = site_of("mmearth-sea", PLUGIN.read_text(), scope="module")


@pytest.fixture(scope="module")
def sea(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the world `sea.toml` and `tiles.geojson`: ten rows of 20 tiles, one column beyond the chart."""
    folder = tmp_path_factory.mktemp("sea")
    chance = np.random.default_rng(5)
    rows, columns = 200, 400
    rasters = {
        "depth": chance.integers(-5000, 0, (rows, columns - 20)).astype("int16"),
        "mud": chance.integers(0, 4, (rows, columns - 20)).astype("uint8"),
        "height": chance.normal(0, 2, (rows, columns)).astype("float32"),
    }
    for name, pixels in rasters.items():
        with rasterio.open(
            folder / f"{name}.tif",
            "w",
            driver="GTiff",
            width=pixels.shape[1],
            height=rows,
            count=1,
            dtype=pixels.dtype,
            crs="EPSG:32618",
            transform=rasterio.Affine(10, 0, WEST, 0, -10, NORTH),
        ) as target:
            target.write(pixels, 1)
    (folder / "sea.toml").write_text(WORLD)
    squares, names = [], []
    for number in range(TILES):
        row, column = divmod(number, 20)
        west, north = WEST + 60 + column * STEP, NORTH - 60 - row * STEP
        squares.append(box(west, north - 80, west + 80, north))
        names.append(f"tile {number:03d}")
    outlines = gpd.GeoSeries(squares, crs="EPSG:32618").to_crs(4326)
    centres = outlines.to_crs(32618).centroid.to_crs(4326)
    frame = gpd.GeoDataFrame({"tile_id": names, "lon": centres.x, "lat": centres.y}, geometry=outlines.array, crs=4326)
    frame.to_file(folder / "tiles.geojson", driver="GeoJSON")
    return folder


class Dataset:
    """A configuration and what its runs leave.

    Attributes:
        folder: of the configuration.
        config: the configuration.
        root: the dataset.
    """

    def __init__(self, sea: Path, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.config, self.root = folder, folder / "sea.toml", folder / "sea"
        self._sea, self._written = sea, 0

    def write(self, *rules: str, engine: str = "", **run: Any) -> Path:
        """Writes the configuration, with rules of faults; each has a budget of its own, which none has to wait for."""
        self._written += 1
        options = {"batch_size": 5, "max_concurrent": 4, "requests_per_second": 1e6, "timeout": 5, **run}
        options.setdefault("budget", f"budget {self._written}")
        faults = "".join(f"[[engines.local.faults]]\n{rule}\n" for rule in rules)
        text = CONFIG.format(
            sea=self._sea,
            run="\n".join(f"{key} = {json.dumps(value)}" for key, value in options.items()),
            engine=engine or f'world = "{self._sea}/sea.toml"\nfault_seed = 3',
            faults=faults,
        )
        self.config.write_text(text)
        return self.config

    def journal(self) -> list[dict[str, Any]]:
        """All whole lines of all journals."""
        return [
            json.loads(line)
            for path in sorted(self.root.glob("journal/*/*.jsonl"))
            for line in path.read_bytes().split(b"\n")[:-1]
        ]

    def entries(self) -> dict[str, dict[str, Any]]:
        """The last line of each tile."""
        return {entry["tile_id"]: entry for entry in self.journal()}

    def stacks(self) -> dict[str, bytes]:
        """The bytes of each stack by its path; whatever else lies among them is there too."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in self.root.glob("stacks/**/*")
            if path.is_file()
        }

    def products(self) -> dict[str, Any]:
        """What `post` makes: bytes of the side files; of the HDF5 file every value and attribute.

        Its own bytes may differ by a few in a chunk, as isal does not always deflate equal values to equal bytes.
        """
        return {
            path.name: decoded(path) if path.suffix == ".h5" else path.read_bytes()
            for path in self.root.glob("sea*")
            if path.is_file()
        }


def decoded(path: Path) -> dict[str, Any]:
    with h5py.File(path) as file:
        return {
            name: (
                dataset.dtype,
                dataset.shape,
                dataset[()].tolist() if dataset.dtype.hasobject else dataset[()].tobytes(),
                {key: str(value) for key, value in dataset.attrs.items()},
            )
            for name, dataset in file.items()
        }


AT_MOMENT = Path(__file__).with_name("at_moment.py")

Make = Callable[[Path], Dataset]


@pytest.fixture(scope="module")
def make(sea: Path) -> Make:
    return lambda folder: Dataset(sea, folder)


@pytest.fixture(scope="module")
def faultless(make: Make, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """What a run without faults makes; not to be changed."""
    dataset = make(tmp_path_factory.mktemp("faultless"))
    told = summary("run", dataset.write())
    assert (told["done"], told["skipped"]) == (TILES - SKIPPED, SKIPPED)
    assert len(dataset.stacks()) == TILES - SKIPPED
    return dataset


class Kit:
    """What tests of this folder use, as pytest's importlib mode lets them import nothing from here."""

    tiles, skipped = TILES, SKIPPED
    cli = staticmethod(cli)

    @staticmethod
    def start(*arguments: str | Path, script: Path | None = None) -> "subprocess.Popen[str]":
        """The command line in a process of its own; or a script, with these arguments."""
        command = [sys.executable, *(("-m", "mmearth_core") if script is None else (script,)), *map(str, arguments)]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
        )

    @classmethod
    def start_until(
        cls, root: Path, moment: int, act: str, *arguments: str | Path, changes: bool = False
    ) -> "subprocess.Popen[str]":
        """The command line, until it touches, or only changes, names within a folder for the so-manieth time.

        Then it is killed, or from then on the disk is full, or read-only, or the folder has another name.
        """
        return cls.start(root, str(moment), act, str(changes), *arguments, script=AT_MOMENT)


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    return Kit
