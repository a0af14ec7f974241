"""The fault campaign: whatever goes wrong with a tenth of all requests, no tile is lost, doubled or different.

Every kind of fault, in every phase of a run of 200 tiles, passing and lasting, inside the process and over HTTP. After
each run its exit status, summary, journal, status and run log are held against each other and against what was really
asked, and what is done against a run in which nothing went wrong. Then faults end, and a last run completes it.
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from localearth.faults.control import Faults
from localearth.faults.http_server import FaultyServer
from localearth.faults.kinds import OF_PIXELS, Kind, Phase
from localearth.faults.rules import parse_rule
from localearth.faults.transport import FaultyTransport
from localearth.rest import Service
from localearth.worlds.shipped import open_world

from tests.campaign.checked import Checked, completed

NETWORK = ["hang", "drop", "drop-body", "proxy"]
PASSING = [
    *("429", "429-aggregations", "429-minute", "403-rate", "403-user-rate", "500", "502", "503", "504"),
    *("409", "499", "400-internal", "503-capacity", "503-memory", "metadata"),
    *NETWORK,
]
UNUSABLE = ["truncated", "garbled", "shape", "band", "dtype"]
TOO_LARGE = ["400-memory", "400-timeout"]
FATAL = ["429-quota", "403-quota", "403-access", "401", "refresh"]
MENDED = [*PASSING, *UNUSABLE, *TOO_LARGE]
"""Kinds after which asking again, or for less, brings the right answer."""

RATE = 0.1

SEA = [-76, 36, -74, 38]
"""Bounds of all tiles; the question whether Earth Engine answers at all is about no place."""


def test_the_campaign_is_about_every_kind_there_is() -> None:
    assert {*MENDED, *FATAL, "slow", "restricted"} == {str(kind) for kind in Kind}


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries no time is spent."""
    monkeypatch.setattr("mmearth_core.earthengine.retry.LONGEST_WAIT", 0.0)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[Faults]:
    """What went wrong inside this process, one for each run."""
    seen: list[Faults] = []
    prepare = FaultyTransport.__init__

    def init(self: FaultyTransport, transport: Any, faults: Faults, *args: Any, **options: Any) -> None:
        seen.append(faults)
        prepare(self, transport, faults, *args, **options)

    monkeypatch.setattr(FaultyTransport, "__init__", init)
    return seen


def toml(text: str) -> str:
    """A rule as a table of the configuration, from its form on a command line."""
    kind, *pairs = text.split(":")
    keys = [f'kind = "{kind}"', *(f"{key} = {value}" for key, value in (pair.split("=") for pair in pairs))]
    return (
        "\n".join(keys)
        .replace("= locate", '= "locate"')
        .replace("= pixels", '= "pixels"')
        .replace("= connect", '= "connect"')
    )


def in_both_phases(kind: str, how: str, locate: float = RATE) -> list[str]:
    late = ":seconds=0.001" if kind == "slow" else ""
    phases = {"pixels": RATE} if kind in set(OF_PIXELS) else {"locate": locate, "pixels": RATE}
    return [f"{kind}:phase={phase}:rate={rate}:{how}{late}" for phase, rate in phases.items()]


@pytest.fixture
def dataset(make: Callable[[Path], Any], tmp_path: Path) -> Any:
    return make(tmp_path)


def test_a_tenth_of_all_requests_fails_once_in_every_way_there_is(
    kit: Any, dataset: Any, faultless: Any, given: list[Faults]
) -> None:
    rules = [f"{kind}:rate=0.006:times=1" for kind in [*PASSING, *UNUSABLE, "slow:seconds=0.001"]]
    # For long, batches would end at single tiles, which nothing makes smaller.
    large = [f"{kind}:{when}" for kind in TOO_LARGE for when in ("phase=locate:first=2", "phase=pixels:every=40")]
    dataset.write(*map(toml, [*rules, *large]), timeout=0.01)
    run = Checked(kit, dataset, faultless)
    run.asked(given[0])
    assert run.exit == 0, run.summary
    struck = [rule for rule, count in given[0].given.items() if count]
    assert len(struck) >= 15
    assert sum(given[0].given.values()) >= 0.1 * kit.tiles
    assert dataset.entries() == faultless.entries()


@pytest.mark.slow
def test_what_fails_for_good_is_told_and_after_a_loss_of_access_the_rest_goes_on(
    kit: Any, dataset: Any, faultless: Any, given: list[Faults]
) -> None:
    lasting = [
        toml(f"{kind}:rate=0.02:always=true:phase=pixels") for kind in ("500", "503", "drop", "garbled", "shape")
    ]
    faults = [*lasting, toml("400-memory:phase=locate:rate=0.1:always=true")]
    dataset.write(toml("401:phase=pixels:after=120"), *faults, retry_seconds=0)
    stopped = Checked(kit, dataset, faultless)
    assert stopped.exit == 3
    assert "earthengine authenticate" in stopped.stderr
    assert stopped.summary["failed"] > 0
    dataset.write(*faults, retry_seconds=0)
    rest = Checked(kit, dataset, faultless)
    rest.asked(given[1])
    assert rest.exit == 1
    assert rest.summary["failed"] > 0
    assert rest.summary["left"] > 0
    completed(kit, dataset, faultless)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*MENDED, "slow"])
