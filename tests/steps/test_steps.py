"""Layers with time steps, from the plugin to training: every file and command, compared with numpy and rasterio."""

import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import rasterio
from mmearth_devkit import findings_of
from mmearth_devkit.testing.command_line import cli, summary
from mmearth_devkit.testing.few_tiles import write_few
from mmearth_devkit.testing.scene_sensor import SENSOR
from mmearth_devkit.testing.third_party import site_of

from mmearth_core.dataset import Dataset
from mmearth_core.errors import DatasetError
from mmearth_core.layers import LayerDescription
from mmearth_core.product.statistics import LayerStatistics

TILES, SIZE, STEPS = 4, 16, 3
NOTHING, HOLE = 2, 1
"""The tile without any image, and the one without an image of the second step; rows are in the order of tiles."""

OWN = """
KINDS = [ClassLabel(number, f"kind {number}", f"#00000{number}") for number in range(4)]
NAN = float("nan")
RED = Preview(("red",), low=0, high=3000, colormap="gray")

class Seasonal(Sensor):
    name = "seasonal"
    layers = (
        Layer("reds", [Band("red", "uint16", 0), Band("half", "uint16", 0)], preview=RED, steps=3),
        Layer("cover", [Band("kind", "int8", -1, classes=KINDS)], kind="classes", steps=3),
        Layer("rates", [Band(name, "float32", NAN) for name in ("x", "y")], kind=Kind.VECTOR, steps=3),
        Layer("total", [Band("sum", "float32", NAN)], kind=Kind.VECTOR),
    )

    def image(self, scene, located):
        import ee
        if located["number"] == 2:
            return None
        def of(step):
            red = red_band().add(100 * step)
            return ee.Image.cat([red.rename("red"), red.divide(2).rename("half"), kind_band(4).add(step).mod(4)])
        return [None if (located["number"], step) == (1, 1) else of(step) for step in range(3)]

    def values(self, located):
        number = located["number"]
        return {"rates": [[number, number + 0.5], None, [None, 3]], "total": [number]}

    def info(self, located):
        number = located["number"]
        if number == 2:
            return {"MISSING": {"reds": "no image"}}
        days = [{"date": f"2017-0{step + 1}-15", "id": f"image{step}"} for step in range(3)]
        if number == 1:
            days[1] = None
        return {"STEPS": {"reds": days}}

@hookimpl
def mmearth_modalities():
    return [Seasonal]
"""

site = site_of("mmearth-seasonal", SENSOR + OWN, scope="module")


