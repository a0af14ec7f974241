"""docs/troubleshooting.md: every message that it shows is provoked, with the class and exit status that it names."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click
import h5py
import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from mmearth_devkit.testing.few_tiles import demo_of
from mmearth_devkit.testing.original_layout import write_original
from mmearth_devkit.testing.place import PLACE

from mmearth_core import Band, ClassLabel, errors
from mmearth_core.budget import SharedBudget
from mmearth_core.cli import main
from mmearth_core.dataset import Dataset
from mmearth_core.errors import ExitCode, MMEarthError
from mmearth_core.tiles.index import TileIndex

PAGE = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text()


class Section(NamedTuple):
    status: int
    message: str
    error: str | None


class Said(NamedTuple):
    status: int
    text: str
    error: str | None = None


def sections() -> dict[str, Section]:
    found = {}
    for chapter in PAGE.split("\n## ")[1:]:
        head = chapter.partition("\n")[0]
        status = int(head.rpartition(" ")[2])
        for part in chapter.split("\n### ")[1:]:
            title, _, body = part.partition("\n")
            (message,) = re.findall(r"```text\n(.*?)\n```", body, re.DOTALL)
            named = re.search(r"```\n\n`(\w+Error)`", body)
            found[title] = Section(status, message, named and named[1])
    return found


SECTIONS = sections()


def said(*words: str) -> Said:
    """What a command says, and the class of a deliberate error."""
    result = CliRunner().invoke(main, words, standalone_mode=False)
    if isinstance(result.exception, MMEarthError):
        return Said(int(result.exception.exit_code), str(result.exception), type(result.exception).__name__)
    assert result.exception is None or isinstance(result.exception, click.ClickException), result.exception
    return Said(result.return_value, result.output)


class Place:
    """A working folder with three tiles of the real scene, and the configuration `mydata.toml`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def tiles(self, count: int) -> None:
        _, tiles = demo_of("local", slice(count))
        (self.folder / "tiles.geojson").write_text(json.dumps(tiles))

    def config(self, engine: str = "", modality: str = "", run: str = "", retry_seconds: float = 0.5) -> None:
        (self.folder / "mydata.toml").write_text(
            '[dataset]\nname = "mydata"\ntiles = "tiles.geojson"\n'
            f'[run]\nengine = "local"\nretry_seconds = {retry_seconds}\n{run}\n'
            f'[engines.local]\nworld = "virginia"\n{engine}\n[modalities.sentinel2]\n{modality}\n'
        )

    def run(self, engine: str = "", modality: str = "", run: str = "") -> Said:
        self.config(engine, modality, run)
        return said("run", "mydata.toml")

    def struck(self, kind: str, more: str = 'phase = "pixels"', run: str = "", retry_seconds: float = 0.5) -> Said:
        self.config(f'[[engines.local.faults]]\nkind = "{kind}"\n{more}', run=run, retry_seconds=retry_seconds)
        return said("run", "mydata.toml")


MISTYPED = 'l1c = "COPERNICUS/S2_NONE"'
AFTER_A_TILE = 'phase = "pixels"\nafter = 1'
STOP = 'when_restricted = "stop"\nmax_concurrent = 1'


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    place = Place(tmp_path)
    place.tiles(3)
    return place


def no_config(place: Place) -> Said:
    return said("run", "mydata.toml")


def unknown_key(place: Place) -> Said:
    return place.run(run="batchsize = 3")


def not_installed(place: Place) -> Said:
    return place.run(modality="[modalities.snow_depth]")


def nodata(place: Place) -> Said:
    with pytest.raises(errors.DeclarationError) as caught:
        Band("height", "uint8", -1)
    return Said(int(caught.value.exit_code), str(caught.value), type(caught.value).__name__)


def mixed_classes(place: Place) -> Said:
    with pytest.raises(errors.DeclarationError) as caught:
        Band("landcover", "uint8", 0, resampling="bilinear", classes=[ClassLabel(1, "water")])
    return Said(int(caught.value.exit_code), str(caught.value), type(caught.value).__name__)


