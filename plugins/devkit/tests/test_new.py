"""`mmearth-core plugin new`: what it writes passes its own tests at once; bad and taken names are refused."""

import datetime as dt
import shutil
import sys
import sysconfig
import tomllib
from pathlib import Path

import numpy as np
import pytest
import shapely
from affine import Affine
from mmearth_devkit.testing.command_line import cli
from mmearth_devkit.testing.outside import outside, own_tests
from mmearth_devkit.testing.third_party import declare
from mmearth_localearth.testing import ArrayBand, ArrayCollection, ArrayWorld, download, image
from pyproj import Transformer
from rasterio.warp import Resampling, reproject
from shapely.geometry import box

from mmearth_core import Anchor, Scene, Skip
from mmearth_core.contract.bands import DTYPES
from mmearth_core.contract.grid import Grid

ROOT = Path(__file__).parents[3]


def new(*words):
    return cli("plugin", "new", *words)


def offer(project, site):
    """Makes a project importable and its entry points known, as pip would, without building it."""
    data = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    declare(site, data["name"], data["version"], data["entry-points"])
    return [project, site]


GIVEN = ("--asset", "projects/mine/assets/a-very/long/path/of/heights", "--band", "2m__height")

FORMS = {
    "image": (),
    "vector": ("--kind", "vector"),
    "classes": (*GIVEN, "--classes"),
    "collection": (*GIVEN, "--collection", "--dtype", "int16", "--unit", "m"),
    "collection of classes": (*GIVEN, "--collection", "--classes", "--dtype", "int16"),
    "vector of a collection": (*GIVEN, "--kind", "vector", "--collection"),
    "image of 20 m": (*GIVEN, "--dtype", "int16", "--pixel-size", "20"),
    "anchor": (*GIVEN, "--collection", "--anchor", "--dtype", "uint16"),
    "anchor of 30 m": (*GIVEN, "--collection", "--anchor", "--pixel-size", "30", "--origin", "15"),
    "anchor of 2.5 m": (*GIVEN, "--collection", "--anchor", "--pixel-size", "2.5"),
    "anchor of classes": (*GIVEN, "--collection", "--anchor", "--classes"),
}
"""The options of each kind of plugin."""

QUICK = {"collection"}


def forms(quick):
    return [pytest.param(form, marks=() if form in quick else pytest.mark.slow) for form in FORMS]


@pytest.mark.parametrize("form", forms(QUICK))
def test_what_is_written_passes_its_tests_and_downloads(form, tmp_path):
    done = new("snow-depth", *FORMS[form], "--dir", tmp_path)
    assert done.exit_code == 0, done.output
    project = tmp_path / "mmearth-snow-depth"
    assert f"cd {project}" in done.output and "pip install" in done.output
    path = offer(project, tmp_path / "site")
    tests = own_tests(project, path=path)
    assert tests.returncode == 0, tests.stdout + tests.stderr
    passed = 6 if "anchor" in form else 5 if "collection" in form else 4
    assert f"{passed} passed" in tests.stdout
    run = outside(project, sys.executable, "-m", "mmearth_core", "run", "example.toml", path=path)
    assert run.returncode == 0, run.stderr
    assert "2 done, 0 skipped, 0 failed" in run.stdout
    check = ("plugin", "check", "snow_depth", "--engine", "local:tests/world.toml", "--quick")
    checked = outside(project, sys.executable, "-m", "mmearth_core", *check, path=path)
    assert checked.stdout == "snow_depth: nothing is wrong.\n"


EDITS = [
    ('name = "snow_depth"', 'name = "snow"'),
    ('    "snow_depth",\n', '    "depth",\n'),
    ("2m__height", "height"),
    ("band_2m_height", "deep"),
    ("heights", "depths"),
    ("class SnowDepth", "class Snow"),
    ("[SnowDepth]", "[Snow]"),
    ('unit="m"', 'unit="cm"'),
    ('"height": "deep"', '"height": "deep", "error": "uncertainty"'),
    ('ClassLabel(20, "second class"', 'ClassLabel(7, "ice"'),
    ("-32768", "-1"),
    ("float32", "int16"),
    ('float("nan")', "-1"),
]
"""What an author changes first: names, units, classes, a second band, type and no-data."""


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_its_tests_stay_green_after_the_first_edits(form, tmp_path):
    assert new("snow-depth", *FORMS[form], "--dir", tmp_path).exit_code == 0
    project = tmp_path / "mmearth-snow-depth"
    path = offer(project, tmp_path / "site")
    module = project / "mmearth_snow_depth" / "__init__.py"
    before = module.read_text()
    for old, new_text in EDITS:
        if "vector" not in form or old != "float32":
            module.write_text(module.read_text().replace(old, new_text))
    assert module.read_text() != before
    tests = own_tests(project, path=path)
    assert tests.returncode == 0, tests.stdout + tests.stderr


