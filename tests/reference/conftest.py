"""Today's results, made in a process of its own, as the plugins and environments of other tests must not be in them."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.reference.compare import HERE


@pytest.fixture(scope="session")
def today(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the references as `make.py` would write them today."""
    if find_spec("global_land_mask") is None:  # an import would load a gigabyte
        pytest.skip("needs mmearth-localearth[planet]")
    folder = tmp_path_factory.mktemp("today")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, str(HERE / "make.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return folder
