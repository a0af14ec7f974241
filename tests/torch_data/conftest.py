"""Datasets of every modality, made by the command line of the synthetic planet; and torchgeo, without torchvision."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from mmearth_devkit.testing.command_line import cli
from shapely.geometry import box, mapping

PLACES = {
    "brittany": (-4.69, 48.03, "train"),
    "nebraska": (-98.5, 41.2, "val"),
    "svalbard": (16.0, 78.2, "train"),
    "patagonia": (-70.47, -49.0, "train"),
    "java": (110.4, -7.2, "test"),
}
"""Longitude, latitude and split. Level 1C and 2A, both orbits and one; in the far north HH and HV."""

MODALITIES = ["sentinel2", "sentinel1", "aster", "era5", "dynamic_world", "esa_worldcover", "canopy_height_eth", "tile"]


def make(folder: Path, name: str, size: int, places: list[str], modalities: list[str]) -> None:
    """Runs and post-processes a dataset."""
    features = []
    for place in places:
        lon, lat, split = PLACES[place]
        ring = mapping(box(lon - 0.006, lat - 0.006, lon + 0.006, lat + 0.006))
        told: dict[str, Any] = {"tile_id": place, "lon": lon, "lat": lat, "own": split}
        told |= {} if place == "java" else {"biome": 3}
        features.append({"type": "Feature", "geometry": ring, "properties": told})
    tiles = folder / f"{name}.geojson"
    tiles.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    config = folder / f"{name}.toml"
    config.write_text(
        f'[dataset]\nname = "{name}"\ntiles = "{tiles.name}"\nimage_size = {size}\nanchor = "sentinel2"\n'
        '[run]\nengine = "local"\nmax_concurrent = 2\n[engines.local]\nworld = "synthetic"\n'
        + "\n".join(f"[modalities.{modality}]" for modality in modalities)
    )
    for words in (["run"], ["post", "--workers", "1", "--strategy", "column", "--column", "own"]):
        done = cli(*words, config)
        assert done.exit_code == 0, done.output


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of three datasets, named as the published ones: one with everything, two with little."""
    folder = tmp_path_factory.mktemp("published")
    make(folder, "data_1M_v001", 16, list(PLACES), MODALITIES)
    for name, size in (("data_1M_v001_64", 8), ("data_100k_v001", 16)):
        make(folder, name, size, ["brittany"], ["sentinel2", "aster"])
    return folder


@pytest.fixture(scope="session")
def made(root: Path) -> Path:
    """The folder of the largest of them."""
    return root / "data_1M_v001"


def _empty_class(name: str) -> type:
    if name.startswith("__"):  # whoever looks at all modules, as hypothesis does, finds no file
        raise AttributeError(name)
    return type(name, (), {})


class NoTorchvision(MetaPathFinder, Loader):
    """Stands for torchvision, of which there is no build for a CPU alone: any name of it is an empty class.

    torchgeo imports names of it at the top of modules that read other datasets than ours.
    """

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname.partition(".")[0] == "torchvision":
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        module.__getattr__ = _empty_class  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def torchgeo() -> Iterator[Any]:
    """torchgeo's module that reads MMEarth, as it was installed."""
    with pytest.MonkeyPatch.context() as patch:
        if importlib.util.find_spec("torchvision") is None:
            patch.setattr(sys, "meta_path", [NoTorchvision(), *sys.meta_path])
        yield importlib.import_module("torchgeo.datasets.mmearth")
