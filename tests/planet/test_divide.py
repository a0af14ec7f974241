"""Pixels that are too much for one request: in pieces they are the same, and the next tiles do not pay again."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import httplib2
import pytest
from mmearth_localearth.transport import LocalTransport

MODALITIES = ["sentinel2", "sentinel1", "aster", "era5", "dynamic_world", "esa_worldcover", "canopy_height_eth"]
NAMES = ["brittany", "svalbard", "himalaya", "amazon", "bangkok"]
SIZE = 30
"""Rows and columns: the halves are not of a power of two, and neither are quarters of equal size."""


class Memory:
    """Refuses every request for pixels whose answer is larger than a limit, as Earth Engine does.

    Attributes:
        refused: how many, by the CRS of the grid, which differs from tile to tile.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
        self.refused: Counter[str] = Counter()
        answer = LocalTransport.request

        def request(
            transport: LocalTransport, uri: str, method: str = "GET", body: Any = None, *args: Any, **options: Any
        ) -> tuple[Any, bytes]:
            response, content = answer(transport, uri, method, body, *args, **options)
            if not uri.partition("?")[0].endswith("image:computePixels") or response.status != 200:
                return response, content
            if len(content) > limit:
                error = {"error": {"code": 400, "message": "User memory limit exceeded.", "status": "INVALID_ARGUMENT"}}
                response = httplib2.Response({"status": "400", "content-type": "application/json"})
                content = json.dumps(error).encode()
                self.refused[json.loads(body)["grid"]["crsCode"]] += 1
            return response, content

        monkeypatch.setattr(LocalTransport, "request", request)


def stacks(dataset: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in dataset.glob("stacks/**/*.tif")}


def make(kit: Any, folder: Path, names: list[str] = NAMES) -> Path:
    folder.mkdir(exist_ok=True)
    path: Path = kit.project(folder, names, MODALITIES, size=SIZE)
    path.write_text(path.read_text().replace("max_concurrent = 2", "max_concurrent = 1"))
    return path


@pytest.fixture(scope="module")
def undivided(kit: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undivided")
    kit.run(make(kit, folder))
    return stacks(folder / "planet")


@pytest.mark.parametrize(
    ("limit", "pieces"),
    [(40_000, "some bands"), (4_000, "one band"), (2_200, "one band of half a tile"), (1_300, "of a quarter")],
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
    # Three tiles in a row had to be divided; those after them are asked for in pieces from the start.
    assert list(memory.refused) == ["EPSG:32630", "EPSG:32633", "EPSG:32645"], pieces


def test_a_tile_of_which_a_quarter_of_one_band_is_too_much_fails(
    kit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Memory(monkeypatch, 300)
    summary = kit.run(make(kit, tmp_path, NAMES[:1]), code=1)
    assert (summary["done"], summary["failed"], summary["left"]) == (0, 1, 0)
    assert summary["reasons"] == [{"outcome": "failed", "reason": "pixels: User memory limit exceeded.", "tiles": 1}]
    assert summary["retries"] == {}
    assert stacks(tmp_path / "planet") == {}
