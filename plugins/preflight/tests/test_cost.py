"""The cost of a sample, from the profiles that the engine sends: of a tile, of a modality, of an endpoint."""

import io

import numpy as np
import pytest
from localearth.profile import PER_BYTE, PER_REQUEST

TWO_ENDPOINTS = """
    import time
    from attrs import frozen
    from mmearth_core import Connection, Engine, hookimpl

    @frozen
    class Options:
        url: str = "standard"

    class Slow:
        def __init__(self, transport, seconds):
            self.transport, self.seconds = transport, seconds

        def request(self, uri, method="GET", *args, **options):
            time.sleep(self.seconds if method == "POST" else 0)
            return self.transport.request(uri, method, *args, **options)

    class Two(Engine):
        name = "two"
        api_version = 1
        Options = Options
        endpoints = ("standard", "high-volume")

        def connect(self, limits):
            from localearth.transport import LocalTransport
            from localearth.worlds.shipped import open_world
            seconds = {"high-volume": 0.1}.get(self.options.url, 0.0)
            return Connection("p", Slow(LocalTransport(open_world("virginia")), seconds))

    @hookimpl
    def mmearth_engines():
        return [Two]
"""


def test_the_measured_cost_and_its_share_of_a_month(kit, config):
    plan = kit.summary("plan", config, "--sample", "6")
    sample, eecu = plan["sample"], plan["eecu"]
    # What the local engine charges, from the requests and bytes that the core has counted.
    charged = PER_REQUEST * sample["requests"] + PER_BYTE * sample["bytes_received"]
    assert eecu["seconds_a_tile"] == pytest.approx(charged / 6, abs=0.001)
    assert sum(sample["eecu_seconds"].values()) == pytest.approx(charged, abs=0.002)
    assert eecu["hours"] == pytest.approx(12 * eecu["seconds_a_tile"] / 3600)
    community = next(tier for tier in eecu["tiers"] if tier["tier"] == "community")
    assert community["share_of_a_month"] == pytest.approx(eecu["hours"] / 150)
    assert eecu["seconds_a_tile_by_modality"] == {"sentinel2": eecu["seconds_a_tile"]}  # `tile` costs nothing
    assert plan["sources"]["eecu"] == "measured on 6 tiles" and plan["endpoints"] == {}


def npy_bytes(dtype: list[tuple[str, str]]) -> int:
    file = io.BytesIO()
    np.save(file, np.zeros((128, 128), dtype))
    return len(file.getvalue())


@pytest.mark.slow
def test_each_modality_alone(kit, odd_world):
    odd_world.write_text(odd_world.read_text().replace("image_size = 16", "image_size = 128"))
    plan = kit.summary("plan", odd_world, "--sample", "1")
    costs = plan["eecu"]["seconds_a_tile_by_modality"]
    assert set(costs) == {"file", "aster", "esa_worldcover", "canopy_height_eth"}
    assert costs["file"] == 0  # it takes date and grid from the tiles file
    pixels = npy_bytes([("aster__elevation", "f4"), ("aster__slope", "f4")]) - npy_bytes(
        [("esa_worldcover__map", "u1")]
    )
    # aster has a further request, for the projections of the bands to interpolate.
    assert costs["aster"] - costs["esa_worldcover"] == pytest.approx(PER_BYTE * pixels + PER_REQUEST, abs=0.002)
    assert sum(costs.values()) > plan["eecu"]["seconds_a_tile"] > max(costs.values())


def test_an_engine_without_profiles_leaves_the_cost_to_the_user(kit, config, monkeypatch):
    monkeypatch.setattr("localearth.transport.with_profile", lambda headers, path, answer: answer)
    done = kit.cli("plan", config, "--sample", "2", "--tier", "community")
    text = " ".join(done.output.split())
    assert "the engine's answers have no profile" in text
    assert "workload_tag 'my-data-sample', divide by 2" in text


def test_a_profile_without_a_cost_is_no_cost(kit, config, monkeypatch):
    monkeypatch.setattr("localearth.functions.control.profile_text", lambda ids: " Count Description\n 7 x\n")
    plan = kit.summary("plan", config, "--sample", "1", "--eecu-seconds-per-tile", "7")
    assert plan["sample"]["eecu_seconds"] == {}
    assert plan["eecu"]["seconds_a_tile"] == 7 and plan["sources"]["eecu"] == "given"


@pytest.mark.slow
def test_both_endpoints_are_compared(kit, config, install):
    install("mmearth-two", TWO_ENDPOINTS)
    options = config.read_text().replace('engine = "local"', 'engine = "two"')
    config.write_text(options)
    plan = kit.summary("plan", config, "--sample", "2")
    assert list(plan["endpoints"]) == ["standard", "high-volume"]
    standard, high_volume = plan["endpoints"].values()
    assert high_volume["latency"] >= 0.1 and plan["time"]["latency"] == standard["latency"]
    assert standard["eecu_seconds_a_tile"] == pytest.approx(high_volume["eecu_seconds_a_tile"], rel=0.2)
    config.write_text(options + '[engines.two]\nurl = "an address"\n')
    text = " ".join(kit.cli("plan", config, "--sample", "1").output.split())
    assert "nothing to compare: the engine has one only, or `url` is an address" in text