@pytest.mark.parametrize(
    ("form", "right", "wrong"),
    [
        ("collection", "image: ee.Image = resample(images).mosaic()", "image = ee.Image(self.options.asset)"),
        ("collection", "reversed(located)", "located[:1]"),
        ("anchor", '.filter(ee.Filter.contains(leftField=".geo", rightValue=scene.geometry))', ""),
        ("anchor", "self.options.start.isoformat()", '"2016-01-01"'),
        ("vector of a collection", "(scene.date - days)", '"2016-01-01" or (scene.date - days)'),
    ],
)
@pytest.mark.slow
def test_its_tests_find_what_is_wrong_for_a_collection(form, right, wrong, tmp_path):
    """The images that the world has beside the right ones are there for this."""
    assert new("snow-depth", *FORMS[form], "--dir", tmp_path).exit_code == 0
    project = tmp_path / "mmearth-snow-depth"
    path = offer(project, tmp_path / "site")
    module = project / "mmearth_snow_depth" / "__init__.py"
    assert right in module.read_text()
    module.write_text(module.read_text().replace(right, wrong))
    tests = own_tests(project, path=path)
    assert tests.returncode == 1, tests.stdout + tests.stderr
    assert "test_pixels_are" in tests.stdout or "test_numbers_are" in tests.stdout


@pytest.mark.parametrize(
    "form", [form for form in FORMS if "collection" in FORMS[form] or "--collection" in FORMS[form]]
)
def test_the_world_of_a_collection_declares_a_collection(form, tmp_path):
    assert new("snow-depth", *FORMS[form], "--dir", tmp_path).exit_code == 0
    manifest = tomllib.loads((tmp_path / "mmearth-snow-depth" / "tests" / "world.toml").read_text())
    assert "image" not in manifest
    (collection,) = manifest["collection"]
    assert collection["id"] == GIVEN[1]
    assert len({image["time"] for image in collection["image"]}) == 3


def test_a_collection_on_another_grid_is_what_gdal_makes_of_it(tmp_path):
    """Pixels of 30 m whose corner is at 15 m: interpolated, the nearest day on top, other years left out."""
    assert new("snow-depth", *FORMS["collection"], "--dir", tmp_path).exit_code == 0
    namespace = {}
    exec((tmp_path / "mmearth-snow-depth" / "mmearth_snow_depth" / "__init__.py").read_text(), namespace)
    crs, left, top, side, metres = "EPSG:32632", 500_015, 4_999_985, 40, 30
    random = np.random.default_rng(7)
    days = {"near": dt.datetime(2018, 7, 16), "far": dt.datetime(2018, 7, 1), "old": dt.datetime(2016, 7, 14)}
    pixels = {name: random.integers(-200, 900, (side, side)).astype(np.int16) for name in days}
    valid = {name: np.ones((side, side), bool) for name in days}
    valid["near"][:, :20] = False
    transform = (metres, 0, left, 0, -metres, top)
    images = [
        image(f"{GIVEN[1]}/{name}", [ArrayBand("2m__height", pixels[name], crs, transform, valid[name])], day)
        for name, day in days.items()
    ]
    grid = Grid(crs, 500_300, 4_999_700, 60)
    outline = box(grid.left + 1, grid.top - 599, grid.left + 599, grid.top - 1)
    tile = shapely.transform(
        outline, Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform, interleaved=False
    )
    world = ArrayWorld(ArrayCollection(GIVEN[1], images))
    done = download(world, [namespace["SnowDepth"]()], tile, Anchor(dt.date(2018, 7, 14), crs), tmp_path, 60)
    located = done.entry.record["located"]["snow_depth"]
    assert located == [{"index": "near", "date": "2018-07-16"}, {"index": "far", "date": "2018-07-01"}]
    (found,) = done.bands.values()
    expected = {}
    for name, values in pixels.items():
        made = np.zeros((60, 60), np.float32)
        source = {"src_crs": crs, "src_transform": Affine(*transform)}
        target = {"dst_crs": crs, "dst_transform": grid.affine, "resampling": Resampling.bilinear}
        reproject(values.astype(np.float32), made, **source, **target)
        expected[name] = np.rint(made)
    # The images meet where `near` begins, 600 m from their corner.
    edge = (left + 20 * metres - grid.left) // 10
    assert 5 < edge < 55
    np.testing.assert_allclose(found[:, : edge - 3], expected["far"][:, : edge - 3], atol=1)
    np.testing.assert_allclose(found[:, edge + 3 :], expected["near"][:, edge + 3 :], atol=1)
    assert np.abs(expected["far"] - expected["near"]).mean() > 100


