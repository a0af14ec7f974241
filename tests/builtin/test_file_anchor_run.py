"""Dates, CRS and variants of the tiles file in a run: each row by itself, read or refused before the run starts."""

import datetime as dt
import json

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
from mmearth_devkit.testing.command_line import cli, summary
from mmearth_devkit.testing.few_tiles import demo_of

from mmearth_core.contract.modality import VARIANT_BYTES
from mmearth_core.product import hdf5
from mmearth_core.tiles.index import TileIndex

SUFFIXES = [".gpkg", *(pytest.param(each, marks=pytest.mark.slow) for each in (".geojson", ".fgb"))]


def project(folder, values, suffix=".geojson", options="", column="date"):
    """A configuration whose tiles have these values in a column; None leaves it empty."""
    _, tiles = demo_of("local:virginia", slice(len(values)))
    for feature, value in zip(tiles["features"], values, strict=True):
        feature["properties"] = {"tile_id": feature["properties"]["tile_id"], "date": "2020-06-01", column: value}
    (folder / "tiles.geojson").write_text(json.dumps(tiles))
    if suffix != ".geojson":
        # As texts of the GeoJSON, and with the types that GDAL finds there.
        frame = pyogrio.read_dataframe(folder / "tiles.geojson", mixed_offsets_as_utc=False)
        write(folder / f"tiles{suffix}", frame)
    config = folder / "data.toml"
    config.write_text(
        f'[dataset]\nname = "data"\ntiles = "tiles{suffix}"\nanchor = "file"\nimage_size = 16\n'
        '[run]\nengine = "local"\n'
        f'[engines.local]\nworld = "virginia"\n[modalities.tile]\n[modalities.file]\n{options}\n'
    )
    return config


def write(path, frame):
    options = {"SPATIAL_INDEX": "NO"} if path.suffix == ".fgb" else {}
    pyogrio.write_dataframe(frame, path, **options)


