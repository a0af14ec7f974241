"""docs/worlds.md shows a manifest that works and explains every key that exists."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import rasterio
from localearth.worlds.rasters import RastersWorld

PAGE = (Path(__file__).resolve().parents[3] / "docs/worlds.md").read_text(encoding="utf-8")
MANIFEST = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL).group(1)


def test_the_example_works(tmp_path: Path) -> None:
    (tmp_path / "scenes.toml").write_text(MANIFEST, encoding="utf-8")
    scenes = re.findall(r'index = "(.*)"', MANIFEST)
    files = [f"{scene}/{band}.tif" for scene in scenes for band in ("B04", "B03", "B02")]
    for file in [*files, "dem/n37w076.tif"]:
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        grid = {"crs": "EPSG:32618", "transform": rasterio.Affine(10, 0, 4e5, 0, -10, 4.2e6)}
        with rasterio.open(path, "w", "GTiff", width=2, height=2, count=1, dtype="int16", **grid) as raster:
            raster.write(np.zeros((1, 2, 2), "int16"))
    world = RastersWorld(tmp_path / "scenes.toml")
    images = world.find("COPERNICUS/S2_HARMONIZED").images()
    assert [image.index for image in images] == scenes
    assert [band.name for band in images[0].bands] == ["B4", "B3", "B2", "QA60"]
    assert world.find("USGS/SRTMGL1_003").bands[0].nodata == -32768
    # The commands that the page shows.
    (tmp_path / "my_program.py").write_text(
        "import ee\nee.Initialize()\nprint(ee.ImageCollection('COPERNICUS/S2_HARMONIZED').size().getInfo())"
    )
    (program, serve) = re.findall(r"^    localearth (.*)$", PAGE, re.MULTILINE)
    words = shlex.split(program.replace("-- python", f"-- {sys.executable}"))
    done = subprocess.run(
        [sys.executable, "-m", "localearth", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr
    assert serve == "serve --world scenes.toml"


def test_every_key_is_explained() -> None:
    source = Path(__import__("localearth").__file__).parent / "worlds/manifest.py"
    keys = set(re.findall(r'table\.(?:take|time|properties)\(\s*"(\w+)"', source.read_text(encoding="utf-8")))
    keys |= set(re.findall(r'top\.take\("(\w+)"', source.read_text(encoding="utf-8")))
    assert {"folder", "image_properties", "nodata", "install"} <= keys
    explained = set(re.findall(r"`\[*(?:collection\.)?(\w+)\]*`", PAGE))
    assert keys <= explained
