"""Modalities that make their pixels themselves: what is checked, beside images, and before a run."""

import datetime as dt
import json
import math
from pathlib import Path

import attrs
import numpy as np
import pytest
from mmearth_devkit import findings_of
from mmearth_localearth.testing import ArrayBand, ArrayWorld, download, image, to_lonlat
from shapely.geometry import box, mapping

from mmearth_core import Anchor, Band, Grid, Kind, Layer, Modality
from mmearth_core.builtin.file_anchor import FileAnchor
from mmearth_core.config.schema import load_config
from mmearth_core.download.pixels import local_pixels
from mmearth_core.download.prepare import prepare
from mmearth_core.errors import ConfigError, DatasetError
from mmearth_core.registry import Registry, discover
from mmearth_core.registry.load import Origin, Registered

UTM = "EPSG:32632"
LEFT, TOP, SIZE = 500_000, 5_000_000, 16
TILE = to_lonlat(box(LEFT + 1, TOP - 159, LEFT + 159, TOP - 1), UTM)
ANCHOR = Anchor(dt.date(2018, 7, 14), UTM)
GRID = Grid(UTM, LEFT, TOP, SIZE)
SQUARE = np.arange(256.0).reshape(SIZE, SIZE)


class Local(Modality):
    """Its `answer` is what `pixels` returns, or a function of the scene and the grid."""

    name = "local"
    api_version = 1
    layers = (
        Layer("codes", [Band("one", "uint8", 255), Band("two", "uint8", 255)], kind=Kind.CLASSES),
        Layer("amounts", [Band("value", "float32", math.nan)]),
    )

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def pixels(self, scene, grid):
        return self.answer(scene, grid) if callable(self.answer) else self.answer

    def image(self, scene, located):
        raise AssertionError("it is not called")

    present = image


class Height(Modality):
    name = "height"
    api_version = 1
    layers = (Layer("height", [Band("height", "int16", -999)]),)

    def image(self, scene, located):
        import ee

        return ee.Image("HEIGHT")


def fetch(tmp_path, answer, *others, world=None):
    return download(world or ArrayWorld(), [Local(answer), *others], TILE, ANCHOR, tmp_path)


def test_arrays_become_the_tile_s_pixels_without_a_request(tmp_path):
    seen = []

    def answer(scene, grid):
        seen.append((scene.tile_id, scene.date, grid))
        codes = np.stack([SQUARE, SQUARE[::-1]])
        return {"codes": codes.astype(np.int64), "amounts": np.where(SQUARE > 3, SQUARE / 3, np.nan)[None]}

    result = fetch(tmp_path, answer)
    assert (result.entry.outcome, result.requests) == ("done", {})
    assert seen == [("tile", ANCHOR.date, GRID)]
    wanted = np.where(SQUARE == 255, np.nan, SQUARE)  # the no-data value of the layer
    assert np.array_equal(result.bands["codes__one"], wanted, equal_nan=True)
    assert np.array_equal(result.bands["codes__two"], wanted[::-1], equal_nan=True)
    amounts = np.where(SQUARE > 3, SQUARE / 3, np.nan).astype(np.float32)
    assert np.array_equal(result.bands["amounts__value"], amounts, equal_nan=True)


class Seasons(Local):
    layers = (Layer("seasons", [Band("a", "int16", -1), Band("b", "int16", -1)], steps=4),)


def test_time_steps_are_in_front(tmp_path):
    values = np.arange(4 * 2 * 256).reshape(4, 2, SIZE, SIZE)
    result = download(ArrayWorld(), [Seasons({"seasons": values})], TILE, ANCHOR, tmp_path)
    names = [f"seasons__{band}__{step}" for step in range(4) for band in "ab"]
    assert sorted(result.bands) == sorted(names)
    assert all((result.bands[name] == values.reshape(8, SIZE, SIZE)[i]).all() for i, name in enumerate(names))
    with pytest.raises(ValueError, match=r"expected numbers, \(4, 2, 16, 16\)"):
        local_pixels(Seasons({"seasons": values[0]}), None, GRID)


@pytest.mark.parametrize("answer", [None, {}, {"amounts": np.full((1, SIZE, SIZE), np.nan)}])
def test_nothing_is_no_data_and_counts_as_masked(tmp_path, answer):
    result = fetch(tmp_path, answer)
    assert all(np.isnan(band).all() for band in result.bands.values())
    assert result.entry.record["masked"] == ["codes", "amounts"]


def test_beside_an_image_both_are_in_the_stack(tmp_path):
    heights = ArrayBand("height", np.arange(256).reshape(SIZE, SIZE).astype(np.int16), UTM, (10, 0, LEFT, 0, -10, TOP))
    result = fetch(tmp_path, {"amounts": SQUARE[None]}, Height(), world=ArrayWorld(image("HEIGHT", [heights])))
    assert result.requests == {"pixels": 1}
    assert list(result.bands) == ["codes__one", "codes__two", "amounts__value", "height__height"]
    assert (result.bands["amounts__value"] == SQUARE).all() and (result.bands["height__height"] == SQUARE).all()
    assert result.entry.record["masked"] == ["codes"]


