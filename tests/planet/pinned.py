"""Pins the decoded pixels of a dozen tiles: rewrites pinned.json, with the reason that it must be given.

python tests/planet/pinned.py "why the planet's pixels have changed"
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

HERE = Path(__file__).parent
FILE = HERE / "pinned.json"

MODALITIES = [
    *("sentinel2", "sentinel1", "aster", "era5", "dynamic_world", "esa_worldcover", "canopy_height_eth", "tile"),
]


def digest_stack(path: Path) -> str:
    """The hash of a stack's band names and pixels; not of its encoding, which belongs to GDAL."""
    total = hashlib.sha256()
    with rasterio.open(path) as file:
        for name, band in zip(file.descriptions, file.read(), strict=True):
            # All NaN alike: their bits are nobody's promise.
            total.update(name.encode() + np.where(np.isnan(band), np.float32(np.nan), band).astype("<f4").tobytes())
    return total.hexdigest()[:16]


def digest_located(located: dict[str, Any]) -> str:
    """The hash of what was located: image ids, dates and values; values to 7 digits, as single precision has them."""

    def rounded(value: Any) -> Any:
        if isinstance(value, float):
            return float(f"{value:.7g}")
        if isinstance(value, list):
            return [rounded(each) for each in value]
        return {key: rounded(each) for key, each in value.items()} if isinstance(value, dict) else value

    return hashlib.sha256(json.dumps(rounded(located), sort_keys=True).encode()).hexdigest()[:16]


def digests(dataset: Path, entries: dict[str, Any]) -> dict[str, dict[str, str]]:
    """For each tile that is done the hashes of its pixels and of what was located; for another one, why it is not."""
    found: dict[str, dict[str, str]] = {}
    for name, entry in sorted(entries.items()):
        if entry["outcome"] != "done":
            found[name] = {"reason": entry["reason"]}
            continue
        (stack,) = dataset.glob(f"stacks/base/*/{name}.tif")
        found[name] = {"pixels": digest_stack(stack), "located": digest_located(entry["located"])}
    return found


def main(reason: str) -> None:
    """Makes the tiles in a temporary folder and writes their hashes."""
    import tempfile

    sys.path.insert(0, str(HERE.parents[1]))
    from tests.planet import conftest

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        conftest.run_summary(conftest.write_project(folder, conftest.PLACES, MODALITIES, size=128))
        pinned = digests(folder / "planet", conftest.journal_of(folder / "planet", "base"))
    FILE.write_text(json.dumps({"reason": reason, "tiles": pinned}, indent=2) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].strip():
        sys.exit(__doc__)
    main(sys.argv[1])