def anchors(config, key="date"):
    """What the journal has as each tile's day, in order; None for a skipped one."""
    entries = [
        json.loads(line)
        for path in (config.parent / "data" / "journal" / "base").glob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    entries.sort(key=lambda entry: entry["ordinal"])
    return [entry["anchor"][key] if entry["outcome"] == "done" else None for entry in entries]


def refusal(config):
    """The paragraph with which a run refuses a tiles file; nothing is written."""
    before = sorted(config.parent.rglob("*"))
    done = cli("run", config)
    assert done.exit_code == 2, done.output
    assert sorted(config.parent.rglob("*")) == before
    return " ".join(done.output.split())


MIXED = {
    "2020-06-01T23:30:00-05:00": "2020-06-02",
    "2020-06-01T00:30:00+02:00": "2020-05-31",
    "2020-06-01T12:00:00Z": "2020-06-01",
    "2020-12-31T23:59:59-00:15": "2021-01-01",
}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("which", [slice(None), slice(None, None, -1), slice(0, 1), slice(1, 2)])
def test_the_day_of_a_moment_is_that_of_its_row_alone(tmp_path, suffix, which):
    moments = list(MIXED)[which]
    config = project(tmp_path, moments, suffix)
    summary("run", config)
    days = [dt.datetime.fromisoformat(each).astimezone(dt.UTC).date().isoformat() for each in moments]
    assert anchors(config) == [MIXED[each] for each in moments] == days


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_days_with_and_without_a_time_and_gaps(tmp_path, suffix):
    config = project(tmp_path, ["2020-06-01", None, "2020-06-03"], suffix)
    assert summary("run", config)["skipped"] == 1
    assert anchors(config) == ["2020-06-01", None, "2020-06-03"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("zone", [None, "Europe/Berlin", "America/New_York", "Asia/Tokyo"])
def test_columns_of_moments_of_other_programs(tmp_path, suffix, zone):
    config = project(tmp_path, ["2020-01-01"] * 2, suffix)
    frame = pyogrio.read_dataframe(tmp_path / f"tiles{suffix}")
    moments = pd.Series(pd.to_datetime(["2020-06-01T00:30:00", "2020-12-01T23:30:00"])).dt.tz_localize(zone)
    (tmp_path / f"tiles{suffix}").unlink()
    write(tmp_path / f"tiles{suffix}", gpd.GeoDataFrame(frame.assign(date=moments)))
    summary("run", config)
    days = (moments if zone is None else moments.dt.tz_convert("UTC")).dt.strftime("%Y-%m-%d")
    assert anchors(config) == days.tolist()


def test_texts_that_look_like_dates_are_attributes_as_they_are(tmp_path):
    config = project(tmp_path, ["2020/06/01", "2020-06-02T10:00:00+02:00"], column="seen")
    summary("run", config)
    tiles = TileIndex(tmp_path / "data" / "tiles.gpkg").read(0)
    assert [tile.attributes["seen"] for tile in tiles] == ["2020/06/01", "2020-06-02T10:00:00+02:00"]
    assert [tile.attributes["date"] for tile in tiles] == ["2020-06-01"] * 2


def test_a_number_of_eight_digits_is_a_date_also_beside_a_gap(tmp_path):
    config = project(tmp_path, [20200601, None, 20200603])
    assert summary("run", config)["skipped"] == 1
    assert anchors(config) == ["2020-06-01", None, "2020-06-03"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("values", [["01.06.2020", "02.06.2020"], ["2020-06-01", "02.06.2020"], [2020, 2021]])
def test_a_date_that_cannot_be_read_is_an_error_of_the_tiles_file(tmp_path, suffix, values):
    text = refusal(project(tmp_path, values, suffix))
    row = 2 if values[0] == "2020-06-01" else 1
    assert f"tiles{suffix}: row {row} (tile '00{row - 1}'): column 'date' is '{values[row - 1]}', not a date" in text
    assert "YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+hh:mm. Correct it, or leave it empty." in text


@pytest.mark.parametrize("value", ["2020-02-30", "2020-W23", "summer", "06/01/2020", "2020-06", "1591000000", True])
def test_other_values_that_are_no_dates(tmp_path, value):
    assert "row 2 (tile '001'): column 'date' is" in refusal(project(tmp_path, ["2020-06-01", value]))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("EPSG:99999", "not a CRS that PROJ knows"),
        ("utm 17", "not a CRS that PROJ knows"),
        (32617.5, "not a CRS that PROJ knows"),
        ("EPSG:4326", "not a CRS that is projected in metres"),
        (2264, "not a CRS that is projected in metres"),
    ],
)
def test_a_crs_that_no_grid_can_have(tmp_path, value, said):
    text = refusal(project(tmp_path, [32618, value], column="crs"))
    assert f"row 2 (tile '001'): column 'crs' is '{value}', {said}" in text


@pytest.mark.parametrize("values", [[32618, None], ["EPSG:32618", ""], ["32618", None]])
def test_a_crs_that_is_absent_is_the_utm_zone(tmp_path, values):
    config = project(tmp_path, values, column="crs")
    summary("run", config)
    assert anchors(config, "crs") == ["EPSG:32618"] * 2


def test_variants_are_texts_that_fit_into_the_dataset(tmp_path):
    config = project(tmp_path, [2, None, 10], column="level", options='variant = "level"')
    summary("run", config)
    assert anchors(config, "variant") == ["2", None, "10"]
    long = "x" * (VARIANT_BYTES + 1)
    other = tmp_path / "other"
    other.mkdir()
    text = refusal(project(other, ["x" * VARIANT_BYTES, long], column="level", options='variant = "level"'))
    assert f"row 2 (tile '001'): column 'level' is '{long}', longer than the 10 bytes of a variant" in text
    assert VARIANT_BYTES == hdf5.VARIANT_BYTES


@pytest.mark.parametrize("key", ["date", "crs", "variant"])
def test_a_configured_column_that_does_not_exist(tmp_path, key):
    text = refusal(project(tmp_path, ["2020-06-01"], options=f'{key} = "S2_ANY"'))
    assert f"there is no column 'S2_ANY', `{key}` of [modalities.file]. There are: tile_id, date." in text
