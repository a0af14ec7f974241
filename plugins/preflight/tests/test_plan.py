"""The plan: its estimates are near what a run then costs, and it sends nothing."""

import json
from pathlib import Path

import pytest

WITHIN = 1.5
"""An estimate from declarations may be wrong by this factor ..."""

CLOSE = 1.2
"""... and one from a sample by this one."""


def stack_bytes(config: Path) -> int:
    return sum(path.stat().st_size for path in config.parent.glob("My.Data/stacks/*/*/*.tif"))


def assert_near(estimate: float, real: float, factor: float) -> None:
    assert real / factor <= estimate <= real * factor, (estimate, real)


@pytest.mark.slow
@pytest.mark.parametrize(("options", "factor"), [((), WITHIN), (("--sample", "6"), CLOSE)])
def test_estimates_are_near_what_a_run_costs(kit, config, options, factor):
    plan = kit.summary("plan", config, *options)
    assert not (config.parent / "My.Data").exists()
    summary = kit.summary("run", config)
    assert kit.cli("post", config, "--workers", "1").exit_code == 0
    assert plan["tiles"] == plan["left"] == summary["done"] == kit.tiles
    assert plan["requests"]["total"] == sum(summary["requests"].values()) == 16  # projections, 3 batches, 12 tiles
    assert_near(plan["bytes"]["wire"], summary["bytes_received"], factor)
    assert_near(plan["bytes"]["stacks"], stack_bytes(config), factor)
    assert_near(plan["bytes"]["hdf5"], (config.parent / "My.Data" / "My.Data.h5").stat().st_size, factor)


def test_without_a_sample_nothing_is_requested_or_written(kit, config):
    before = sorted(config.parent.rglob("*"))
    config.write_text(config.read_text().replace('world = "virginia"', 'world = "nowhere.toml"'))
    kit.summary("plan", config)
    assert kit.cli("plan", config, "--sample", "2").exit_code == 2  # that one opens the engine
    assert sorted(config.parent.rglob("*")) == before


@pytest.mark.slow
def test_what_is_left_of_a_started_dataset(kit, config):
    kit.cli("run", config, "--limit", "7")
    journals = {path: path.read_bytes() for path in config.parent.glob("My.Data/journal/*/*")}
    plan = kit.summary("plan", config, "--sample", "3")
    assert (plan["tiles"], plan["left"], plan["requests"]["total"]) == (12, 5, 7)
    assert {path: path.read_bytes() for path in config.parent.glob("My.Data/journal/*/*")} == journals
    config.write_text(config.read_text() + "[modalities.esa_worldcover]\n")
    groups = kit.summary("plan", config)["groups"]
    assert groups == [{"group": "base", "left": 5}, {"group": "esa_worldcover", "left": 12}]


def test_the_parts_of_large_tiles_are_counted(kit, config):
    assert kit.summary("plan", config)["requests"]["pixels"] == 12
    config.write_text(config.read_text().replace("image_size = 128", "image_size = 2048"))
    # 16 bands of 4 megapixels with a byte of mask each: four, four, two and three of Sentinel-2, and its three masks.
    assert kit.summary("plan", config)["requests"]["pixels"] == 12 * 5


def test_hours_follow_from_concurrency_latency_and_rate(kit, config):
    time = kit.summary("plan", config, "--concurrency", "4", "--latency", "2")["time"]
    assert time["hours"] == pytest.approx(16 * 2 / 4 / 3600) and time["bound_by"] == "concurrency"
    time = kit.summary("plan", config, "--concurrency", "40", "--latency", "0.01")["time"]
    assert time["hours"] == pytest.approx(16 / 100 / 3600) and time["bound_by"] == "rate"


