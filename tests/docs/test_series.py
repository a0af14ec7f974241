"""The page on time series: what it shows runs on the synthetic planet; and so does the example of the contract."""

import datetime as dt
import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import evolve
from mmearth_devkit.testing.command_line import cli
from mmearth_localearth.testing import ArrayBand, ArrayCollection, ArrayWorld, download, image, to_lonlat
from shapely.geometry import box, mapping

from mmearth_core import Anchor

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "series.md").read_text()


def fenced(language: str, text: str = PAGE) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("other", [False, True])
def test_what_the_page_shows_runs(other: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tile = {"type": "Feature", "properties": {"tile_id": "po"}}
    tile["geometry"] = mapping(box(11.192, 45.094, 11.208, 45.106))
    Path("tiles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [tile]}))
    months, images = fenced("toml")
    if other:
        months = months.partition("[modalities.sentinel2_series]")[0] + images
    size = 'image_size = 32\n[run]\nengine = "local:synthetic"\n'
    Path("series.toml").write_text(months.replace("\n\n[modalities.sentinel2]", f"\n{size}\n[modalities.sentinel2]"))
    for line in re.findall(r"^    mmearth-core (.*)$", PAGE, re.MULTILINE):
        done = cli(*shlex.split(line))
        assert done.exit_code == 0, (line, done.output)
    (code,) = fenced("python")
    names: dict[str, Any] = {}
    exec(code, names)
    values = names["tile"].values["sentinel2_series"]
    assert (values.shape, len(names["dates"])) == ((12, 10, 32, 32), 12)
    np.testing.assert_array_equal(names["has_data"], values.any(axis=(1, 2, 3)))
    shown = [date for date in names["dates"] if date]
    assert shown == sorted(shown) and len(shown) >= 8
    assert all(re.fullmatch(r"20(19|20)-\d\d-\d\d" if other else r"20(19|20)-\d\d", date) for date in shown)
    assert cli("verify", "series.toml").exit_code == 0


@pytest.mark.slow
def test_the_example_of_the_contract_runs(tmp_path: Path) -> None:
    (code,) = [each for each in fenced("python", (DOCS / "plugins.md").read_text()) if "class SnowYears" in each]
    names: dict[str, Any] = {"__name__": "example"}
    exec("from attrs import field, frozen, validators\nfrom mmearth_core import *\n" + code, names)
    left, top = 499_980, 5_000_040
    pixels = {year: np.full((9, 9), year - 1900, "uint8") for year in (2018, 2020)}
    images = [
        image(f"OWNER/SNOW/{year}", [ArrayBand("cover", each, "EPSG:32632", (500, 0, left, 0, -500, top))])
        for year, each in pixels.items()
    ]
    polygon = to_lonlat(box(left + 1000, top - 1160, left + 1160, top - 1000), "EPSG:32632")
    anchor = Anchor(dt.date(2020, 7, 1), "EPSG:32632")
    modality = names["SnowYears"](evolve(names["SnowOptions"](), years=4))
    result = download(ArrayWorld(ArrayCollection("OWNER/SNOW", images)), [modality], polygon, anchor, tmp_path)
    assert {name: float(each[0, 0]) for name, each in result.bands.items() if not np.isnan(each).all()} == {
        "snow_years__cover__0": 118.0, "snow_years__cover__2": 120.0,
    }  # fmt: skip
    assert len(result.bands) == 4
    info = modality.info(result.located(modality))["STEPS"]["snow_years"]
    assert [step and step["date"] for step in info] == ["2018", None, "2020", None]
