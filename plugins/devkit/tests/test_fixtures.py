"""The pytest plugin: what it costs at the start, its fixtures, and how they fail where the engine is not installed."""

from textwrap import dedent

import pytest
from mmearth_devkit.testing.outside import FIXTURES, own_tests
from mmearth_devkit.testing.place import PLACE

HEAVY = ["ee", "geopandas", "rasterio", "h5py", "pandas", "googleapiclient", "matplotlib", "mmearth_devkit.kit"]

TESTS = f"""{PLACE}
def test_scene(mmearth_scene):
    import datetime as dt

    assert mmearth_scene.anchor.date == dt.date(2019, 7, 14)
    assert mmearth_scene.anchor.crs == "EPSG:32616"
    assert mmearth_scene.polygon.area > 0

def test_dataset(mmearth_dataset):
    dataset = mmearth_dataset(Place)
    assert list(dataset.layers) == ["place"]
    assert len(dataset) == 2
    assert dataset[0].values["place"][0] < dataset[1].values["place"][0]
"""

ELSEWHERE = """
    import pytest

    @pytest.fixture(scope="session")
    def mmearth_engine():
        return "local:virginia"

    def test_scene(mmearth_scene):
        assert mmearth_scene.anchor.crs == "EPSG:32618"
"""

MISSING = """
    import mmearth_core.registry as registry
    import pytest

    @pytest.fixture(autouse=True)
    def nothing_installed(monkeypatch):
        real = registry.discover()
        monkeypatch.setattr("mmearth_devkit.stage.discover", lambda: registry.Registry(real.modalities, {}))

    def test_scene(mmearth_scene):
        assert False, "not reached"
"""


def pytest_on(folder, text):
    (folder / "test_it.py").write_text(dedent(text))
    return own_tests(folder)


@pytest.mark.slow
def test_a_scene_and_a_dataset(tmp_path):
    done = pytest_on(tmp_path, TESTS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_another_engine_gives_another_scene(tmp_path):
    done = pytest_on(tmp_path, ELSEWHERE)
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_the_engine_the_message_says_what_to_install(tmp_path):
    done = pytest_on(tmp_path, MISSING)
    assert done.returncode == 1
    assert 'pip install "mmearth-localearth[planet]"' in done.stdout
    assert "Traceback" not in done.stdout and "not reached" not in done.stdout


def test_nothing_heavy_is_imported_at_the_start(tmp_path):
    text = f"""
        import sys

        def test_start():
            assert "{FIXTURES}" in sys.modules
            assert [name for name in {HEAVY!r} if name in sys.modules] == []
    """
    done = pytest_on(tmp_path, text)
    assert done.returncode == 0, done.stdout