def test_the_share_of_a_tier(kit, config):
    eecu = kit.summary("plan", config, "--eecu-seconds-per-tile", "450")["eecu"]
    assert eecu["hours"] == pytest.approx(12 * 450 / 3600)
    assert {tier["tier"]: tier["eecu_hours_a_month"] for tier in eecu["tiers"]} == {
        **{"community": 150, "contributor": 1000, "partner": 100000}
    }
    (tier,) = kit.summary("plan", config, "--eecu-seconds-per-tile", "450", "--tier", "community")["eecu"]["tiers"]
    assert tier["share_of_a_month"] == pytest.approx(1.5 / 150)
    assert tier["eecu_seconds_a_tile_that_fit"] == pytest.approx(150 * 3600 / 12)
    assert kit.summary("plan", config)["eecu"]["tiers"][0]["share_of_a_month"] is None


@pytest.mark.slow
def test_centroids_that_have_to_be_requested(kit, config):
    tiles = json.loads((config.parent / "tiles.geojson").read_text())
    for feature in tiles["features"]:
        for column in ("lon", "lat"):
            feature["properties"].pop(column, None)
    (config.parent / "tiles.geojson").write_text(json.dumps(tiles))
    assert kit.summary("plan", config)["requests"]["centroids"] == 1
    assert sum(kit.summary("run", config)["requests"].values()) == 17


@pytest.mark.slow
def test_a_sample_that_fails_is_reported(kit, config):
    config.write_text(
        config.read_text()
        + '[[engines.local.faults]]\nkind = "404"\nphase = "pixels"\n'.replace("404", "400-memory")
        + f'tiles = "{config.parent / "tiles.geojson"}"\ntile = "003"\n'
    )
    sample = kit.summary("plan", config, "--sample", str(kit.tiles), code=1)["sample"]
    assert (sample["tiles"], sample["done"], sample["failed"]) == (12, 11, 1)
    assert sample["failed_share"] == pytest.approx(1 / 12)
    assert "memory limit" in sample["reasons"][0]["reason"]


@pytest.mark.slow
def test_a_sample_is_spread_over_the_tiles_and_the_same_each_time(kit, config):
    first, again = (kit.summary("plan", config, "--sample", "4")["sample"] for _ in range(2))
    assert first["bytes_of_stacks"] == again["bytes_of_stacks"] and first["done"] == 4
    assert kit.summary("plan", config, "--sample", "1000")["sample"]["tiles"] == kit.tiles


def test_for_people(kit, config):
    text = " ".join(kit.cli("plan", config, "--sample", "2", "--tier", "community").output.split())
    assert "12 left, of 12" in text and "measured on 2 tiles" in text
    assert "Sample: 2 done, 0 skipped, 0 failed, 0 left" in text
    assert "EECU-s per tile" in text and "nothing to compare: the engine has one only" in text
    assert "of a month's 150 EECU-hours" in text and "partner" not in text
    assert "assumed; --sample measures it" in " ".join(kit.cli("plan", config).output.split())


def test_large_figures_have_no_exponent(kit, config):
    text = " ".join(kit.cli("plan", config, "--tier", "partner", "--eecu-seconds-per-tile", "1e9").stdout.split())
    assert "30,000,000 EECU-s per tile fit into one month" in text  # 100,000 hours among 12 tiles
    assert "3,333 % of a month's" in text


@pytest.mark.slow
def test_the_workload_tag_of_the_configuration(kit, config):
    assert kit.summary("plan", config)["workload_tag"] == "my-data"
    config.write_text(config.read_text().replace("batch_size = 5", 'batch_size = 5\nworkload_tag = ""'))
    plan = kit.summary("plan", config, "--sample", "1")
    assert plan["workload_tag"] == plan["sample"]["workload_tag"] == ""


def test_bad_input(kit, config):
    for option in ("--latency", "--eecu-seconds-per-tile"):
        for number in ("nan", "inf", "-inf", "-1"):
            assert kit.cli("plan", config, f"{option}={number}").exit_code == 2
    assert kit.cli("plan", config, "--tier", "gold").exit_code == 2
    assert kit.cli("plan", config.parent / "none.toml").exit_code == 2