def codes(value):
    return {"codes": np.full((2, SIZE, SIZE), value)}


def zeros(scene, grid):
    return {"amounts": np.zeros((1, grid.size, grid.size))}


def failing(scene, grid):
    raise OSError("the disk is gone")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            {"other": SQUARE[None]},
            "undeclared layers: other; declared are codes, amounts",
        ),
        ({"codes": SQUARE[None]}, "layer 'codes' is float64 of shape (1, 16, 16); expected numbers, (2, 16, 16)"),
        (codes("text"), "layer 'codes' is <U4 of shape"),
        (codes(True), "layer 'codes' is bool of shape"),
        (codes(256), "layer 'codes' has the value 256, which uint8 cannot hold"),
        (codes(-1), "layer 'codes' has the value -1, which uint8 cannot hold"),
        (codes(0.5), "layer 'codes' has the value 0.5, which uint8 cannot hold"),
        (codes(math.inf), "layer 'codes' has the value inf, which uint8 cannot hold"),
        ({"amounts": np.full((1, SIZE, SIZE), 1e39)}, "layer 'amounts' has the value 1e+39, which float32 cannot hold"),
        ({"amounts": np.full((1, SIZE, SIZE), -math.inf)}, "layer 'amounts' has the value -inf"),
    ],
)
def test_what_cannot_be_stored_is_refused_and_named(answer, message):
    with pytest.raises(ValueError) as caught:
        local_pixels(Local(answer), None, GRID)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (failing, "pixels: local.pixels raised OSError: the disk is gone"),
        (
            codes(256),
            "pixels: local.pixels raised ValueError: layer 'codes' has the value 256, which uint8 cannot",
        ),
    ],
)
def test_an_error_fails_the_tile_and_names_the_plugin(tmp_path, answer, reason):
    result = fetch(tmp_path, answer)
    assert (result.entry.outcome, result.requests) == ("failed", {})
    assert result.entry.reason.startswith(reason)


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "problem"), [(zeros, None), (failing, "the disk is gone")])
def test_the_kit_checks_them(answer, problem):
    (finding,) = [*findings_of(Local(answer), processes=False, ignore=["descriptions", "units"]), None][:1]
    assert finding is None if problem is None else (problem in finding.problem and "pixels" in finding.where)


@attrs.frozen
class FileOptions:
    file: str = ""
    digest: str | None = None


class OwnFile(Local):
    """Completes its options by the text of a file."""

    Options = FileOptions

    def __init__(self, options=None):
        Modality.__init__(self, options)

    def prepared(self, folder: Path):
        if not self.options.file:
            raise ValueError("file: it is missing; name a text file")
        return type(self)(attrs.evolve(self.options, digest=(folder / self.options.file).read_text()))


def prepared(folder, table):
    properties = {"tile_id": "a", "date": "2018-07-14", "lon": TILE.centroid.x, "lat": TILE.centroid.y}
    feature = {"type": "Feature", "geometry": mapping(TILE), "properties": properties}
    (folder / "tiles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    config = folder / "own.toml"
    head = '[dataset]\nname = "own"\ntiles = "tiles.geojson"\nanchor = "file"\n[modalities.file]\n'
    config.write_text(f"{head}[modalities.local]\n{table}")
    origin = Origin("test", "0", "test")
    modalities = {"file": FileAnchor, "local": OwnFile}
    registry = Registry(
        modalities={name: Registered(name, cls, origin) for name, cls in modalities.items()},
        engines=discover().engines,
    )
    return prepare(load_config(config), registry, "local")


def test_a_modality_is_prepared_before_a_run_and_completes_its_options(tmp_path):
    (tmp_path / "mine.txt").write_text("first")
    run = prepared(tmp_path, 'file = "mine.txt"')
    (group,) = run.groups
    assert group.modalities[1].options == run.modalities["local"].options == FileOptions("mine.txt", "first")
    assert group.anchor is group.modalities[0]
    assert run.stored.modalities["local"] == {"file": "mine.txt", "digest": "first"}
    run.folder.root.mkdir()
    run.stored.write(run.folder.config)
    (tmp_path / "mine.txt").write_text("second")
    with pytest.raises(DatasetError, match="digest is 'first' in the dataset and 'second' in the configuration"):
        prepared(tmp_path, 'file = "mine.txt"')


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "own.toml: [modalities.local] file: it is missing"),
        ('file = "none.txt"', "own.toml: [modalities.local] [Errno 2]"),
    ],
)
def test_what_it_refuses_is_an_error_of_the_configuration(tmp_path, table, message):
    with pytest.raises(ConfigError) as caught:
        prepared(tmp_path, table)
    assert message in str(caught.value)
