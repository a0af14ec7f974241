"""No installed modality leaves a composite to the core's interpolation, at a dozen places of the planet."""

from pathlib import Path
from typing import Any

import pytest

from mmearth_core import Resampling
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.registry import discover

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_no_installed_modality_has_the_core_interpolate_a_composite(
    kit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: list[Any] = []
    compute = EarthClient.compute

    def listen(client: EarthClient, value: Any, purpose: str) -> Any:
        answer = compute(client, value, purpose)
        if purpose == "projections":
            answered.extend(answer)
        return answer

    monkeypatch.setattr(EarthClient, "compute", listen)
    # Not those that other tests have installed in this process.
    ours = {f"mmearth-{path.parent.name}" for path in ROOT.glob("plugins/*/pyproject.toml")}
    entries = discover().modalities.items()
    # Nor own labels, which have no image.
    ours.remove("mmearth-labels")
    installed = {name: entry.declared for name, entry in entries if entry.origin.distribution in ours}
    assert {"sentinel2", "sentinel1", "aster", "canopy_height_eth", "esa_worldcover", "dynamic_world"} <= set(installed)
    config = kit.project(tmp_path, kit.places, installed)
    summary = kit.run(config)
    assert summary["done"] == len(kit.places)
    assert summary["purposes"]["projections"] == 1
    bilinear = {
        f"{layer.name}__{band.name}"
        for modality in installed.values()
        if not modality.resampled
        for layer in modality.layers
        if layer.is_map
        for band in layer.bands
        if band.resampling is Resampling.BILINEAR
    }
    assert len(answered) >= len(bilinear) >= 15
    assert all(projection["transform"] != [1, 0, 0, 0, 1, 0] for projection in answered)