@pytest.fixture(scope="module")
def config(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a finished dataset; not to be changed."""
    config = write_few(tmp_path_factory.mktemp("steps"), TILES, "series", "seasonal", size=SIZE, partition=3)
    done = summary("run", config)
    assert (done["done"], done["failed"]) == (TILES, 0)
    summary("post", config, "--step-statistics", "--workers", "1")
    return config


def h5(config: Path) -> Path:
    return config.parent / "series" / "series.h5"


def rows(path: Path, *names: str) -> list[np.ndarray]:
    with h5py.File(path) as file:
        return [file[name][:] for name in names]


def stats(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.with_name(f"{path.stem}_band_stats.json").read_text())
    return content


def test_stacks_and_rows_have_every_step(config: Path) -> None:
    reds, cover, rates, total = rows(h5(config), "reds", "cover", "rates", "total")
    assert [each.shape for each in (reds, cover, rates, total)] == [
        (TILES, STEPS, 2, SIZE, SIZE), (TILES, STEPS, 1, SIZE, SIZE), (TILES, STEPS, 2), (TILES, 1),
    ]  # fmt: skip
    stacks = sorted((config.parent / "series" / "stacks" / "base").glob("*/*.tif"))
    for row, path in enumerate(stacks):
        with rasterio.open(path) as stack:
            names = [name for name in stack.descriptions if name.startswith(("reds", "cover"))]
            bands = dict(zip(stack.descriptions, stack.read(), strict=True))
        assert names == [
            *(f"reds__{band}__{step}" for step in range(STEPS) for band in ("red", "half")),
            *(f"cover__kind__{step}" for step in range(STEPS)),
        ]
        for step in range(STEPS):
            own = bands[f"reds__red__{step}"]
            if row == NOTHING or (row, step) == (HOLE, 1):
                assert np.isnan(own).all() and not reds[row, step].any() and (cover[row, step] == -1).all()
                continue
            np.testing.assert_array_equal(reds[row, step, 0], own)
            np.testing.assert_array_equal(reds[row, step, 0], reds[row, 0, 0] + 100 * step)
            np.testing.assert_array_equal(
                cover[row, step, 0], np.where(cover[row, 0, 0] < 0, -1, (cover[row, 0, 0] + step) % 4)
            )
    np.testing.assert_array_equal(rates[3], np.array([[3, 3.5], [np.nan] * 2, [np.nan, 3]], "f4"))
    with h5py.File(h5(config)) as file:
        assert [Path(dim[0].name).name.rstrip("_") for dim in file["reds"].dims] == [
            "row",
            "reds_step",
            "reds_band",
            "y",
            "x",
        ]
        assert [Path(dim[0].name).name.rstrip("_") for dim in file["rates"].dims] == ["row", "rates_step", "rates_band"]
        assert file["reds_band"].asstr()[:].tolist() == ["red", "half"]
    info = json.loads(h5(config).with_name("series_tile_info.json").read_text())
    entries = list(info.values())
    assert [step and step["date"] for step in entries[HOLE]["STEPS"]["reds"]] == ["2017-01-15", None, "2017-03-15"]


def expected(values: np.ndarray, nodata: float) -> dict[str, list[float]]:
    """Statistics by numpy of (tiles, steps, bands, ...)."""
    by_band = np.moveaxis(values, 2, 0).reshape(values.shape[2], -1).astype(float)
    by_band[by_band == nodata] = np.nan
    return {
        "mean": np.nanmean(by_band, axis=1).tolist(),
        "true_std": np.nanstd(by_band, axis=1).tolist(),
        "min": np.nanmin(by_band, axis=1).tolist(),
        "count": np.isfinite(by_band).sum(axis=1).tolist(),
        "nodata": np.isnan(by_band).sum(axis=1).tolist(),
    }


def compared(entry: dict[str, Any], values: np.ndarray, nodata: float) -> None:
    for name, numbers in expected(values, nodata).items():
        np.testing.assert_allclose(entry[name], numbers, rtol=1e-12, err_msg=name)


def test_statistics_are_those_of_numpy_over_steps_and_of_each(config: Path) -> None:
    written = stats(h5(config))
    reds, cover, rates = rows(h5(config), "reds", "cover", "rates")
    for name, values, nodata in (("reds", reds, 0), ("cover", cover, -1)):
        compared(written[name], values, nodata)
        for step in range(STEPS):
            compared(written[f"{name}_step{step}"], values[:, [step]], nodata)
    compared(written["rates"], rates, np.inf)
    compared(written["rates_step0"], rates[:, [0]], np.inf)
    assert written["rates_step1"]["count"] == [0, 0]
    valid = cover[cover >= 0]
    assert written["cover"]["classes"] == [{str(k): int((valid == k).sum()) for k in range(4)}]


def test_variants_have_statistics_of_their_own_steps() -> None:
    texts = {"bands": ["a"], "units": ["1"], "descriptions": [""], "variants": ["l1c", "l2a"]}
    layer = LayerDescription("x", "m", "regression", "int16", "-1", shape=(2, 1, 2, 2), classes=((),), **texts)
    values = np.random.default_rng(0).integers(-1, 9, (6, 2, 1, 2, 2)).astype("int16")
    statistics = LayerStatistics([layer])
    for number, row in enumerate(values):
        statistics.add("x", ["l1c", "l2a", None][number % 3], row)
    entries = statistics.entries(by_step=True)
    assert list(entries) == [f"x{each}{step}" for each in ("_l1c", "_l2a", "") for step in ("", "_step0", "_step1")]
    for first, key in enumerate(("x_l1c", "x_l2a", "x")):
        compared(entries[key], values[first::3], -1)
        for step in range(2):
            compared(entries[f"{key}_step{step}"], values[first::3, [step]], -1)


@pytest.mark.slow
def test_statistics_of_steps_are_kept_once_they_were_wanted(config: Path, tmp_path: Path) -> None:
    written = stats(h5(config))
    shutil.copytree(config.parent, tmp_path / "copy")
    copy = tmp_path / "copy" / config.name
    assert summary("post", copy)["kept"]  # once wanted, they are kept
    assert stats(h5(copy)) == written
    h5(copy).unlink()
    summary("post", "hdf5", copy)
    assert stats(h5(copy)) == written
    path = h5(copy).with_name("series_band_stats.json")
    path.unlink()
    summary("post", "stats", copy)
    assert stats(h5(copy)) == {key: entry for key, entry in written.items() if "_step" not in key}
    summary("post", "stats", copy, "--step-statistics")
    assert stats(h5(copy)) == written
    path.unlink()
    assert summary("post", copy)["recounted"] and not any("_step" in key for key in stats(h5(copy)))
    again = summary("post", copy, "--step-statistics")
    assert again["recounted"] == ["reds", "cover", "rates"] and stats(h5(copy)) == written


@pytest.mark.slow
def test_readers_and_normalised_tensors(config: Path) -> None:
    reds, cover = rows(h5(config), "reds", "cover")
    plain = Dataset(h5(config), layers=["reds", "rates"])
    assert (plain.layers["reds"].steps, plain.layers["reds"].shape) == (STEPS, (STEPS, 2, SIZE, SIZE))
    np.testing.assert_array_equal(plain[3].values["reds"], reds[3])
    np.testing.assert_array_equal(plain[HOLE].masks["reds"], reds[HOLE] != 0)
    import torch

    from mmearth_core.torch import Dataset as Tensors

    tensors = Tensors(h5(config), layers={"reds": ["half"], "cover": None, "rates": ["y"]}, classes="index")
    written = stats(h5(config))
    for row in range(TILES):
        sample = tensors[row]
        half = reds[row][:, [1]]
        scaled = np.where(half == 0, 0, (half - written["reds"]["mean"][1]) / written["reds"]["std"][1])
        assert sample["values"]["reds"].shape == (STEPS, 1, SIZE, SIZE)
        np.testing.assert_allclose(sample["values"]["reds"], scaled, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(sample["masks"]["reds"], half != 0)
        np.testing.assert_array_equal(sample["values"]["cover"], np.where(cover[row] < 0, -100, cover[row]))
        assert sample["values"]["rates"].shape == (STEPS, 1)
    batch = next(iter(torch.utils.data.DataLoader(tensors, batch_size=TILES)))
    assert batch["values"]["reds"].shape == (TILES, STEPS, 1, SIZE, SIZE)


@pytest.mark.slow
def test_verify_compares_every_step(config: Path, tmp_path: Path) -> None:
    report = summary("verify", config, "--workers", "1")
    assert report["faults"] == 0, report["findings"]
    assert report["layers"]["reds"]["shape"] == [STEPS, 2, SIZE, SIZE]
    empty = (SIZE * SIZE * (STEPS + 1)) / (SIZE * SIZE * STEPS * TILES)
    assert report["layers"]["reds"]["nodata_fraction"]["red"] == pytest.approx(empty)
    shutil.copytree(config.parent, tmp_path / "copy")
    copy = tmp_path / "copy" / config.name
    with h5py.File(h5(copy), "r+") as file:
        file["reds"][3, 2, 1, 5, 6] += 1
        file["rates"][3, 0, 1] += 1
    path = h5(copy).with_name("series_band_stats.json")
    changed = stats(h5(copy))
    changed["cover_step1"]["count"][0] += 1
    del changed["reds_step1"]
    path.write_text(json.dumps(changed))
    found = {finding["message"] for finding in summary("verify", copy, "--workers", "1", code=1)["findings"]}
    for part in (
        "1 value other than what was downloaded: band half has",
        "at (2, 5, 6); expected",
        "band y has 4.5 at (0,); expected: 3.5",
        "cover_step1: count of band kind is",
        "There is no entry 'reds_step1'.",
    ):
        assert any(part in message for message in found), (part, found)


@pytest.mark.slow
def test_subsets_sizes_and_unions(config: Path, tmp_path: Path) -> None:
    whole = rows(h5(config), "reds", "cover", "rates")
    ids = [text.decode() for text in rows(h5(config), "metadata")[0]["tile_id"]]
    for name, chosen in (("a", ids[:2]), ("b", ids[2:])):
        words = [word for tile_id in chosen for word in ("--tile", tile_id)]
        done = cli("subset", h5(config), tmp_path / name, *words)
        if done.exit_code:
            (tmp_path / f"{name}.txt").write_text("\n".join(chosen))
            done = cli("subset", h5(config), tmp_path / name, "--tiles", tmp_path / f"{name}.txt")
        assert done.exit_code == 0, done.output
    summary("merge", tmp_path / "whole", tmp_path / "a", tmp_path / "b")
    for own, other in zip(rows(tmp_path / "whole" / "whole.h5", "reds", "cover", "rates"), whole, strict=True):
        np.testing.assert_array_equal(own, other)
    assert stats(tmp_path / "whole" / "whole.h5").keys() == stats(h5(config)).keys()
    compared(stats(tmp_path / "whole" / "whole.h5")["reds_step2"], whole[0][:, [2]], 0)
    joined = Dataset([tmp_path / "a", tmp_path / "b"], layers=["reds"]).band_stats()
    compared(joined["reds_step2"], whole[0][:, [2]], 0)
    summary("resize", h5(config), tmp_path / "small", "--size", 8)
    (small,) = rows(tmp_path / "small" / "small.h5", "reds")
    np.testing.assert_array_equal(small, whole[0][..., 4:12, 4:12])
    compared(stats(tmp_path / "small" / "small.h5")["reds_step1"], small[:, [1]], 0)
    assert summary("verify", tmp_path / "small")["faults"] == 0


@pytest.mark.slow
def test_the_example_trains_on_a_series(config: Path, tmp_path: Path) -> None:
    shutil.copytree(config.parent, tmp_path / "copy")
    copy = tmp_path / "copy" / config.name
    with h5py.File(h5(copy), "r+") as file:  # the example's target is a map without steps
        kinds = file["cover"][:, 0]
        attributes = {name: value for name, value in file["cover"].attrs.items() if name != "DIMENSION_LIST"}
        file.create_dataset("kinds", data=kinds).attrs.update(attributes)
    path = h5(copy).with_name("series_band_stats.json")
    path.write_text(json.dumps({**stats(h5(copy)), "kinds": stats(h5(copy))["cover"]}))
    h5(copy).with_name("series_splits.json").write_text(json.dumps({"train": [0, 1], "val": [2, 3], "test": []}))
    words = ["--image", "reds", "--target", "kinds", "--epochs", "1", "--output", tmp_path / "out.png"]
    script = Path(__file__).parents[2] / "examples" / "train.py"
    done = subprocess.run([sys.executable, script, h5(copy), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "2 tiles to train on, 2 to validate: reds to kinds, 4 classes" in done.stdout
    assert (tmp_path / "out.png").exists()


@pytest.mark.slow
def test_pictures_show_the_steps_with_their_dates(config: Path, tmp_path: Path) -> None:
    from PIL import Image

    (reds,) = rows(h5(config), "reds")
    ids = [text.decode() for text in rows(h5(config), "metadata")[0]["tile_id"]]
    sheets = {}
    for name, words in (("one", [ids[3]]), ("several", ids), ("strips", [*ids, "--layer", "reds"])):
        out = tmp_path / f"{name}.png"
        summary("view", config, *words, "-o", out)
        with Image.open(out) as image:
            sheets[name] = np.asarray(image.convert("RGB"))
    side = 256 // SIZE
    for step in range(STEPS):  # each step is on the sheet of one tile, in the declared range
        grey = np.rint(np.clip(reds[3, step, 0] / 3000, 0, 1) * 255).repeat(side, 0).repeat(side, 1)
        windows = np.lib.stride_tricks.sliding_window_view(sheets["one"][..., 0], (256, 256))
        first = np.argwhere(windows[:, :, 0, 0] == grey[0, 0])
        assert any((abs(windows[row, column] - grey) <= 1).all() for row, column in first), step
    out = tmp_path / "report.html"
    summary("report", config, "-o", out)
    page = out.read_text()
    assert 'class="strip"' in page and "2017-01-15, 2017-02-15, 2017-03-15" in page and "no image" in page
    assert "step2" in page


@pytest.mark.slow
def test_a_series_added_later_and_without_it(config: Path, tmp_path: Path) -> None:
    own = write_few(tmp_path / "later", TILES, "series", size=SIZE, partition=3)
    summary("run", own)
    summary("post", own)
    before = h5(own).with_name("series_band_stats.json").read_bytes()
    done = cli("post", own, "--step-statistics")
    assert done.exit_code == 2 and "--step-statistics: no layer of" in done.stderr
    assert h5(own).with_name("series_band_stats.json").read_bytes() == before
    own.write_text(own.read_text() + "[modalities.seasonal]\n")
    summary("run", own)
    summary("post", own, "--step-statistics")
    for name in ("reds", "cover", "rates", "total", "sentinel2"):
        np.testing.assert_array_equal(rows(h5(own), name)[0], rows(h5(config), name)[0])
    assert stats(h5(own)) == stats(h5(config))


@pytest.mark.slow
def test_a_request_that_is_too_large_is_split(config: Path, tmp_path: Path) -> None:
    own = write_few(tmp_path / "split", TILES, "series", "seasonal", size=SIZE, partition=3)
    fault = '\n[[engines.local.faults]]\nkind = "400-memory"\nphase = "pixels"\nfirst = 3\n'
    own.write_text(own.read_text() + fault)
    done = summary("run", own)
    assert (done["done"], done["purposes"]["pixels"]) == (TILES, TILES + 2 * 3)
    summary("post", own)
    for name in ("reds", "cover", "sentinel2"):
        np.testing.assert_array_equal(rows(h5(own), name)[0], rows(h5(config), name)[0])


BROKEN = """
class Broken(Sensor):
    name = "broken"
    layers = LAYERS

    def image(self, scene, located):
        red = red_band().rename("red")
        return IMAGE

    def values(self, located):
        return {"broken": VALUES}

    def info(self, located):
        return {"STEPS": TOLD}

@hookimpl
def mmearth_modalities():
    return [Broken]
"""
TWO = '(Layer("broken", [Band("red", "uint16", 0)], steps=2),)'


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layers", "image", "info", "reason"),
    [
        (TWO, "red", "{}", "image() returned 'Image'; layers with steps=2 need a list of 2 images, or None for a step"),
        (TWO, "[red]", "{}", "image() returned a list of 1; layers with steps=2 need"),
        (
            TWO.replace(", steps=2", ""),
            "[red]",
            "{}",
            "image() returned a list of 1; layers with steps=None need one image",
        ),
        (TWO, "[red, red]", '{"broken": [None]}', "info() must give a list of 2 objects, None for a step without"),
        (TWO, "[red, red]", '{"other": [None]}', "info() must give a list of None objects"),
        (TWO, "[red, red]", '{"broken": ["2017", None]}', "under STEPS, 'broken', not ['2017', None]"),
        (TWO, "[red, red]", "[]", "with mappings in MISSING, MASKED, STEPS, not"),
    ],
)
def test_what_a_plugin_returns_must_fit_its_steps(
    layers: str, image: str, info: str, reason: str, install: Any, tmp_path: Path
) -> None:
    source = SENSOR + BROKEN.replace("LAYERS", layers).replace("IMAGE", image).replace("TOLD", info)
    install("mmearth-broken", source)
    config = write_few(tmp_path / "new", 1, "series", "broken", size=SIZE, partition=1)
    done = cli("run", config)
    assert done.exit_code in (1, 2) and reason in " ".join(done.output.split()), done.output


@pytest.mark.slow
def test_maps_with_different_steps_are_refused_before_any_request(install: Any, tmp_path: Path) -> None:
    layers = '(Layer("broken", [Band("red", "uint16", 0)], steps=2), Layer("all", [Band("rest", "uint16", 0)]))'
    install("mmearth-broken", SENSOR + BROKEN.replace("LAYERS", layers))
    config = write_few(tmp_path / "new", 1, "series", "broken", size=SIZE, partition=1)
    done = cli("run", config)
    assert done.exit_code == 2
    text = " ".join(done.stderr.split())
    assert (
        "Modality 'broken': layer 'broken' has steps=2, layer 'all' has steps=None. All maps of a modality need" in text
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("images", "problem"),
    [("[red, red.rename('blue')]", "the image has no band red; it has blue"), ("[None, red]", ""), ("[red, red]", "")],
)
def test_the_kit_checks_the_images_of_all_steps(images: str, problem: str, install: Any) -> None:
    source = BROKEN.replace("LAYERS", TWO).replace("TOLD", "{}").replace("VALUES", "None").replace("IMAGE", images)
    source = source.replace("    layers", "    def locate(self, scene):\n        return {}\n\n    layers")
    install("mmearth-broken", SENSOR + source)
    broken = importlib.import_module("mmearth_broken").Broken
    found = [
        str(each)
        for each in findings_of(broken, engine="local:virginia", processes=False)
        if each.check in ("steps", "bands", "graph", "resampling", "grid")
    ]
    assert (len(found), problem in "".join(found)) == (bool(problem), True), found


@pytest.mark.slow
@pytest.mark.parametrize("values", ["[1, 2]", "[[1, 2, 3], None]", "[['a', 1], None]", "[[1, 2]]", "None"])
def test_vectors_of_other_shapes_are_refused(values: str, install: Any, tmp_path: Path) -> None:
    band = 'Band("{}", "float32", float("nan"))'
    layers = f'(Layer("broken", [{band.format("x")}, {band.format("y")}], kind=Kind.VECTOR, steps=2),)'
    source = BROKEN.replace("LAYERS", layers).replace("VALUES", values).replace("TOLD", "{}").replace("IMAGE", "None")
    install("mmearth-broken", SENSOR + source)
    config = write_few(tmp_path / "new", 1, "series", "broken", size=SIZE, partition=1)
    summary("run", config)
    done = cli("post", config)
    assert done.exit_code == 2 and "instead of 2 numbers for each of 2 steps" in " ".join(done.stderr.split())


def test_files_with_other_steps_are_not_read_as_one(config: Path, tmp_path: Path) -> None:
    shutil.copy(h5(config), tmp_path / "other.h5")
    with h5py.File(tmp_path / "other.h5", "r+") as file:
        reds, attributes = file["reds"][:, :2], dict(file["reds"].attrs)
        del file["reds"], attributes["DIMENSION_LIST"]
        file.create_dataset("reds", data=reds).attrs.update(attributes)
    with pytest.raises(DatasetError, match=r"shape of layer 'reds' is \(3, 2, 16, 16\) and \(2, 2, 16, 16\)"):
        Dataset([h5(config), tmp_path / "other.h5"], layers=["reds"])
