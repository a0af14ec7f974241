"""Tiles with unusual ids, through every command: the same pixels as with plain ids, under their own id."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio
from mmearth_devkit.testing.command_line import cli, own_process, summary
from mmearth_devkit.testing.few_tiles import write_few
from PIL import Image

from mmearth_core.dataset import Dataset
from mmearth_core.paths import DatasetPaths

IDS = [
    "a&b", "<x>", '"q"', "'q'", "&amp;", "&amp;amp;", "&#65;", "<!--", "]]>", "</script><script>alert(1)</script>",
    ".x.part", "x", ".x.part.part", ".", "..", "x#", "%41", "A", "a b  c", "-n", "//x", "a\\b", "{x}", "x`y",
    "$x$", "$x^$", "[red]x[/red]", "a]b[/bold]", "Größe 東 é", "Größe 東 e\u0301",
    "\u202eabc", "a\u200bb\ufffe", "\U0001f30d",
]  # fmt: skip
"""Markup of XML, HTML, rich and TeX; names of temporary files; Unicode of two forms, reordering and invisible."""

UNPRINTABLE = "\u202e\u200b\ufffe\x1b\n\r"
SIZE = 16
NOTE = 'n\nb $y$ \x1b[31m<i>&"\u202e'
"""What a column of the tiles file has."""


def build(folder: Path, ids: list[str] | None = None) -> Path:
    config = write_few(
        folder, len(IDS), "odd", size=SIZE, partition=17, properties=lambda number: {"note": NOTE + str(number % 3)}
    )
    if ids:
        tiles = json.loads((folder / "tiles.geojson").read_text())
        for feature, tile_id in zip(tiles["features"], ids, strict=True):
            feature["properties"]["tile_id"] = tile_id
        (folder / "tiles.geojson").write_text(json.dumps(tiles))
    return config


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a dataset with these ids, run and post-processed; not to be changed."""
    config = build(tmp_path_factory.mktemp("odd"), IDS)
    assert summary("run", config)["done"] == len(IDS)
    assert summary("post", config)["rows"] == len(IDS)
    return config


def pixels(file: Path) -> np.ndarray:
    with h5py.File(file) as content:
        return content["sentinel2"][:]


@pytest.mark.slow
def test_pixels_are_those_of_plain_ids(odd: Path, tmp_path: Path) -> None:
    plain = build(tmp_path / "plain")
    summary("run", plain)
    summary("post", plain)
    file = odd.parent / "odd" / "odd.h5"
    np.testing.assert_array_equal(pixels(file), pixels(tmp_path / "plain" / "odd" / "odd.h5"))
    with closing(Dataset(file)) as dataset:
        assert dataset.tile_ids == IDS
    with h5py.File(file) as content:
        assert [tile_id.decode() for tile_id in content["metadata"]["tile_id"]] == IDS
    info = json.loads((odd.parent / "odd" / "odd_tile_info.json").read_text())
    assert list(info) == IDS
    assert info["a&b"]["TILE"]["note"] == f"{NOTE}0"
    with closing(sqlite3.connect(odd.parent / "odd" / "tiles.gpkg")) as tiles:
        assert [row[0] for row in tiles.execute("SELECT tile_id FROM tiles ORDER BY ordinal")] == IDS


def test_each_stack_names_its_tile(odd: Path) -> None:
    stacks = [path for path in (odd.parent / "odd" / "stacks").rglob("*") if path.is_file()]
    named = []
    for path in stacks:
        with rasterio.open(path) as stack:
            tag = stack.tags()["TILE_ID"]
        named.append(json.loads(tag) if tag.startswith('"') else tag)
    assert sorted(named) == sorted(IDS)


def test_a_finished_dataset_is_sound_and_has_nothing_to_repeat(odd: Path) -> None:
    assert summary("verify", odd)["faults"] == 0
    assert "No tile is to be downloaded again." in cli("redownload", odd, "--dry-run").stdout
    assert summary("status", odd)["done"] == len(IDS)


