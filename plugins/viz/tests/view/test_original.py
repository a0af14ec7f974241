"""Files in the original system's layout: the report counts what their statistics do not have, and `view` draws them."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from mmearth_devkit.testing.original_layout import CANOPY_MISSING, LAYERS, write_original
from mmearth_viz.report import page
from PIL import Image


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_original(tmp_path_factory.mktemp("original") / "data_1M_v001")


def test_the_report_counts_what_the_statistics_do_not_have(original: Path, kit: Any, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    told = kit.summary("report", original.parent, "-o", out, "--workers", "1", "--rows", "4")
    assert (told["tiles"], told["rows"]) == (6, 4)
    text = out.read_text()
    assert set(re.findall(r"<h3>([a-z]\w+) <span>", text)) == set(LAYERS)
    assert "Statistics and shares on 4 of 6 rows, drawn by seed 0." in text
    kit.summary("report", original, "-o", out, "--workers", "1")
    text = out.read_text()
    assert "Statistics and shares on all rows." in text
    with h5py.File(original) as file:
        heights = file["canopy_height_eth"][:, 0]
    good = heights[~np.isin(heights, CANOPY_MISSING)]
    (row,) = re.findall(r'<tr><th scope="row">height</th>(.*?)</tr>', text)
    mean, std, low, high, _ = re.findall(r'<td class="num">(.*?)</td>', row)
    assert (float(low), float(high)) == (good.min(), good.max())
    assert (float(mean), float(std)) == (pytest.approx(good.mean(), rel=1e-3), pytest.approx(good.std(), rel=1e-3))
    # A tile that was not downloaded has an entry in tile_info, and no row: it is in no chart.
    assert list(json.loads(original.with_name("data_1M_v001_tile_info.json").read_text()))[-1] == "gone"
    (chart,) = re.findall(r"<caption>S2_type</caption>.*?</table>", text, re.DOTALL)
    assert re.findall(r"<td[^>]*>(\d+)</td>", chart) == ["3", "3"]


def test_every_layer_is_drawn(original: Path, kit: Any, tmp_path: Path) -> None:
    one, several = tmp_path / "one.png", tmp_path / "several.png"
    told = kit.summary("view", original, "0", "-o", one)
    assert (told["tiles"], sorted(told["layers"]), told["layers_left_out"]) == (["0"], sorted(LAYERS), [])
    told = kit.summary("view", original.parent, "-o", several, "--split", "train")
    assert {"aster", "canopy_height_eth", "esa_worldcover"} <= set(told["layers"])
    for path in (one, several):
        with Image.open(path) as image:
            assert image.size[0] > 300


def test_a_file_that_is_replaced_meanwhile_is_not_reported_on(
    original: Path, kit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own" / original.name
    shutil.copytree(original.parent, path.parent)
    other = write_original(tmp_path / "new" / "data_1M_v001", seed=1, prefix="new")
    made = page.make_histograms

    def make(*arguments: Any) -> Any:
        other.replace(path)
        return made(*arguments)

    monkeypatch.setattr(page, "make_histograms", make)
    monkeypatch.setattr(page, "make_samples", lambda *arguments: [])  # which open the file in this process
    done = kit.cli("report", path, "-o", tmp_path / "report.html", "--workers", "1")
    assert done.exit_code == 2
    assert "was replaced while it was in use" in " ".join(done.stderr.split())
    assert not (tmp_path / "report.html").exists()