def elsewhere(place: Place) -> Said:
    """With the CRS of another continent in the tiles file."""
    path = place.folder / "tiles.geojson"
    tiles = json.loads(path.read_text())
    for feature in tiles["features"]:
        feature["properties"] |= {"crs": "EPSG:32633", "date": "2017-12-08"}
    path.write_text(json.dumps(tiles))
    place.config(modality="[modalities.file]")
    config = place.folder / "mydata.toml"
    config.write_text(
        config.read_text().replace("[run]", 'anchor = "file"\n[run]', 1).replace("[modalities.sentinel2]", "")
    )
    return said("run", "mydata.toml")


def no_tiles(place: Place) -> Said:
    (place.folder / "tiles.geojson").unlink()
    return place.run()


def twice(place: Place) -> Said:
    tiles = json.loads((place.folder / "tiles.geojson").read_text())
    tiles["features"].append(tiles["features"][0])
    (place.folder / "tiles.geojson").write_text(json.dumps(tiles))
    return place.run()


def first_tile(place: Place, **columns: Any) -> Said:
    """With other columns of the first tile, or with another `ring`."""
    tiles = json.loads((place.folder / "tiles.geojson").read_text())
    ring = columns.pop("ring", None)
    tiles["features"][0]["properties"] |= columns
    if ring:
        tiles["features"][0]["geometry"] = {"type": "Polygon", "coordinates": [ring]}
    (place.folder / "tiles.geojson").write_text(json.dumps(tiles))
    place.config(modality="[modalities.file]" if "date" in columns else "")
    config = place.folder / "mydata.toml"
    anchor = "file" if "date" in columns else "sentinel2"
    config.write_text(config.read_text().replace("[dataset]", f'[dataset]\nanchor = "{anchor}"'))
    return said("run", "mydata.toml")


def no_crs(place: Place) -> Said:
    (place.folder / "mydata_tile_info.json").write_text('{"000": {"lat": 37.75, "lon": -75.7}}')
    return said("tiles", "from-tile-info", "mydata_tile_info.json", "-o", "tiles.gpkg")


def unusable_id(place: Place) -> Said:
    tiles = json.loads((place.folder / "tiles.geojson").read_text())
    tiles["features"][1]["properties"]["tile_id"] = "b\x1b[0m"
    (place.folder / "tiles.geojson").write_text(json.dumps(tiles))
    return place.run()


def own_world(place: Place, left: float, share: float = 1) -> Said:
    """A run of the terrain from a raster that begins at `left` degrees, of which this share of the bytes is there."""
    tiles = json.loads((place.folder / "tiles.geojson").read_text())
    for feature in tiles["features"]:
        feature["properties"]["date"] = "2020-06-01"
    (place.folder / "tiles.geojson").write_text(json.dumps(tiles))
    grid = {"crs": "EPSG:4326", "transform": rasterio.Affine(0.01, 0, left, 0, -0.01, 38.5), "dtype": "int16"}
    with rasterio.open("dem.tif", "w", "GTiff", width=400, height=100, count=1, **grid) as file:
        file.write(np.ones((1, 100, 400), "int16"))
    raster = place.folder / "dem.tif"
    raster.write_bytes(raster.read_bytes()[: int(share * raster.stat().st_size)])
    (place.folder / "world.toml").write_text(
        '[[image]]\nid = "projects/sat-io/open-datasets/ASTER/GDEM"\nbands = { b1 = "dem.tif" }\n'
    )
    (place.folder / "mydata.toml").write_text(
        '[dataset]\nname = "mydata"\ntiles = "tiles.geojson"\nanchor = "file"\n[modalities.file]\n'
        '[modalities.aster]\n[run]\nengine = "local"\n[engines.local]\nworld = "world.toml"\n'
    )
    return said("run", "mydata.toml")


def of_another_tile(place: Place) -> Said:
    assert place.run().status == ExitCode.OK
    (folder,) = place.folder.glob("mydata/stacks/base/*")
    shutil.copy(folder / "001.tif", folder / "000.tif")
    return said("post", "mydata.toml", "--workers", "1")


def something_else(place: Place) -> Said:
    assert place.run().status == ExitCode.OK
    return place.run(modality="cloud_percentage = 5")


def nothing_done(place: Place) -> Said:
    assert place.run(modality=MISTYPED).status == ExitCode.TILES_FAILED
    return place.run()


