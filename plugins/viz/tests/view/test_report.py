"""`mmearth-core report`: the contents of the page, recomputed from the files with numpy, h5py and json."""

import json
import re
import shutil
from collections import Counter
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from attrs import define, evolve, field
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mmearth_viz.report.histograms import BINS, Range, ranges_of, sampled_rows
from mmearth_viz.report.world import DOTS, world

from mmearth_core.product.hdf5 import create_layer, create_metadata, layer_names, stored_layers


@define
class Seen(HTMLParser):
    """What a reader sees: tables by caption, and every address that the page names."""

    tables: dict[str, list[list[str]]] = field(factory=dict)
    addresses: list[str] = field(factory=list)
    tags: Counter[str] = field(factory=Counter)
    images_without_alt: int = 0
    _rows: list[list[str]] = field(factory=list)
    _caption: str | None = None
    _into: str = ""

    def __attrs_post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.tags[tag] += 1
        self.addresses += [value for key in ("src", "href") if (value := told.get(key))]
        self.images_without_alt += tag == "img" and not told.get("alt")
        if tag == "table":
            self._rows, self._caption = [], None
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
            self._into = "cell"
        elif tag == "caption":
            self._caption, self._into = "", "caption"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "caption"):
            self._into = ""
        if tag == "table" and self._caption is not None:
            self.tables[self._caption] = self._rows

    def handle_data(self, data: str) -> None:
        if self._into == "cell":
            self._rows[-1][-1] += data
        elif self._into == "caption":
            self._caption = (self._caption or "") + data

    def counts(self, caption: str) -> dict[str, str]:
        return {row[0]: row[-1] for row in self.tables[caption]}


def read(path: Path) -> Seen:
    seen = Seen()
    seen.feed(path.read_text(encoding="utf-8"))
    seen.close()
    return seen


def report(kit: Any, target: Path, out: Path, *options: str) -> str:
    done = kit.cli("report", target, "-o", out, "--workers", "1", *options)
    assert done.exit_code == 0, done.output
    return out.read_text(encoding="utf-8")


def folder(config: Path, kit: Any) -> Path:
    path: Path = config.parent / kit.name
    return path


@pytest.fixture(scope="module")
def page(finished: Path, tmp_path_factory: pytest.TempPathFactory, kit: Any) -> Path:
    out = tmp_path_factory.mktemp("page") / "report.html"
    report(kit, finished, out)
    return out


def test_counts_are_those_of_tile_info(page: Path, finished: Path, kit: Any) -> None:
    told = json.loads((folder(finished, kit) / f"{kit.name}_tile_info.json").read_text()).values()
    seen = read(page)
    for caption, value in {
        "S2_type": lambda entry: entry["S2_type"],
        "SEASON": lambda entry: entry["SEASON"],
        "biome": lambda entry: entry["TILE"]["biome"],
        "S2_DATE, by year": lambda entry: entry["S2_DATE"][:4],
        "LOOK_DATE, by year": lambda entry: entry["LOOK_DATE"][:4],
    }.items():
        expected = Counter(map(value, told))
        if len(expected) > 1 or "by year" in caption or caption == "S2_type":
            assert seen.counts(caption) == {name: str(times) for name, times in expected.items()}, caption
    months = Counter(int(entry["S2_DATE"][5:7]) for entry in told)
    assert [int(row[-1]) for row in seen.tables["S2_DATE, by month"]] == [months[month] for month in range(1, 13)]
    assert "LOOK_ID" not in seen.tables  # every tile has its own


def test_shares_of_classes_and_choices_are_those_of_the_pixels(page: Path, finished: Path, kit: Any) -> None:
    with h5py.File(folder(finished, kit) / f"{kit.name}.h5") as file:
        kinds, choice = file["view_kinds"][:], file["view_choice"][:]
    known = kinds[kinds != 255]
    (caption,) = [name for name in read(page).tables if name.startswith("kind: shares")]
    shown = read(page).counts(caption)
    assert shown.keys() == {"none <b>", "one", "two"}
    for value, name in enumerate(("none <b>", "one", "two")):
        assert abs(float(shown[name].split()[0]) - 100 * (known == value).mean()) <= 0.5
    shares = read(page).counts("shares of tiles, one of 4 each")
    assert [float(shares[name].split()[0]) for name in "pqrs"] == [25.0] * 4
    assert choice.sum() == len(choice)


def test_statistics_are_those_of_the_values(page: Path, finished: Path, kit: Any) -> None:
    with h5py.File(folder(finished, kit) / f"{kit.name}.h5") as file:
        values = file["view_heights"][:].astype(np.float64)
    text = page.read_text()
    (table,) = re.findall(r'aria-label="Statistics of view_heights">(.*?)</table>', text, re.DOTALL)
    for band, name in enumerate(("low", "high")):
        own = values[:, band]
        known = own[own != -32768]
        (row,) = re.findall(rf'<tr><th scope="row">{name}</th>(.*?)</tr>', table)
        unit, mean, std, low, high, missing = re.findall(r">([^<]*)</td>", row)
        assert unit == "m"
        assert [float(each.replace(",", "")) for each in (mean, std, low, high)] == pytest.approx(
            [known.mean(), known.std(), known.min(), known.max()], rel=1e-3
        )
        assert abs(float(missing.split()[0].strip("<>")) - 100 * (own == -32768).mean()) <= 0.5


