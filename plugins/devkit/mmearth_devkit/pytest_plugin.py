"""The pytest plugin: fixtures for the tests of a modality. Installed with mmearth-devkit (entry point `pytest11`).

Nothing is imported until a test uses a fixture. To try a modality on another world, override `mmearth_engine` in
conftest.py; the other fixtures then use it:

    @pytest.fixture(scope="session")
    def mmearth_engine():
        return "local:tests/world.toml"
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from mmearth_core import Engine, Scene
    from mmearth_core.dataset import Dataset

T = TypeVar("T")


@pytest.fixture(scope="session")
def mmearth_engine() -> "Engine | str":
    """The engine for modalities under test: the synthetic planet, offline."""
    from mmearth_devkit.stage import ENGINE

    return ENGINE


@pytest.fixture
def mmearth_scene(mmearth_engine: "Engine | str") -> "Scene":
    """A tile with its anchor, at a place and day with data."""
    from mmearth_devkit.places import default_scene
    from mmearth_devkit.stage import kit_engine, open_stage

    return _without_traceback(lambda: default_scene(open_stage(kit_engine(mmearth_engine))))


@pytest.fixture
def mmearth_dataset(mmearth_engine: "Engine | str", tmp_path: Path) -> "Callable[..., Dataset]":
    """Builds a dataset of two tiles: `mmearth_dataset(Modality, options=None, pixel_size=None)` returns it, opened.

    Each test can build one dataset per modality.
    """

    def build(
        modality: Any,
        options: Any = None,
        engine: "Engine | str | None" = None,
        pixel_size: float | None = None,
    ) -> "Dataset":
        from mmearth_devkit.tiny import tiny_dataset

        return _without_traceback(
            lambda: tiny_dataset(modality, tmp_path / "datasets", engine or mmearth_engine, options, pixel_size)
        )

    return build


def _without_traceback(function: Callable[[], T]) -> T:
    """Fails the test with the message alone where an engine or plugin is not installed."""
    from mmearth_core.errors import EngineError, PluginError

    try:
        return function()
    except (EngineError, PluginError) as error:
        pytest.fail(str(error), pytrace=False)
