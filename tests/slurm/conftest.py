"""A real one-node Slurm, started for the tests that submit to it."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def slurm() -> Iterator[dict[str, str]]:
    """The environment in which `sbatch` reaches it; Debian's packages are installed if they are missing."""
    folder = f"/tmp/mmearth-slurm-{os.getpid()}"
    # A port of its own for each process, as several may run tests at once; below 32768, from where the system takes the
    # ports of other connections.
    ports = {"LOCAL_SLURM_PORT": str(20_000 + os.getpid() % 6_000 * 2)}
    started = subprocess.run(
        ["bash", HERE / "start-local-slurm.sh", folder],
        env={**os.environ, **ports},
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 0, started.stderr
    exports = dict(re.findall(r"export (\w+)='?([^'\n]+)'?", started.stdout))
    assert "SLURM_CONF" in exports, started.stdout
    yield {**os.environ, **exports}
    subprocess.run(["bash", HERE / "stop-local-slurm.sh", folder], check=True, capture_output=True)