def test_a_histogram_is_that_of_the_values(page: Path, finished: Path, kit: Any) -> None:
    with h5py.File(folder(finished, kit) / f"{kit.name}.h5") as file:
        values = file["view_plain"][:]
        layer = stored_layers(file)["view_plain"]
    stats = json.loads((folder(finished, kit) / f"{kit.name}_band_stats.json").read_text())
    (bins,) = ranges_of(layer, stats)
    expected, _ = np.histogram(values[np.isfinite(values)].astype(np.float64), BINS, (bins.low, bins.high))
    (path,) = re.findall(r'aria-label="Histogram of own from.*?d="M0 60(.*?)V60Z"', page.read_text(), re.DOTALL)
    heights = [60 - float(top) for top in re.findall(r"V([\d.]+)h4", path)]
    np.testing.assert_allclose(heights, 60 * expected / expected.max(), atol=0.051)


def test_the_terms_of_each_modality_are_those_in_the_file(page: Path, finished: Path, kit: Any) -> None:
    (section,) = re.findall(r'<section id="licences".*?</section>', page.read_text(), re.DOTALL)
    with h5py.File(folder(finished, kit) / f"{kit.name}.h5") as file:
        terms = {file[name].attrs["modality"]: dict(file[name].attrs) for name in layer_names(file)}
    assert re.findall("<h3>(.*?)</h3>", section) == list(terms)
    for article, own in zip(re.findall("<article>(.*?)</article>", section, re.DOTALL), terms.values(), strict=True):
        lines = [unescape(line) for line in re.findall("<li>(.*?)</li>", article)]
        names = ("licence", "attribution", "citation", "source")
        assert lines == [f"{name}: {own.get(name, 'not stated by the plugin')}" for name in names]
    assert "Contains modified Copernicus Sentinel data 20" in section and "not stated by the plugin" in section


def test_the_page_needs_nothing_else(page: Path) -> None:
    seen = read(page)
    assert (seen.tags["script"], seen.tags["link"]) == (0, 1)
    assert [where for where in seen.addresses if not where.startswith(("data:", "#"))] == []
    text = page.read_text()
    assert (
        "url(" not in text
        and "@import" not in text
        and "http" not in re.sub(r"data:[^\"]*|<li>source: https:[^<]*", "", text)
    )
    assert seen.images_without_alt == 0 and seen.tags["img"] > 6
    assert (seen.tags["h1"], seen.tags["main"]) == (1, 1)


def test_names_are_escaped(page: Path) -> None:
    text = page.read_text()
    assert "dry &amp; &lt;i&gt;hot&lt;/i&gt;" in text and "none &lt;b&gt;" in text
    assert "<i>hot" not in text and "none <b>" not in text


def test_failures_are_counted_with_their_reasons(config: Path, tmp_path: Path, kit: Any) -> None:
    journal = sorted((folder(config, kit) / "journal" / "base").glob("*.jsonl"))[0]
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    for line, (outcome, reason) in zip(lines, (("failed", "timed <out>"), ("skipped", "no image")), strict=False):
        told = {"tile_id": line["tile_id"], "ordinal": line["ordinal"], "outcome": outcome, "reason": reason}
        with journal.open("a") as file:
            file.write(json.dumps(told) + "\n")
    text = report(kit, config, tmp_path / "r.html")
    assert re.search(r"<td>failed</td><td class=\"num\">1</td><td class=\"why\">timed &lt;out&gt;</td>", text)
    assert re.search(rf"<dt>done</dt><dd>{kit.tiles - 2}</dd>", text)
    assert re.search(rf"timed &lt;out&gt;</td><td>{lines[0]['tile_id']}</td>", text)
    assert "[modalities.looks]" in text and "mmearth-looks 1.0" in text
    alone = report(kit, folder(config, kit) / f"{kit.name}.h5", tmp_path / "alone.html")
    assert "There are no journals" in alone and "timed" not in alone


def test_reasons_that_differ_in_numbers_only_are_one(config: Path, tmp_path: Path, kit: Any) -> None:
    journal = sorted((folder(config, kit) / "journal" / "base").glob("*.jsonl"))[0]
    lines = [json.loads(line) for line in journal.read_text().splitlines()][:3]
    with journal.open("a") as file:
        for number, line in enumerate(lines):
            told = {"tile_id": line["tile_id"], "ordinal": line["ordinal"], "outcome": "failed"}
            file.write(json.dumps({**told, "reason": f"no answer within {number} s"}) + "\n")
    text = report(kit, config, tmp_path / "r.html")
    assert re.search(r"<td>failed</td><td class=\"num\">3</td><td class=\"why\">no answer within 0 s</td>", text)
    assert "no answer within 1 s" not in text