@pytest.mark.parametrize("zone", ["EPSG:32632", "EPSG:32733"])
def test_an_anchor_takes_the_zone_of_the_image_or_of_the_tile(zone, tmp_path):
    assert new("snow-depth", *FORMS["anchor"], "--dir", tmp_path).exit_code == 0
    namespace = {}
    exec((tmp_path / "mmearth-snow-depth" / "mmearth_snow_depth" / "__init__.py").read_text(), namespace)
    modality = namespace["SnowDepth"]()
    transform = [10, 0, 5, 0, -10, 5]
    record = {"index": "one", "date": "2018-07-14"}
    located = [{**record, "projection": {"crs": zone, "transform": transform}}]
    anchor = modality.anchor(Scene("a", box(8, 45, 9, 46), 8.5, 45.5), located)
    assert (anchor.date, anchor.crs, list(anchor.transform)) == (dt.date(2018, 7, 14), zone, transform)
    for lon, lat, expected in ((8.5, 45.5, "EPSG:32632"), (-69.9, -33.4, "EPSG:32719"), (180.0, 1.0, "EPSG:32601")):
        for projection in ({"wkt": "PROJCS[...]"}, {"crs": "EPSG:4326"}, {"crs": "SR-ORG:6974"}):
            scene = Scene("a", box(lon - 1, lat - 1, lon + 1, lat + 1), lon, lat)
            anchor = modality.anchor(scene, [{**record, "projection": {**projection, "transform": transform}}])
            assert (anchor.crs, anchor.transform) == (expected, None)
    assert isinstance(modality.anchor(scene, []), Skip)


@pytest.mark.parametrize(
    ("form", "dtype"),
    [
        *(("image", dtype) for dtype in DTYPES),
        ("vector", "int16"),
        ("vector of a collection", "int16"),
        ("collection", "float32"),
        ("anchor", "float32"),
        *((form, dtype) for form in FORMS if "classes" in form for dtype in ("uint8", "int16")),
    ],
)
def test_any_asset_and_dtype_make_code_that_is_in_order(form, dtype, tmp_path):
    kind, given = "vector" if "vector" in form else "image", FORMS[form] if "--asset" in FORMS[form] else GIVEN
    flags = [word for word in given[4:] if word.startswith("--") and word not in ("--dtype", "--unit", "--kind")]
    unit = () if "classes" in form else ("--unit", "m")
    given = ("--asset", "projects/mine/assets/a-very/long/path/of/heights", "--band", "2m__height", *flags, *unit)
    done = new("my_heights", "--kind", kind, "--dir", tmp_path, "--dtype", dtype, *given)
    assert done.exit_code == 0, done.output
    project = tmp_path / "mmearth-my-heights"
    rules = ("--isolated", "--select", "E,F,I,UP,B,SIM", "--line-length", "120")
    ruff = outside(project, sys.executable, "-m", "ruff", "check", *rules, ".")
    assert ruff.returncode == 0, ruff.stdout + ruff.stderr
    namespace = {}
    exec((project / "mmearth_my_heights" / "__init__.py").read_text(), namespace)
    (modality,) = namespace["mmearth_modalities"]()
    assert modality().options.asset == "projects/mine/assets/a-very/long/path/of/heights"
    (layer,) = modality.layers
    assert layer.dtype == (dtype if kind == "image" else "float32")
    assert layer.bands[0].unit == ("m" if unit else "1")
    assert layer.kind == ("vector" if kind == "vector" else "classes" if "classes" in form else "regression")
    assert bool(layer.bands[0].classes) == ("classes" in form)
    assert modality.can_anchor() == ("anchor" in form)
    # Only the composite of a quantity is interpolated, and by the plugin itself.
    assert modality.resampled == (form == "collection")