def all_fail(place: Place) -> Said:
    place.tiles(60)
    # Batch by batch, so that it gives up at the very tile.
    return place.run(modality=MISTYPED, run="max_concurrent = 1")


def nothing_yet(place: Place) -> Said:
    place.config()
    return said("post", "mydata.toml")


def without(place: Place, name: str) -> Said:
    assert place.run().status == ExitCode.OK
    (place.folder / "mydata" / name).unlink()
    return said("status", "mydata.toml")


def damaged_line(place: Place) -> Said:
    assert place.run().status == ExitCode.OK
    (path,) = place.folder.glob("mydata/journal/base/*.jsonl")
    path.write_text(path.read_text().replace('"grid": {', '"grid_": {', 1))
    return said("status", "mydata.toml")


def another_process(place: Place) -> Said:
    """While a process of its own holds the first partition."""
    held = (
        "from pathlib import Path; from mmearth_core.files import locked\n"
        "from mmearth_core.paths import DatasetPaths\n"
        "with locked(DatasetPaths(Path('mydata')).lock('base'), [0]):\n    print('held', flush=True)\n    input()"
    )
    assert place.run().status == ExitCode.OK
    with subprocess.Popen([sys.executable, "-c", held], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        heard = said("run", "mydata.toml")
        holder.communicate(b"\n")
    return heard


def no_memory(place: Place) -> Said:
    place.tiles(1)
    return place.struck("503-memory", 'phase = "pixels"', retry_seconds=0)


def truncated(place: Place) -> Said:
    assert place.run().status == ExitCode.OK
    (stack,) = place.folder.glob("mydata/stacks/base/*/000.tif")
    with stack.open("r+b") as file:
        file.truncate(1000)
    return said("post", "mydata.toml", "--workers", "1")


def cut_short(place: Place) -> Said:
    path = place.folder / "mydata.h5"
    with h5py.File(path, "w") as file:
        file["values"] = range(1000)
    path.write_bytes(path.read_bytes()[:3000])
    return said("subset", "mydata.h5", "some", "--sample", "1")


def disk_full(place: Place) -> Said:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        return place.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def gone(place: Place) -> Said:
    """Every command and run reads the tiles so."""
    with pytest.raises(MMEarthError) as caught:
        TileIndex(place.folder / "unmounted" / "tiles.gpkg").sizes()
    return Said(int(caught.value.exit_code), str(caught.value), type(caught.value).__name__)


def group_elsewhere(place: Place) -> Said:
    assert place.run().status == ExitCode.OK
    stored = place.folder / "mydata" / "mmearth.toml"
    stored.write_text(stored.read_text().replace("[groups]", '[groups]\n"../../x" = ["era5"]'))
    heard = place.run()
    assert not (place.folder.parent / "x").exists()
    return heard


def away(place: Place) -> Said:
    (place.folder / "away.vrt").write_text('<VRTDataset rasterXSize="1" rasterYSize="1" />')
    (place.folder / "world.toml").write_text('[[image]]\nid = "A"\nbands = { b = "away.vrt" }')
    place.config()
    config = place.folder / "mydata.toml"
    config.write_text(config.read_text().replace('"virginia"', '"world.toml"'))
    return said("run", "mydata.toml")


def undescribed(place: Place) -> Said:
    path = write_original(place.folder / "published", 2)
    with h5py.File(path, "r+") as file:
        file.move("aster", "snow_depth")
    return said("subset", "published", "some", "--sample", "1")


def replaced(place: Place) -> Said:
    path = write_original(place.folder / "mydata", 2)
    dataset = Dataset(path, layers=["month"])
    write_original(place.folder / "new" / "mydata", 2, prefix="other").replace(path)
    with pytest.raises(MMEarthError) as told:
        dataset[0]
    return Said(int(told.value.exit_code), str(told.value), type(told.value).__name__)


WRAPPED = [[179.99, 10], [-179.99, 10], [-179.99, 10.02], [179.99, 10.02], [179.99, 10]]

PROVOKED: dict[str, Callable[[Place], Said]] = {
    "An HDF5 file is damaged": cut_short,
    "A layer has no description": undescribed,
    "The file was replaced while it was in use": replaced,
    "No such configuration file": no_config,
    "Unknown key in the configuration": unknown_key,
    "A modality is not installed": not_installed,
    "A band's no-data does not fit its type": nodata,
    "Classes would be interpolated": mixed_classes,
    "The CRS of a tile is that of another place": elsewhere,
    "No such tiles file": no_tiles,
    "A duplicated tile_id": twice,
    "A centroid is outside its tile": lambda place: first_tile(place, lon=37.75),
    "A polygon surrounds the globe": lambda place: first_tile(place, ring=WRAPPED, lon=None, lat=None),
    "A tile is too small": lambda place: first_tile(place, ring=[[0, 0], [1e-7, 0], [1e-7, 1e-7], [0, 0]]),
    "An entry of tile_info.json is not enough for a tile": no_crs,
    "A geometry cannot be read": lambda place: first_tile(place, ring=WRAPPED[:-1]),
    "A date of the tiles file cannot be read": lambda place: first_tile(place, date="01.06.2020"),
    "A tile_id that cannot be used": unusable_id,
    "A raster on both sides of 180 degrees": lambda place: own_world(place, 178),
    "A raster of a world cannot be read": lambda place: own_world(place, -76, 0.2),
    "A stack is that of another tile": of_another_tile,
    "The project may not be used": lambda place: place.struck("403-access", ""),
    "The dataset was built from something else": something_else,
    "The dataset was built from something else, and nothing is done": nothing_done,
    "All tiles fail for one reason": all_fail,
    "Nothing has been downloaded yet": nothing_yet,
    "The dataset's own copy of its tiles is missing": lambda place: without(place, "tiles.gpkg"),
    "A file of the dataset is missing": lambda place: without(place, "mmearth.toml"),
    "A line of a journal is damaged": damaged_line,
    "Another process is running": another_process,
    "Earth Engine does not answer": lambda place: place.struck("503", "after = 3"),
    "Earth Engine no longer answers: credentials": lambda place: place.struck("401", AFTER_A_TILE),
    "Earth Engine no longer answers: daily quota": lambda place: place.struck("429-quota", AFTER_A_TILE),
    "Restricted mode": lambda place: place.struck("restricted", AFTER_A_TILE, STOP),
    "Earth Engine has no memory left": no_memory,
    "User memory limit exceeded": lambda place: place.struck("400-memory"),
    "An asset is not found": lambda place: place.run(modality='l1c = "COPERNICUS/S2_NONE"\nl2a = "COPERNICUS/S2_NONE"'),
    "An internal error of one tile": lambda place: place.struck("500", 'phase = "pixels"\nafter = 2'),
    "Wrong pixels in an answer": lambda place: place.struck("shape", 'phase = "pixels"'),
    "Not answered in the allowed time": lambda place: place.struck("503", 'phase = "pixels"\nafter = 2'),
    "A stack is truncated": truncated,
    "The disk is full": disk_full,
    "The folder is gone": gone,
    "A group's name in mmearth.toml": group_elsewhere,
    "A raster of a world is a VRT": away,
}

APART = {
    "A band does not state its pixel size",
    "A composite would be interpolated",
    "A number of a plugin is none",
    "A plugin is broken",
    "Two modalities report the same key",
    "More processes than slots",
    "No Earth Engine credentials",
    "There is no sbatch",
    "The jobs are in Slurm's queue already",
}
"""Those with a test of their own below."""


def matches(title: str, heard: Said) -> None:
    """The message has all the words of the page's, where dots stand for anything."""
    shown = SECTIONS[title]
    pieces = [re.escape(" ".join(piece.split())) for piece in shown.message.split("...")]
    assert re.search(".*?".join(pieces), " ".join(heard.text.split())), heard.text
    assert heard.status == shown.status
    if heard.error is not None:
        assert shown.error == heard.error


def test_every_section_is_provoked() -> None:
    assert set(SECTIONS) == set(PROVOKED) | APART


def test_every_class_of_error_has_a_section() -> None:
    classes = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    named = {section.error for section in SECTIONS.values()} - {None}
    assert named == classes - {"MMEarthError"}
    for section in SECTIONS.values():
        if section.error in {
            "RequestError",
            "RefusedError",
            "HopelessError",
            "TooLargeError",
            "PixelError",
            "RunStoppedError",
        }:
            assert getattr(errors, section.error).exit_code == section.status


@pytest.mark.slow
@pytest.mark.parametrize("title", PROVOKED)
def test_message_is_emitted(title: str, place: Place) -> None:
    matches(title, PROVOKED[title](place))


def test_broken_plugin(place: Place, install: Callable[..., Path]) -> None:
    install("mmearth-broken", "raise RuntimeError('no luck')")
    matches("A plugin is broken", place.run(modality="[modalities.broken]"))


def test_same_key(place: Place, install: Callable[..., Path]) -> None:
    clash = "    name = 'other'\n    info = lambda self, located: {'S2_DATE': '1999-01-01'}\n"
    hook = "@hookimpl\ndef mmearth_modalities():\n    return [Other]\n"
    install("mmearth-other", f"{PLACE}\nclass Other(Place):\n{clash}{hook}")
    matches("Two modalities report the same key", place.run(modality="[modalities.other]", run="max_concurrent = 1"))


def test_composite(place: Place, install: Callable[..., Path]) -> None:
    source = """
        import ee
        from mmearth_core import Band, Layer, Modality, hookimpl

        class Snow(Modality):
            name = "snow"
            api_version = 1
            layers = (Layer("snow", [Band("B4", "uint16", 0, resampling="bilinear")]),)

            def image(self, scene, located):
                return ee.ImageCollection("COPERNICUS/S2_HARMONIZED").mosaic()

        @hookimpl
        def mmearth_modalities():
            return [Snow]
    """
    install("mmearth-snow", source)
    matches("A composite would be interpolated", place.run(modality="[modalities.snow]"))
    config = place.folder / "mydata.toml"
    config.write_text(config.read_text().replace('name = "mydata"', 'name = "coarse"\npixel_size = 30'))
    matches("A band does not state its pixel size", said("run", "mydata.toml"))


def test_number(place: Place, install: Callable[..., Path]) -> None:
    source = """
        from mmearth_core import Band, Kind, Layer, Modality, hookimpl

        class SnowDepth(Modality):
            name = "snow_depth"
            api_version = 1
            layers = (Layer("snow_depth", [Band(name, "float32", float("nan")) for name in "ab"], Kind.VECTOR),)

            def values(self, located):
                return {"snow_depth": [float("nan"), "deep"]}

        @hookimpl
        def mmearth_modalities():
            return [SnowDepth]
    """
    install("mmearth-snow-depth", source)
    place.run(modality="[modalities.snow_depth]")
    matches("A number of a plugin is none", said("post", "mydata.toml", "--workers", "1"))


def test_no_credentials(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(place.folder))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    matches("No Earth Engine credentials", said("engine", "check", "--engine", "earthengine:my-project"))


def test_no_slot(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process has the only one."""
    monkeypatch.setattr("mmearth_core.budget.SLOT_PATIENCE", 0.1)
    monkeypatch.setattr("mmearth_core.download.run.SharedBudget", partial(SharedBudget, beat=0.05))
    with closing(SharedBudget(place.folder / "mydata" / "budget", 1, 1e6, beat=0.05)):
        matches("More processes than slots", place.run(run="max_concurrent = 1"))
    assert not list(place.folder.glob("mydata/journal/*/*.jsonl"))


def test_no_sbatch(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.config()
    monkeypatch.setenv("PATH", str(place.folder))
    matches("There is no sbatch", said("slurm", "submit", "mydata.toml", "--tasks", "2"))


def test_queued(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.config()
    for name, answer in (
        ("sbatch", ""),
        ("scontrol", ""),
        ("squeue", f"101 {place.folder}/mydata/slurm/download.sbatch"),
    ):
        (place.folder / name).write_text(f"#!/bin/sh\necho '{answer}'\n")
        (place.folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{place.folder}:{os.environ['PATH']}")
    words = ("slurm", "submit", "mydata.toml", "--tasks", "2", "--no-post", "--no-report")
    matches("The jobs are in Slurm's queue already", said(*words))