def test_what_passes_costs_no_tile(kind: str, kit: Any, dataset: Any, faultless: Any, given: list[Faults]) -> None:
    rules = in_both_phases(kind, "times=1")
    if kind in TOO_LARGE:  # for long, it would end at single tiles, which nothing makes smaller
        rules = [f"{kind}:phase=locate:first=2", f"{kind}:phase=pixels:every=10"]
    dataset.write(*map(toml, rules), timeout=0.01)
    run = Checked(kit, dataset, faultless)
    run.asked(given[0])
    assert run.exit == 0, run.summary
    assert all(given[0].given.values()), "nothing went wrong"
    assert dataset.entries() == faultless.entries()
    if kind not in TOO_LARGE and kind != "slow":
        assert sum(run.summary["retries"].values()) == sum(given[0].given.values())


@pytest.mark.slow
@pytest.mark.parametrize("kind", MENDED)
def test_what_lasts_is_the_fault_of_its_own_tiles(
    kind: str, kit: Any, dataset: Any, faultless: Any, given: list[Faults]
) -> None:
    # There are few batches, so that a tenth of them may be none.
    rules = in_both_phases(kind, f"always=true:bounds={SEA}", locate=2 * RATE if kind == "499" else RATE)
    dataset.write(*map(toml, rules), timeout=0.01, retry_seconds=0)
    run = Checked(kit, dataset, faultless)
    run.asked(given[0])
    assert all(given[0].given.values()), "nothing went wrong"
    if kind == "503-memory":  # smaller requests were answered, or it is left
        assert run.summary["failed"] == 0
        assert run.exit == (1 if run.summary["left"] else 0)
    elif kind in PASSING and kind not in ("500", "400-internal"):
        assert run.summary["failed"] == 0
        assert run.exit == 1
        assert run.summary["left"] > 0
    else:
        assert run.summary["left"] == 0
        assert run.exit == (1 if run.summary["failed"] else 0)
        assert kind in TOO_LARGE or run.summary["failed"] > 0
    completed(kit, dataset, faultless)


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["locate", "pixels"])
@pytest.mark.parametrize("kind", FATAL)
def test_lost_access_is_no_tiles_fault(
    kind: str, phase: str, kit: Any, dataset: Any, faultless: Any, given: list[Faults]
) -> None:
    dataset.write(toml(f"{kind}:phase={phase}:rate={RATE}:after=10"))
    run = Checked(kit, dataset, faultless)
    run.asked(given[0])
    assert run.exit == (3 if run.summary["ended_in_this_run"] else 2)
    assert run.summary["failed"] == 0
    # Nobody goes on asking: no more than what was under way.
    assert 1 <= sum(given[0].given.values()) <= 4
    completed(kit, dataset, faultless)


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted({str(kind) for kind in Kind} - OF_PIXELS))
def test_while_connecting(kind: str, kit: Any, dataset: Any, faultless: Any, given: list[Faults]) -> None:
    """Either it is tried again and passes, or nothing is begun and the error says what to do."""
    late = ":seconds=0.001" if kind == "slow" else ""
    dataset.write(toml(f"{kind}:phase=connect:first=2{late}"), timeout=0.01)
    done = kit.cli("run", dataset.config, "--json")
    assert sum(given[0].given.values()) >= 1
    if kind not in (*TOO_LARGE, *FATAL):
        assert done.exit_code == 0, done.output
    else:
        assert done.exit_code == 2, done.output
        assert "Engine 'local' " in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr
        assert not dataset.root.exists()
    completed(kit, dataset, faultless)


@pytest.fixture
def serve(sea: Path) -> Iterator[Callable[[list[str]], FaultyServer]]:
    """Servers of the world with faults, which others meet over HTTP."""
    servers: list[FaultyServer] = []

    def start(rules: list[str]) -> FaultyServer:
        from localearth.worlds.shipped import world_label

        world = str(sea / "sea.toml")
        faults = Faults([parse_rule(text) for text in rules], seed=3)
        server = FaultyServer(Service(open_world(world)), f"local:{world_label(world)}", faults=faults)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kinds", "exits"),
    [
        (PASSING[:5], 0),
        (PASSING[5:14], 0),
        (NETWORK, 0),
        (UNUSABLE, 0),
        (TOO_LARGE, 0),
        (["401"], 3),
        (["restricted"], 0),
    ],
    ids=["throttled", "5xx", "network", "unusable", "too large", "credentials", "restricted"],
)
def test_over_http(kinds: list[str], exits: int, kit: Any, dataset: Any, faultless: Any, serve: Any) -> None:
    rate = RATE / len(kinds) if exits == 0 else RATE
    how = "times=1" if exits == 0 else "after=100"
    if kinds == TOO_LARGE:
        how = "phase=pixels"
    server = serve([f"{kind}:rate={rate:.3f}:{how}" for kind in kinds])
    dataset.write(engine=f'url = "{server.url}"', timeout=0.5)
    run = Checked(kit, dataset, faultless)
    run.asked(server.faults)
    assert run.exit == exits
    assert run.summary["failed"] == 0
    assert sum(count > 0 for count in server.faults.given.values()) > len(kinds) / 2, "hardly anything went wrong"
    assert Phase.PIXELS in server.faults.snapshot()["requests"]
    completed(kit, dataset, faultless)
