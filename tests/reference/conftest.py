"""Today's results, made in a process of its own, as the plugins and environments of other tests must not be in them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mmearth_devkit.testing.needs import skip_without_planet

from tests.reference.compare import HERE


@pytest.fixture(scope="session")
def today(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the references as `make.py` would write them today."""
    skip_without_planet()
    folder = tmp_path_factory.mktemp("today")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, str(HERE / "make.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return folder
