"""`localearth exec`: a program that is written for Google's servers runs unchanged on the local engine."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from localearth.cli import command
from localearth.errors import SetupError
from mmearth_devkit.testing.needs import needs_planet

pytestmark = needs_planet

GOOGLE = """
import sys
import urllib.request
import ee
import google.auth
import requests

ee.Authenticate()
ee.Initialize(project="someone-elses", opt_url="https://earthengine-highvolume.googleapis.com")
print(ee.Number(1).add(2).getInfo(), ee.data._get_state().cloud_api_user_project, *sys.argv[1:])
ee.Initialize()
credentials, project = google.auth.default()
ee.Initialize(credentials, project=project)
print(ee.Number(4).getInfo(), ee.data._get_state().cloud_api_user_project)
ee.Initialize(ee.ServiceAccountCredentials("someone@example.org", "no_such_key.json"), project="theirs")
image = ee.Image(7).toUint8().clip(ee.Geometry.Rectangle([8, 46, 9, 47]))
url = image.getDownloadURL({"scale": 50000, "crs": "EPSG:4326", "format": "NPY"})
first = requests.get(url, timeout=60)
assert first.status_code == 200, first.text
with urllib.request.urlopen(url) as second:
    assert second.read() == first.content
print(url.startswith("http://127.0.0.1:"))
"""


def launch(*program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "localearth", "exec", "--world", "synthetic", "--", *program]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **environment}
    )


@pytest.mark.slow
def test_a_program_for_googles_servers_runs_unchanged(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(GOOGLE)
    # A proxy of the network must not be asked for the engine's address.
    nobody = {"HOME": str(tmp_path), "NO_GCE_CHECK": "true", "GOOGLE_APPLICATION_CREDENTIALS": ""}
    proxy = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": ""}
    done = launch(sys.executable, str(program), "--an-option", "x", **nobody, **proxy)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["3 someone-elses --an-option x", "4 local-project", "True"]


FORKS = """
import multiprocessing
import ee

ee.Initialize()

def following(number):
    return ee.Number(number).add(1).getInfo()

with multiprocessing.get_context("fork").Pool(3) as pool:
    assert pool.map(following, range(40), chunksize=1) == list(range(1, 41))
"""


@pytest.mark.slow
def test_forked_processes_do_not_share_a_connection() -> None:
    done = launch(sys.executable, "-W", "ignore", "-c", FORKS)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_the_sitecustomize_of_the_environment_runs_too(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os\nos.environ['SEEN'] = 'yes'\n")
    done = launch(sys.executable, "-c", "import os; print(os.environ['SEEN'])", PYTHONPATH=str(tmp_path))
    assert done.stdout == "yes\n"


@pytest.mark.slow
def test_the_exit_status_is_the_programs() -> None:
    assert launch(sys.executable, "-c", "raise SystemExit(7)").returncode == 7
    ended = launch(sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert ended.returncode == 128 + signal.SIGKILL


def test_a_program_that_does_not_exist_is_named() -> None:
    done = CliRunner().invoke(command, ["exec", "--world", "synthetic", "no-such-program"])
    assert isinstance(done.exception, SetupError)
    assert "the program 'no-such-program' cannot be started: No such file" in str(done.exception)


@pytest.mark.slow
def test_a_terminated_launcher_ends_the_program() -> None:
    wait = "import time; print('ready', flush=True); time.sleep(60)"
    command = [sys.executable, "-m", "localearth", "exec", "--world", "synthetic", "--", sys.executable, "-c", wait]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.terminate()
        assert running.wait(timeout=20) == 128 + signal.SIGTERM
