"""docs/labels.md: its example runs, and its table has every key. docs/plugins.md: the modality with local pixels."""

import datetime as dt
import math
import re
from pathlib import Path

import attrs
import geopandas as gpd
import h5py
import numpy as np
import pyogrio
import pytest
import rasterio
from click.testing import CliRunner
from mmearth_labels.options import LabelClass, LabelLayer, LabelsOptions
from mmearth_localearth.testing import ArrayWorld, download, to_lonlat
from rasterio.transform import Affine
from shapely.geometry import box

from mmearth_core import Anchor, Band, Layer, Modality
from mmearth_core.cli import main

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "labels.md").read_text()
UTM = "EPSG:32632"


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (config,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    commands = re.findall(r"^ {4}mmearth-core (.*)$", PAGE, re.MULTILINE)
    assert len(commands) == 4
    (tmp_path / "mydata.toml").write_text(config)
    tile = to_lonlat(box(500_001, 4_998_721, 501_279, 4_999_999), UTM)
    columns = {"tile_id": ["a"], "date": "2021-06-01", "lon": tile.centroid.x, "lat": tile.centroid.y}
    gpd.GeoDataFrame(columns, geometry=[tile], crs="EPSG:4326").to_file(tmp_path / "tiles.geojson")
    (tmp_path / "maps").mkdir()
    shape = {"width": 200, "height": 200, "count": 1, "dtype": "uint8", "crs": UTM}
    place = {"driver": "COG", "transform": Affine(10, 0, 499_900, 0, -10, 5_000_100)}
    with rasterio.open(tmp_path / "maps" / "land_cover.tif", "w", **place, **shape) as file:
        file.write(np.arange(40_000).reshape(1, 200, 200) % 4)
    fields = [box(500_100, 4_999_000, 500_400, 4_999_300), box(500_600, 4_999_000, 501_000, 4_999_300)]
    frame = gpd.GeoDataFrame({"crop": ["rye", "oats"]}, geometry=fields, crs=UTM)
    pyogrio.write_dataframe(frame, tmp_path / "maps" / "fields.gpkg")
    monkeypatch.chdir(tmp_path)
    for command in commands:
        engine = ["--engine", "local"] if command.split()[0] in ("plan", "run") else []
        done = CliRunner().invoke(main, [*command.split(), *engine])
        assert done.exit_code == 0, done.output
    with h5py.File(tmp_path / "mydata" / "mydata.h5") as file:
        assert np.bincount(file["crops"][0].ravel()).tolist() == [128 * 128 - 900 - 1200, 900, 1200]
        assert set(np.unique(file["land_cover"])) == {1, 2, 3, 255}
        assert file["land_cover"].attrs["licence"] == "CC BY 4.0"


def test_the_table_has_every_key() -> None:
    rows = "".join(re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE))
    keys = [field.name for field in attrs.fields(LabelLayer)]
    assert sorted(re.findall(r"`(\w+)`", rows)) == sorted(keys)
    assert all(f"{key}" in PAGE for cls in (LabelClass, LabelsOptions) for key in attrs.fields_dict(cls))


def test_the_modality_with_local_pixels_works(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(class Distance.*?)```", (DOCS / "plugins.md").read_text(), re.DOTALL)
    names = {"Modality": Modality, "Layer": Layer, "Band": Band, "math": math, "np": np}
    exec(code, names)
    tile = to_lonlat(box(500_001, 4_999_841, 500_159, 4_999_999), UTM)
    result = download(ArrayWorld(), [names["Distance"]()], tile, Anchor(dt.date(2021, 6, 1), UTM), tmp_path)
    assert result.requests == {}
    assert (result.bands["distance__east"] == np.arange(5, 160, 10)).all()
