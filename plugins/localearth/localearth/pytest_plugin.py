"""Fixtures for projects that test code for Earth Engine.

Not loaded by itself: an entry point would load it in every run of pytest in which localearth is installed. A project
names it in its `conftest.py`: `pytest_plugins = ["localearth.pytest_plugin"]`.
"""

from collections.abc import Iterator
from types import ModuleType

import pytest

from localearth import DEFAULT, connect
from localearth.worlds.base import World


@pytest.fixture(scope="module")
def earth_engine_world() -> str | World:
    """The world of `earth_engine`; a project overrides it to use another one."""
    return DEFAULT


@pytest.fixture(scope="module")
def earth_engine(earth_engine_world: str | World) -> Iterator[ModuleType]:
    """The client `ee`, initialized with the local engine; code under test may call `ee.Initialize` itself."""
    import ee

    from localearth.launch.sitecustomize import redirect

    url, transport = connect(earth_engine_world)
    restore = redirect(ee, url, transport)
    ee.Reset()
    ee.Initialize()
    yield ee
    restore()
    ee.Reset()