@pytest.mark.parametrize("name", ["Snow", "1snow", "snow__depth", "snow depth", "snow/depth", "mmearth-", "_snow"])
def test_a_bad_name_is_refused(name, tmp_path):
    done = new(name, "--dir", tmp_path)
    assert done.exit_code == 2
    assert "cannot be the name of a plugin" in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("aster", "mmearth-aster"),
        ("sentinel2_scl", "mmearth-sentinel2"),
        ("landcover", "mmearth-landcover is installed"),
    ],
)
def test_a_taken_name_is_refused(name, owner, tmp_path):
    done = new(name, "--dir", tmp_path)
    assert done.exit_code == 2
    assert "is taken" in done.stderr and owner in " ".join(done.stderr.split())


def test_an_existing_folder_is_left_alone(tmp_path):
    theirs = tmp_path / "mmearth-snow" / "notes.txt"
    theirs.parent.mkdir()
    theirs.write_text("mine")
    done = new("snow", "--dir", tmp_path)
    assert done.exit_code == 2
    assert "exists" in done.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["mmearth-snow", "notes.txt"]


def test_a_folder_that_cannot_be_written_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    done = new("snow", "--dir", tmp_path / "file" / "below")
    assert done.exit_code == 2
    assert "cannot be written" in " ".join(done.stderr.split())


ONE = ("--asset", "OWNER/SNOW", "--band", "depth")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--asset", "OWNER/SNOW"), "--asset and --band must be given together"),
        (("--band", "depth"), "--asset and --band must be given together"),
        (("--collection",), "--collection describes an asset of yours: also give --asset and --band."),
        (("--classes",), "--classes describes an asset of yours: also give --asset and --band."),
        (("--anchor",), "--anchor describes an asset of yours: also give --asset and --band."),
        (("--dtype", "int16"), "--dtype describes an asset of yours: also give --asset and --band."),
        (("--unit", "m"), "--unit describes an asset of yours: also give --asset and --band."),
        ((*ONE, "--anchor"), "add --collection. For a single image, leave --anchor out"),
        ((*ONE, "--kind", "vector", "--classes"), "--kind vector makes numbers per tile: leave one of them out"),
        ((*ONE, "--kind", "vector", "--collection", "--anchor"), "--kind vector makes numbers per tile: leave one"),
        ((*ONE, "--classes", "--dtype", "float32"), "--classes needs whole numbers: leave --dtype out, or choose one"),
        ((*ONE, "--classes", "--unit", "m"), "Classes have no unit: leave out --unit or --classes."),
        (("--pixel-size", "30"), "--pixel-size describes an asset of yours: also give --asset and --band."),
        ((*ONE, "--collection", "--origin", "15"), "--origin is of the grid that an anchor proposes: add --anchor"),
    ],
)
def test_options_that_do_not_go_together_are_refused_with_the_remedy(words, problem, tmp_path):
    done = new("snow", "--dir", tmp_path, *words)
    assert done.exit_code == 2
    assert problem in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_it_is_installed_by_pip(tmp_path):
    """As the command prints it: editable, in an environment with the core; pytest finds the fixtures by itself."""
    python = tmp_path / "env" / "bin" / "python"
    assert outside(tmp_path, sys.executable, "-m", "venv", tmp_path / "env").returncode == 0
    # What these tests run with, seen after the environment's own.
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages")
    (site / "also.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    source = tmp_path / "core"  # a copy, as a build leaves files beside the source
    shutil.copytree(ROOT / "mmearth_core", source / "mmearth_core", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    core = outside(tmp_path, python, "-m", "pip", "install", "-q", "--no-deps", source)
    assert core.returncode == 0, core.stderr
    assert new("snow_depth", "--dir", tmp_path).exit_code == 0
    project = tmp_path / "mmearth-snow-depth"
    pip = outside(project, python, "-m", "pip", "install", "-q", "--no-deps", "-e", ".[test]")
    assert pip.returncode == 0, pip.stderr
    check = outside(project, python, "-m", "mmearth_core", "plugin", "check", "mmearth-snow-depth")
    assert check.returncode == 0, check.stdout + check.stderr
    assert "snow_depth: nothing is wrong." in check.stdout
    tests = outside(project, python, "-m", "pytest", "-q", "-W", "error")
    assert tests.returncode == 0, tests.stdout + tests.stderr
