"""The stored configuration: through TOML and back, and what differs is named."""

import datetime as dt
from enum import StrEnum
from pathlib import Path

import pytest
from attrs import evolve, frozen

from mmearth_core.download.stored_config import StoredConfig, load_stored_config, plain_options
from mmearth_core.errors import DatasetError


class Mode(StrEnum):
    DRAW = "draw"


@frozen
class Inner:
    share: float = 0.5
    limit: int | None = None


@frozen
class Options:
    start: dt.date = dt.date(2017, 1, 1)
    moment: dt.datetime = dt.datetime(2017, 1, 1, 12, 30)
    bands: tuple[str, ...] = ("a", "b")
    unset: str | None = None
    folder: Path = Path("data/x")
    mode: Mode = Mode.DRAW
    inner: Inner = Inner()
    many: tuple[Inner, ...] = (Inner(1.0, 3), Inner())
    text: str = 'quotes " and\nlines and ü'


def stored(**changes):
    made = StoredConfig(
        dataset={"name": "data", "anchor": "a", "image_size": 128, "source": "somewhere"},
        tiles={"file": "tiles.geojson", "size": 10, "sha256": "0f", "count": 2, "partition_size": 25},
        modalities={"a": plain_options(Options())},
        plugins={"a": "mmearth-a 1.0"},
        groups={"base": ["a"]},
    )
    return evolve(made, **changes)


def test_options_as_toml_values():
    assert plain_options(Options()) == {
        "start": dt.date(2017, 1, 1),
        "moment": dt.datetime(2017, 1, 1, 12, 30),
        "bands": ["a", "b"],
        "folder": "data/x",
        "mode": "draw",
        "inner": {"share": 0.5},
        "many": [{"share": 1.0, "limit": 3}, {"share": 0.5}],
        "text": 'quotes " and\nlines and ü',
    }


@pytest.mark.parametrize(
    ("groups", "says"),
    [
        ('"../../x" = ["era5"]', "'../../x' in \\[groups\\] is not a group's name, such as 'base'"),
        ('".." = ["era5"]', "is not a group's name"),
        ('"a/b" = ["era5"]', "is not a group's name"),
        ('"" = ["era5"]', "is not a group's name"),
        ('"a\\u0000" = ["era5"]', "is not a group's name"),
        ("base = 5", "'base' in \\[groups\\] is 5, not a list of modalities"),
        ("base = [5]", "not a list of modalities"),
    ],
)
def test_groups_lead_nowhere_else(groups, says, tmp_path):
    """Each has folders of its name: this one's would be outside the dataset."""
    path = tmp_path / "mmearth.toml"
    evolve(stored(), groups={}).write(path)
    path.write_text(path.read_text().replace("[groups]", f"[groups]\n{groups}"))
    with pytest.raises(DatasetError, match=says) as caught:
        load_stored_config(path)
    assert str(path) in str(caught.value)


def test_through_toml_and_back(tmp_path):
    path = tmp_path / "mmearth.toml"
    stored().write(path)
    assert path.read_text(encoding="utf-8").startswith("# Written by mmearth-core")
    again = load_stored_config(path)
    assert again == stored()
    assert again.differences(stored()) == []
    assert stored().differences(again) == []


def test_equal_content_is_written_equal(tmp_path):
    stored().write(tmp_path / "one.toml")
    load_stored_config(tmp_path / "one.toml").write(tmp_path / "two.toml")
    assert (tmp_path / "one.toml").read_bytes() == (tmp_path / "two.toml").read_bytes()


def test_none_yet(tmp_path):
    assert load_stored_config(tmp_path / "mmearth.toml") is None


@pytest.mark.parametrize(
    "content", [b"[dataset", b"[dataset]\nname = 'x'\n", b"[other]\n[dataset]\n[tiles]\n", b"\xff"]
)
def test_a_file_that_cannot_be_understood(tmp_path, content):
    path = tmp_path / "mmearth.toml"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"this dataset's own configuration cannot be read \(.+\)") as caught:
        load_stored_config(path)
    assert str(caught.value).startswith(str(path))
    assert "Restore the file, or choose another `path` in [dataset]" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"dataset": {**stored().dataset, "image_size": 64}},
            "[dataset] image_size is 128 in the dataset and 64 in the configuration",
        ),
        (
            {"dataset": {**stored().dataset, "source": "elsewhere"}},
            "[dataset] source is 'somewhere' in the dataset and 'elsewhere' in the configuration",
        ),
        (
            {"tiles": {**stored().tiles, "sha256": "1e"}},
            "[tiles] sha256 is '0f' in the dataset and '1e' in the configuration",
        ),
        (
            {"tiles": {**stored().tiles, "partition_size": 26}},
            "[tiles] partition_size is 25 in the dataset and 26 in the configuration",
        ),
        (
            {"modalities": {"a": {**plain_options(Options()), "unset": "x"}}},
            "[modalities.a] unset is None in the dataset and 'x' in the configuration",
        ),
        (
            {"modalities": {"a": plain_options(Options(start=dt.date(2018, 1, 1)))}},
            "[modalities.a] start is datetime.date(2017, 1, 1) in the dataset and datetime.date(2018, 1, 1) in the "
            "configuration",
        ),
    ],
)
def test_a_difference_is_named(changes, said):
    assert stored().differences(stored(**changes)) == [said]


def test_all_differences_are_named_in_order():
    wanted = stored(
        dataset={**stored().dataset, "name": "other", "anchor": "b"},
        tiles={**stored().tiles, "sha256": "1e"},
    )
    assert [line.split(" is ")[0] for line in stored().differences(wanted)] == [
        "[dataset] anchor",
        "[dataset] name",
        "[tiles] sha256",
    ]


def test_what_may_differ():
    moved = stored(
        tiles={**stored().tiles, "file": "elsewhere.gpkg", "size": 11, "count": 3},
        modalities={**stored().modalities, "b": {"x": 1}},
        plugins={"a": "mmearth-a 1.1"},
        groups={"b": ["b"]},
    )
    assert stored().differences(moved) == []


def test_what_was_recorded_of_the_former_option_tile_info_does_not_count():
    tiles = {**stored().tiles, "tile_info_file": "info.json", "tile_info_size": 9, "tile_info_sha256": "2d"}
    assert stored(tiles=tiles).differences(stored()) == []


def test_groups_are_added_and_what_is_there_stays():
    other = stored(
        modalities={"a": {"changed": 1}, "b": {"x": 1}},
        plugins={"a": "mmearth-a 2.0", "b": "mmearth-b 1.0"},
        groups={"b": ["b"]},
    )
    joined = stored().with_groups(other)
    assert joined.groups == {"base": ["a"], "b": ["b"]}
    assert joined.modalities == {"a": stored().modalities["a"], "b": {"x": 1}}
    assert joined.plugins == {"a": "mmearth-a 1.0", "b": "mmearth-b 1.0"}
