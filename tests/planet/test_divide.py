"""Pixels that are too much for one request: in pieces they are the same, for at most twice the requests."""

import json
from pathlib import Path
from typing import Any

import httplib2
import pytest
from localearth.transport import LocalTransport

MODALITIES = ["sentinel2", "sentinel1", "aster", "era5", "dynamic_world", "esa_worldcover", "canopy_height_eth"]
NAMES = ["brittany", "svalbard"]
SIZE = 30
"""Rows and columns: the halves are not of a power of two, and neither are quarters of equal size."""


class Memory:
    """Refuses every request for pixels whose answer is larger than a limit, as Earth Engine does.

    Attributes:
        refused: how many.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
        self.refused = 0
        answer = LocalTransport.request

        def request(transport: LocalTransport, uri: str, *args: Any, **options: Any) -> tuple[Any, bytes]:
            response, content = answer(transport, uri, *args, **options)
            if not uri.partition("?")[0].endswith("image:computePixels") or response.status != 200:
                return response, content
            if len(content) > limit:
                error = {"error": {"code": 400, "message": "User memory limit exceeded.", "status": "INVALID_ARGUMENT"}}
                response = httplib2.Response({"status": "400", "content-type": "application/json"})
                content = json.dumps(error).encode()
                self.refused += 1
            return response, content

        monkeypatch.setattr(LocalTransport, "request", request)


def stacks(dataset: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in dataset.glob("stacks/**/*.tif")}


def make(kit: Any, folder: Path, names: list[str] = NAMES, modalities: list[str] = MODALITIES) -> Path:
    folder.mkdir(exist_ok=True)
    path: Path = kit.project(folder, names, modalities, size=SIZE)
    path.write_text(path.read_text().replace("max_concurrent = 2", "max_concurrent = 1"))
    return path


@pytest.fixture(scope="module")
def undivided(kit: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undivided")
    kit.run(make(kit, folder))
    return stacks(folder / "planet")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "pieces"),
    [
        (40_000, "some bands"),
        pytest.param(4_000, "one band", marks=pytest.mark.slow),
        pytest.param(2_200, "half", marks=pytest.mark.slow),
        pytest.param(1_300, "of a quarter", marks=pytest.mark.slow),
    ],
)
def test_pieces_put_together_are_the_undivided_pixels(
    limit: int,
    pieces: str,
    kit: Any,
    tmp_path: Path,
    undivided: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = Memory(monkeypatch, limit)
    summary = kit.run(make(kit, tmp_path))
    assert summary["done"] == len(NAMES)
    assert stacks(tmp_path / "planet") == undivided
    assert memory.refused > 0, pieces


@pytest.mark.parametrize("limit", [10_000, pytest.param(1_300, marks=pytest.mark.slow)])
def test_tiles_that_are_divided_cost_at_most_twice_the_requests(
    limit: int, kit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make(kit, tmp_path, modalities=["sentinel2", "esa_worldcover"])
    memory = Memory(monkeypatch, limit)
    summary = kit.run(config)
    assert summary["done"] == len(NAMES)
    sent = summary["requests"]["image:computePixels"]
    assert memory.refused > 0
    # Of the requests for a tile, all but one of those that succeed come from halving one that was refused.
    assert sent - memory.refused == memory.refused + len(NAMES)


def test_a_tile_of_which_a_quarter_of_one_band_is_too_much_fails(
    kit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Memory(monkeypatch, 300)
    summary = kit.run(make(kit, tmp_path, NAMES[:1], ["sentinel2"]), code=1)
    assert (summary["done"], summary["failed"], summary["left"]) == (0, 1, 0)
    assert summary["reasons"] == [{"outcome": "failed", "reason": "pixels: User memory limit exceeded.", "tiles": 1}]
    assert summary["retries"] == {}
    assert stacks(tmp_path / "planet") == {}