@pytest.mark.slow
def test_damaged_stacks_are_downloaded_again_once(tmp_path: Path) -> None:
    config = build(tmp_path / "odd", IDS)
    summary("run", config)
    folder = DatasetPaths(tmp_path / "odd" / "odd")
    for number, tile_id in enumerate(IDS[:-1]):  # `post` needs one that it can use
        path = folder.stack("base", number // 17, tile_id)
        path.write_bytes(path.read_bytes()[:-40])
    out = summary("post", config, code=1)["left_out"]
    assert [each["tile_id"] for each in out] == IDS[:-1]
    (tmp_path / "ids.txt").write_text("\n".join(IDS[:20]), encoding="utf-8")
    assert summary("redownload", config, "--tiles", tmp_path / "ids.txt", code=1)["ended_in_this_run"] == 20
    assert summary("redownload", config)["ended_in_this_run"] == len(IDS) - 21
    assert summary("post", config)["left_out"] == []
    assert summary("verify", config)["faults"] == 0


def test_subset_and_merge_keep_the_ids(odd: Path, tmp_path: Path) -> None:
    source, part, rest = odd.parent / "odd", tmp_path / "part", tmp_path / "rest"
    for out, ids in ((part, IDS[:12]), (rest, IDS[12:])):
        (tmp_path / "ids.txt").write_text("\n".join(ids), encoding="utf-8")
        assert summary("subset", source, out, "--tiles", tmp_path / "ids.txt")["rows"] == len(ids)
    summary("merge", tmp_path / "both", part, rest)
    with closing(Dataset(tmp_path / "both" / "both.h5")) as dataset:
        assert dataset.tile_ids == IDS
    np.testing.assert_array_equal(pixels(tmp_path / "both" / "both.h5"), pixels(source / "odd.h5"))
    assert summary("verify", tmp_path / "both")["faults"] == 0


@pytest.mark.parametrize("ids", [["$x^$"], pytest.param(["[red]x[/red]"], marks=pytest.mark.slow), ["\u202eabc"], IDS])
def test_pictures_are_drawn(odd: Path, tmp_path: Path, ids: list[str]) -> None:
    done = cli("view", odd, "-o", tmp_path / "sheet.png", "--json", "--", *ids)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["tiles"] == ids
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 400
    done = cli("map", odd.parent / "tiles.geojson", "-o", tmp_path / "map.png", "--title", NOTE)
    assert done.exit_code == 0, done.output


def test_the_report_escapes_them(odd: Path, tmp_path: Path) -> None:
    summary("report", odd, "-o", tmp_path / "report.html", "--tiles", "12")
    page = (tmp_path / "report.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "a&amp;b" in page
    assert "<i>" not in page


def test_nothing_controls_the_terminal(odd: Path) -> None:
    commands = (
        ("status", odd), ("verify", odd), ("post", odd), ("view", odd, "\x1b[31m\u202e"), ("subset", odd, "\x1b[31m"),
        ("redownload", odd, "--reason", "\x1b[31m"), ("status", "\x1b[31m\r\n.toml"), ("run", odd, "--\x1b[31m"),
    )  # fmt: skip
    for command in commands:
        done = cli(*command)
        assert not set(done.output) & set(UNPRINTABLE) - {"\n"}, command


@pytest.mark.slow
def test_reasons_of_failed_tiles_are_shown_on_one_line(tmp_path: Path) -> None:
    """The world's raster has such a name, so every reason does."""
    folder = tmp_path / "own"
    config = build(folder, IDS)
    text = config.read_text().replace("[modalities.sentinel2]", "[modalities.file]\n[modalities.aster]\n")
    odd_name = "a\x1b[2J[red]\u202e\nb.tif"
    grid = {"crs": "EPSG:4326", "transform": rasterio.Affine(0.01, 0, -76, 0, -0.01, 38.2), "dtype": "float32"}
    with rasterio.open(folder / odd_name, "w", "GTiff", width=100, height=100, count=1, **grid) as file:
        file.write(np.ones((1, 100, 100), "float32"))
    (folder / odd_name).write_bytes((folder / odd_name).read_bytes()[:2_000])
    band = json.dumps({"file": odd_name})[1:-1].replace('"file":', "file =")
    (folder / "world.toml").write_text(
        f'[[image]]\nid = "projects/sat-io/open-datasets/ASTER/GDEM"\nbands = {{ b1 = {{ {band} }} }}\n'
    )
    tiles = json.loads((folder / "tiles.geojson").read_text())
    for feature in tiles["features"]:
        feature["properties"]["date"] = "2020-06-01"
    (folder / "tiles.geojson").write_text(json.dumps(tiles))
    text = text.replace('anchor = "sentinel2"', 'anchor = "file"')
    config.write_text(text.replace('world = "virginia"', f'world = "{folder}/world.toml"'))
    run = own_process("run", config)
    assert run.returncode == 1, run.stderr
    shown = run.stdout + run.stderr + cli("status", config).output + cli("redownload", config, "--dry-run").output
    assert r"a\x1b[2J[red]\u202e\nb.tif: band 1 ('b1') cannot be read" in shown
    assert not set(shown) & set(UNPRINTABLE) - {"\n"}


REFUSED = {
    " lead": "' lead'", "trail ": "'trail '", "a\nb": r"'a\nb'", "a\tb": r"'a\tb'", "a\x1b[31m": r"'a\x1b[31m'",
    "a\x7fb": r"'a\x7fb'", "a\x85b": r"'a\x85b'", "a\u2028b": r"'a\u2028b'", "a\ud800b": r"'a\ufffdb'",
}  # fmt: skip
"""Ids that a stack's tag or a list of ids would not give back, and how they are shown."""


@pytest.mark.parametrize("tile_id", REFUSED)
def test_other_ids_are_refused_before_anything_is_asked_for(tmp_path: Path, tile_id: str) -> None:
    config = build(tmp_path, [*IDS[:-1], tile_id])
    done = cli("run", config)
    assert done.exit_code == 2
    said = " ".join(done.stderr.split())
    assert f"tiles.geojson: row {len(IDS)} has the `tile_id` {REFUSED[tile_id]} (1 such rows in all)." in said
    assert "must not begin or end with white space, nor contain control characters" in said
    assert not (tmp_path / "odd").exists()


@pytest.mark.parametrize("tile_id", ["a\x1b[31m", "a\u2028b"])
def test_ids_of_own_points_too(tmp_path: Path, tile_id: str) -> None:
    (tmp_path / "points.csv").write_text(f"tile_id,lon,lat\nx,1,2\n{tile_id},3,4\n", encoding="utf-8")
    done = cli("tiles", "from-points", tmp_path / "points.csv", "-o", tmp_path / "tiles.geojson")
    assert done.exit_code == 2
    assert f"points.csv: row 2 has the `tile_id` {tile_id!a}" in " ".join(done.stderr.split())
    assert not (tmp_path / "tiles.geojson").exists()
