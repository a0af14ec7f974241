"""The pytest plugin: fixtures for the tests of a modality. Installed with the core, through the entry point `pytest11`.

Nothing is imported until a test asks for a fixture. A test suite that tries its modality on another world overrides
`mmearth_engine` in its conftest.py, and the other fixtures follow:

    @pytest.fixture(scope="session")
    def mmearth_engine():
        return "local:tests/world.toml"
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from mmearth_core.contract.engine import Engine
    from mmearth_core.contract.modality import Scene
    from mmearth_core.dataset import Dataset

T = TypeVar("T")


@pytest.fixture(scope="session")
def mmearth_engine() -> "Engine | str":
    """The engine that modalities are tried on: a whole synthetic planet, offline."""
    from mmearth_devkit.stage import ENGINE

    return ENGINE


@pytest.fixture
def mmearth_scene(mmearth_engine: "Engine | str") -> "Scene":
    """A tile with its anchor, at a place and a day with data."""
    from mmearth_devkit.rehearsal import default_scene
    from mmearth_devkit.stage import kit_engine, open_stage

    return _told(lambda: default_scene(open_stage(kit_engine(mmearth_engine))))


@pytest.fixture
def mmearth_dataset(mmearth_engine: "Engine | str", tmp_path: Path) -> "Callable[..., Dataset]":
    """Builds a whole dataset of two tiles: `mmearth_dataset(Modality, options=None)` returns it, opened.

    One folder of the test's own takes one dataset of each modality.
    """

    def build(modality: Any, options: Any = None, engine: "Engine | str | None" = None) -> "Dataset":
        from mmearth_devkit.tiny import tiny_dataset

        return _told(lambda: tiny_dataset(modality, tmp_path / "datasets", engine or mmearth_engine, options))

    return build


def _told(function: Callable[[], T]) -> T:
    """Fails the test with the message alone where something is not installed or not to be found."""
    from mmearth_core.errors import EngineError, PluginError

    try:
        return function()
    except (EngineError, PluginError) as error:
        pytest.fail(str(error), pytrace=False)