def test_splits_are_counted_and_mapped(page: Path, finished: Path, kit: Any) -> None:
    splits = json.loads((folder(finished, kit) / f"{kit.name}_splits.json").read_text())
    text = page.read_text()
    for name, rows in splits.items():
        assert f"<strong>{name}</strong> {len(rows)} tiles" in text
        (points,) = re.findall(rf'aria-label="World map of {name}: .*?d="(.*?)"', text, re.DOTALL)
        assert points.count("M") == len(rows)
    assert "strategy random, fractions [0.5, 0.25, 0.25], seed 0" in text


def test_the_same_page_for_any_workers_and_target(page: Path, finished: Path, tmp_path: Path, kit: Any) -> None:
    done = kit.cli("report", folder(finished, kit), "-o", tmp_path / "r.html", "--workers", "2")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "r.html").read_bytes() == page.read_bytes()


@pytest.mark.slow
def test_a_sample_of_rows_says_so(finished: Path, tmp_path: Path, kit: Any) -> None:
    text = report(kit, finished, tmp_path / "r.html", "--rows", "5", "--seed", "3", "--tiles", "0")
    assert "Histograms on 5 of 12 rows, drawn by seed 3. Statistics and shares on all rows." in text
    assert 'class="sample"' not in text
    assert "12 rows" not in report(kit, finished, tmp_path / "r.html", "--rows", "5", "--all-rows")
    told = json.loads(kit.cli("report", finished, "-o", tmp_path / "r.html", "--rows", "5", "--json").stdout)
    assert (told["tiles"], told["rows"], told["bytes"]) == (12, 5, (tmp_path / "r.html").stat().st_size)


def test_a_file_with_nothing_beside_it(finished: Path, page: Path, tmp_path: Path, kit: Any) -> None:
    alone = tmp_path / "alone.h5"
    shutil.copyfile(folder(finished, kit) / f"{kit.name}.h5", alone)
    text = report(kit, alone, tmp_path / "r.html")
    assert "locations are unknown" in text and 'id="splits"' not in text
    # The statistics are then counted from the file, and are the same.
    pattern = re.compile(r'aria-label="Statistics of .*?</table>', re.DOTALL)
    assert pattern.findall(text) == pattern.findall(page.read_text()) != []


def test_bad_names_are_refused(finished: Path, tmp_path: Path, kit: Any) -> None:
    done = kit.cli("report", finished, "-o", tmp_path / "r.pdf")
    assert done.exit_code == 2 and "ends in .html" in " ".join(done.stderr.split())


def test_layers_of_many_bands_are_cut_with_a_word(finished: Path, tmp_path: Path, kit: Any) -> None:
    with h5py.File(folder(finished, kit) / f"{kit.name}.h5") as file:
        plain = stored_layers(file)["view_plain"]
    names = [f"band{number}" for number in range(200)]
    wide = evolve(
        plain, bands=names, units=["K"] * 200, descriptions=[""] * 200, shape=(200, 8, 8), classes=((),) * 200
    )
    with h5py.File(tmp_path / "wide.h5", "w") as file:
        create_metadata(file, 2, "kind")["tile_id"] = [b"a", b"b"]
        create_layer(file, wide, 2)[...] = np.random.default_rng(0).normal(size=(2, 200, 8, 8))
    text = report(kit, tmp_path / "wide.h5", tmp_path / "r.html")
    assert text.count('class="band"') == 64 and "and 136 more bands" in text


@given(
    hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e6, 1e6, width=32)),
    st.floats(-10, 10, width=32),
    st.floats(0.5, 100, width=32),
)
def test_every_value_is_counted_where_it_belongs(values: np.ndarray, low: float, span: float) -> None:
    from mmearth_viz.report.histograms import positions_of

    bins = Range(low, low + span)
    places = positions_of(values, bins)
    assert ((places == 0) == (values < bins.low)).all() and ((places == BINS + 1) == (values > bins.high)).all()
    inside = (values >= bins.low) & (values <= bins.high)
    counts = np.bincount(places[inside], minlength=BINS + 2)[1:-1]
    assert counts.sum() == inside.sum()
    left = bins.low + (places[inside] - 1) * bins.width
    assert (np.abs(values[inside] - (left + bins.width / 2)) <= bins.width * 0.5000001 + 1e-9).all()


@given(st.integers(0, 500), st.one_of(st.none(), st.integers(1, 600)), st.integers(0, 3))
def test_a_sample_is_of_different_rows_in_order(count: int, wanted: int | None, seed: int) -> None:
    rows = sampled_rows(count, wanted, seed)
    assert rows == sorted(set(rows)) and set(rows) <= set(range(count))
    assert len(rows) == (count if wanted is None else min(count, wanted))


def test_very_many_tiles_become_cells() -> None:
    random = np.random.default_rng(0)
    lon = random.normal(20, 3, 2 * DOTS).astype(np.float32)
    lat = random.normal(5, 3, 2 * DOTS).astype(np.float32)
    lon[0] = np.nan
    shown = world("many", lon, lat)
    assert shown.tiles == 2 * DOTS - 1
    assert [points.level for points in shown.points] == sorted({points.level for points in shown.points})
    assert shown.points[0].meaning.startswith("1 ") and sum(p.path.count("M") for p in shown.points) < DOTS
