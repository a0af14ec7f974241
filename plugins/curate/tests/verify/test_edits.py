"""One edit at a time behind a sound dataset: each is found, and says what was found and what is expected."""

import hashlib
import json
import shutil
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rasterio
from mmearth_devkit.testing.command_line import summary
from rasterio.transform import Affine

TILE, ROW = "004", 4


@pytest.fixture(scope="module")
def shared_copy(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a copy that each test restores."""
    folder = tmp_path_factory.mktemp("edits") / "copy"
    shutil.copytree(sound, folder)
    return folder / "data.toml"


class Edited:
    """The copy, of which files are edited; they are restored at the end of the test."""

    def __init__(self, config: Path) -> None:
        self.config, self.root, self.before = config, config.parent / "data_1M_v001", dict[Path, bytes | None]()

    def path(self, name: str) -> Path:
        path = self.root / name
        self.before.setdefault(path, path.read_bytes() if path.exists() else None)
        return path

    def json(self, name: str, change: Callable[[Any], Any]) -> None:
        path = self.path(f"data_1M_v001_{name}.json")
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    def journal(self, change: Callable[[dict[str, Any]], Any]) -> None:
        """Changes the entry of the tile."""
        path = self.path("journal/base/00001.jsonl")
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        change(next(line for line in lines if line["tile_id"] == TILE))
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    def tiles(self, *statements: str) -> None:
        with sqlite3.connect(self.path("tiles.gpkg")) as database:
            for trigger in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                database.execute(
                    f'DROP TRIGGER "{trigger[0]}"'
                )  # GDAL's index of places, which sqlite alone cannot keep
            database.create_function("moved", 2, moved)
            for statement in statements:
                database.execute(statement)
        database.close()

    def faults(self, code: int = 1) -> list[dict[str, Any]]:
        report = summary("verify", self.config, "--workers", "1", code=code)
        return [each for each in report["findings"] if each["severity"] == "fault"]

    def restore(self) -> None:
        for path, content in self.before.items():
            path.unlink(missing_ok=True)
            if content is not None:
                path.write_bytes(content)


def moved(geometry: bytes, degrees: float) -> bytes:
    """A GeoPackage's square, moved east; its header's bounding box stays."""
    head, count = geometry[: 8 + 32 + 13], struct.unpack_from("<I", geometry, 8 + 32 + 9)[0]
    numbers = list(struct.unpack_from(f"<{2 * count}d", geometry, len(head)))
    numbers[::2] = [number + degrees for number in numbers[::2]]
    return head + struct.pack(f"<{2 * count}d", *numbers)


@pytest.fixture
def edited(shared_copy: Path) -> Any:
    copy = Edited(shared_copy)
    yield copy
    copy.restore()


def test_before_any_edit(edited: Edited) -> None:
    assert edited.faults(code=0) == []


def entry(change: Callable[[dict[str, Any]], Any]) -> Callable[[Edited], None]:
    return lambda copy: copy.json("tile_info", lambda info: change(info[TILE]))


def put(*keys: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(entry: dict[str, Any]) -> None:
        for key in keys[:-1]:
            entry = entry[key]
        entry[keys[-1]] = value

    return change


INFO = {
    "lat": (put("lat", value=37.8), "lat is 37.8; expected: 37.7"),
    "lat by the last digit": (lambda own: own.update(lat=own["lat"] + 1e-13), "lat is 37.7"),
    "lon": (put("lon", value=75.6), "lon is 75.6; expected: -75.6"),
    "date": (put("S2_DATE", value="2018-11-24"), 'S2_DATE is "2018-11-24"; expected: "20'),
    "CRS": (put("CRS", value="EPSG:32617"), 'CRS is "EPSG:32617"; expected: "EPSG:32618"'),
    "transform": (lambda own: own["GRID"]["transform"].__setitem__(2, 0), "GRID.transform is [10.0, 0.0, 0, 0.0, "),
    "order of bands": (lambda own: own["BANDS"]["sentinel2"].reverse(), "BANDS.sentinel2 is ["),
    "image": (put("S2_ID", value="another"), 'S2_ID is "another"; expected: "COPERNICUS/S2_HARMONIZED/20'),
    "no data": (put("NO_DATA", value=True), "NO_DATA is true; expected: "),
    "biome": (put("biome", value=5), "biome is 5; expected: 4"),
    "kind of number": (put("biome", value=True), "biome is true; expected: 4"),
    "of the tile": (put("TILE", "biome", value="Tundra"), 'TILE.biome is "Tundra"; expected: "Temperate'),
    "missing": (lambda own: own.pop("eco_region"), "eco_region is missing; expected: 450"),
    "missing within": (lambda own: own["BANDS"].pop("sentinel2"), "BANDS.sentinel2 is missing; expected: ["),
    "added": (put("note", value=[1]), "note is [1]; it should not be there"),
    "added within": (put("BANDS", "note", value=None), "BANDS.note is null; it should not be there"),
}


@pytest.mark.parametrize("name", INFO)
def test_an_edit_of_tile_info(edited: Edited, name: str) -> None:
    change, message = INFO[name]
    entry(change)(edited)
    (fault,) = edited.faults()
    assert (fault["check"], fault["row"], fault["tile_id"]) == ("tile_info", ROW, TILE)
    assert fault["message"].startswith(message), fault["message"]
    assert fault["remedy"] == "Write it again with `mmearth-core post info`."


def test_entries_of_an_older_version_are_no_faults(edited: Edited) -> None:
    """They repeated the layers' no-data and the plugins' versions."""

    def older(info: dict[str, Any]) -> None:
        for own in info.values():
            own.setdefault("VERSIONS", {"sentinel2": "mmearth-sentinel2 0.1.0"})
            if own["NO_DATA"] is False:
                own["NO_DATA"] = {"sentinel2": 0, "lat": "-inf"}

    edited.json("tile_info", older)
    assert edited.faults(code=0) == []
    entry(put("S2_DATE", value="2018-11-24"))(edited)
    (fault,) = edited.faults()
    assert fault["message"].startswith('S2_DATE is "2018-11-24"; expected: "20')


JOURNAL = {
    "transform": (lambda own: own["grid"]["transform"].__setitem__(5, 0), "grid.transform is [10.0, 0.0, 4"),
    "size": (put("grid", "size", value=25), "grid.size is 25; expected: 24"),
    "CRS of the grid": (put("grid", "crs", value="EPSG:32617"), 'grid.crs is "EPSG:32617"; expected: "EPSG:32618"'),
    "date": (put("anchor", "date", value="2018-11-24"), 'anchor.date is "2018-11-24"; expected: "20'),
    "CRS": (put("anchor", "crs", value="EPSG:32617"), 'anchor.crs is "EPSG:32617"; expected: "EPSG:32618"'),
    "unknown CRS": (put("anchor", "crs", value="EPSG:1"), "CRS 'EPSG:1' is unknown"),
    "ordinal": (put("ordinal", value=5), ": has the ordinal 5; tiles.gpkg has 4."),
    "no grid": (lambda own: own.pop("grid"), ": not a journal entry (it has no valid grid)."),
    "no anchor": (lambda own: own.pop("anchor"), ": not a journal entry (it has no valid anchor)."),
}


@pytest.mark.parametrize("name", JOURNAL)
def test_an_edit_of_a_journal(edited: Edited, name: str) -> None:
    change, message = JOURNAL[name]
    edited.journal(change)
    found = [fault for fault in edited.faults() if fault["check"] == "journals"]
    assert any(message in fault["message"] for fault in found), found


def test_an_entry_in_the_wrong_partition(edited: Edited) -> None:
    right, wrong = edited.path("journal/base/00001.jsonl"), edited.path("journal/base/00002.jsonl")
    lines = right.read_text().splitlines(keepends=True)
    (own,) = [line for line in lines if TILE in line]
    with wrong.open("a") as file:
        file.write(own)
    (fault,) = edited.faults()
    assert (fault["check"], fault["tile_id"]) == ("journals", TILE)
    assert fault["message"].endswith("journal/base/00002.jsonl, line 3: is of no tile of this partition.")
    right.write_text("".join(line for line in lines if line != own))
    first, second = edited.faults()
    assert (first["message"], second["tile_id"]) == (fault["message"], TILE)
    assert second["message"].startswith("The HDF5 file has the row; the journals have no such tile")
    right.write_text("".join(lines))
    wrong.write_text("".join(wrong.read_text().splitlines(keepends=True)[:-1]))
    edited.path("journal/base/00009.jsonl").write_text(own)
    (fault,) = edited.faults()
    assert fault["message"].endswith("journal/base/00009.jsonl is of no group and partition of the dataset.")


TILES = {
    "moved": ["UPDATE tiles SET geometry = moved(geometry, 1e-3) WHERE tile_id = '004'"],
    "moved by less than a pixel": ["UPDATE tiles SET geometry = moved(geometry, 1e-9) WHERE tile_id = '004'"],
    "swapped": [
        "CREATE TEMP TABLE old AS SELECT tile_id, geometry FROM tiles",
        "UPDATE tiles SET geometry = (SELECT geometry FROM old WHERE tile_id = '005') WHERE tile_id = '004'",
        "UPDATE tiles SET geometry = (SELECT geometry FROM old WHERE tile_id = '004') WHERE tile_id = '005'",
    ],
    "biome": ["UPDATE tiles SET biome = 'Tundra' WHERE tile_id = '004'"],
    "id": ["UPDATE tiles SET tile_id = '0004' WHERE tile_id = '004'"],
    "lon": ["UPDATE tiles SET lon = lon + 1e-9 WHERE tile_id = '004'"],
    "lat": ["UPDATE tiles SET lat = lat + 1e-9 WHERE tile_id = '004'"],
    "deleted": ["DELETE FROM tiles WHERE tile_id = '004'"],
}


@pytest.mark.parametrize("name", TILES)
def test_an_edit_of_the_tiles(edited: Edited, name: str) -> None:
    edited.tiles(*TILES[name])
    faults = edited.faults()
    assert "tiles" in {fault["check"] for fault in faults}, faults
    located = {fault["check"]: fault.get("tile_id") for fault in faults if fault["check"] != "tiles"}
    expected = {
        "moved": {"journals": TILE},
        "moved by less than a pixel": {},
        "swapped": {"journals": "005"},
        "biome": {"tile_info": TILE},
        "lon": {"tile_info": TILE},
        "lat": {"tile_info": TILE},
    }
    assert name not in expected or located == expected[name], faults


def test_a_moved_polygon_is_found_in_datasets_without_the_digest(edited: Edited) -> None:
    path = edited.path("mmearth.toml")
    path.write_text("".join(line for line in path.read_text().splitlines(True) if "imported_sha256" not in line))
    assert edited.faults(code=0) == []
    edited.tiles(*TILES["moved"])
    (fault,) = edited.faults()
    assert (fault["check"], fault["tile_id"]) == ("journals", TILE)
    assert fault["message"].startswith("Group 'base': grid.transform is [10.0, 0.0, 4")


def test_a_stack_with_another_place_than_the_journal(edited: Edited) -> None:
    path = edited.path(f"stacks/base/00001/{TILE}.tif")
    with rasterio.open(path, "r+") as stack:
        stack.transform = stack.transform @ Affine.translation(1, 0)
        stack.crs = "EPSG:32617"
    edited.journal(put("sha256", value=hashlib.sha256(path.read_bytes()).hexdigest()))
    found = [fault["message"] for fault in edited.faults() if fault["check"] == "stacks"]
    assert found[0] == "Group 'base': the CRS of the stack is EPSG:32617; the journal has EPSG:32618."
    assert found[1].startswith("Group 'base': the transform of the stack is [10.0, 0.0, 4")
    assert len(found) == 2


STRATEGIES = {
    "random": [],
    "stratified": ["--strategy", "stratified", "--seed", "3"],
    "spatial": ["--strategy", "spatial", "--block-km", "2", "--distance-km", "0", "--seed", "1"],
    "column": ["--strategy", "column", "--column", "split"],
}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_row_in_another_split(edited: Edited, strategy: str, run_cli: Any) -> None:
    for name in ("splits", "splits_made"):
        edited.path(f"data_1M_v001_{name}.json")
    if strategy != "random":
        made = run_cli("post", "splits", edited.config, *STRATEGIES[strategy])
        assert made.exit_code == 0, made.output
    splits = json.loads(edited.path("data_1M_v001_splits.json").read_text())
    moved = splits["train"][1]
    edited.json("splits", lambda own: (own["train"].remove(moved), own["val"].append(moved)))
    (fault,) = edited.faults()
    assert fault["check"] == "splits"
    assert f"1 row in another split than strategy {strategy!r} gives with seed " in fault["message"]
    assert f": {moved}; row {moved} is in val instead of train." in fault["message"]
    edited.json("splits", lambda own: own["val"].remove(moved))
    assert f"row {moved} is in no split instead of train." in edited.faults()[0]["message"]
    edited.json("splits_made", lambda made: made["made"].update(strategy="kept"))
    assert edited.faults(code=0) == []


def test_a_record_of_splits_that_cannot_be_understood(edited: Edited) -> None:
    edited.json("splits_made", lambda made: made["made"].update(seed=-1))
    (fault,) = edited.faults()
    assert "splits_made.json cannot be understood: seed -1 is not a whole number" in fault["message"]
