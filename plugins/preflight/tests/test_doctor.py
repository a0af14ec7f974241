"""The doctor: it passes where a run works, finds what would make one fail, and prints no credential."""

import errno
import fcntl
import http.server
import json
import threading
from collections.abc import Iterator

import ee.deprecation
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

SLURM = dict.fromkeys(("sbatch", "squeue", "scontrol"), "")
"""Commands that do nothing."""

REFUSED = {"error": "invalid_grant", "error_description": "Bad token ya29.a0ARrdaM-token-of-the-answer"}


def states(findings, check):
    return [finding["state"] for finding in findings["checks"] if finding["check"] == check]


def text(findings, check):
    return " | ".join(f"{one['text']} {one['remedy']}" for one in findings["checks"] if one["check"] == check)


def test_it_passes_where_a_run_works_and_changes_nothing(kit, config):
    before = sorted(config.parent.rglob("*"))
    found = kit.summary("doctor", config)
    assert sorted(config.parent.rglob("*")) == before
    assert found["failed"] == 0 and {"ok", "warning", "failed", "skipped", "checks"} == set(found)
    assert "10 m, 20 m, 60 m" in text(found, "sentinel2 bands") and "B12" in text(found, "sentinel2 bands")
    assert "tile 000" in text(found, "one tile") and "1 row" in text(found, "HDF5 file")
    assert "COPERNICUS/S2_HARMONIZED" in text(found, "sentinel2 assets")
    for check in ("python", "packages", "plugins", "dataset folder", "disk space", "connection", "request", "quota"):
        assert states(found, check) == ["ok"], check


def test_assets_that_are_not_what_the_plugin_expects(kit, odd_world):
    found = kit.summary("doctor", odd_world, code=1)
    assert "not so: the open sea is masked, not 0" in text(found, "aster assumptions")
    assert states(found, "aster bands") == ["warning"]  # pixels of a degree, tiles of 160 m
    assert "1.11e+05 m; one pixel covers a tile: elevation" in text(found, "aster bands")
    assert "height has values from 300 to 300, which uint8 cannot hold" in text(found, "canopy_height_eth values")
    assert "map has undeclared values: 7" in text(found, "esa_worldcover classes")
    assert states(found, "HDF5 file") == ["ok"]  # it goes on after what has failed


def test_assets_of_another_pixel_size_than_the_plugin_declares(kit, odd_world):
    odd_world.write_text(odd_world.read_text().replace("image_size = 16", "image_size = 64\npixel_size = 2560"))
    found = kit.summary("doctor", odd_world, code=1)
    assert states(found, "aster bands") == ["warning"]
    assert "the plugin declares another pixel size: elevation, 30 m; slope, 30 m" in text(found, "aster bands")


def test_assets_that_do_not_exist_or_are_deprecated(kit, odd_world, monkeypatch):
    listed = {"deprecated": True, "title": "my/seven", "gee:replacement_id": "my/eight"}
    monkeypatch.setattr(ee.deprecation, "_FetchDataCatalogStac", lambda: {"links": [listed]})
    options = odd_world.read_text().replace('asset = "my/zero"', 'asset = "my/zero"\nband = "b9"')
    odd_world.write_text(options.replace('"my/tall"', '"no"'))
    with pytest.warns(DeprecationWarning, match="my/seven"):  # the client's own
        found = kit.summary("doctor", odd_world, code=1)
    assert "'b9' did not match any bands" in text(found, "aster bands")
    assert "no: Image.load: Image asset 'no' not found" in text(found, "canopy_height_eth assets")
    assert "my/seven is deprecated; my/eight replaces it" in text(found, "esa_worldcover assets")
    assert states(found, "esa_worldcover values") == ["ok"] and states(found, "one tile") == ["failed"]


def test_tiles_without_an_image(kit, config):
    tiles = config.parent / "tiles.geojson"
    tiles.write_text(tiles.read_text().replace("[-75.", "[-35."))  # from Virginia into the Atlantic
    config.write_text(config.read_text().replace("[modalities.tile]\n", ""))
    tiles.write_text(tiles.read_text().replace('"lon"', '"old_lon"').replace('"lat"', '"old_lat"'))
    found = kit.summary("doctor", config)
    assert states(found, "sentinel2 anchor") == states(found, "one tile") == ["warning"]
    assert states(found, "sentinel2 bands") == ["skipped"]
    assert "COPERNICUS/S2_HARMONIZED (nothing at this tile)" in text(found, "sentinel2 assets")


class TokenServer(http.server.BaseHTTPRequestHandler):
    """Refuses every token, and repeats what it was sent, as a careless proxy might."""

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["content-length"])).decode()
        body = json.dumps({**REFUSED, "error_description": f"{REFUSED['error_description']} {sent}"}).encode()
        self.send_response(400)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Prints nothing."""


@pytest.fixture
def token_server() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), TokenServer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_it_prints_no_credential(kit, config, token_server, monkeypatch):
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    key = {"type": "service_account", "private_key": pem, "private_key_id": "0123456789abcdef", "project_id": "p"}
    key |= {"client_email": "me@p.iam.gserviceaccount.com", "token_uri": f"{token_server}/token"}
    (config.parent / "key.json").write_text(json.dumps(key))
    monkeypatch.setenv("MY_API_TOKEN", "token-of-the-environment")
    config.write_text(
        config.read_text().replace('engine = "local"', 'engine = "earthengine"')
        + f'[engines.earthengine]\nservice_account_key = "{config.parent / "key.json"}"\nurl = "{token_server}"\n'
        + "[modalities.token-of-the-environment]\n"
    )
    for option in ("--json", "--engine=earthengine"):
        done = kit.cli("doctor", config, option)
        assert done.exit_code == 1
        assert "invalid_grant" in done.output and "(hidden)" in done.output
        for secret in (*pem.splitlines()[1:-1], "0123456789abcdef", "ya29.", "eyJ", "of-the-environment"):
            assert secret not in done.output


def test_a_file_system_without_locks_or_space(kit, config, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    config.write_text(config.read_text().replace('world = "virginia"', 'world = "nowhere.toml"'))
    monkeypatch.setattr("mmearth_preflight.doctor.machine.shutil.disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "lockf", refuse)
        found = kit.summary("doctor", config, code=1)
    assert states(found, "dataset folder") == ["warning"] and "same lock" in text(found, "dataset folder")
    assert states(found, "disk space") == ["failed"] and "10 bytes free" in text(found, "disk space")
    assert states(found, "engine") == ["failed"] and states(found, "one tile") == ["skipped"]


@pytest.mark.parametrize(
    ("commands", "state", "shown"),
    [
        ({}, "skipped", "no Slurm on this machine"),
        ({"sbatch": "", "squeue": ""}, "warning", "not found: scontrol, sinfo"),
        (SLURM | {"sinfo": "echo 'debug* up 1:00:00'"}, "ok", "debug* up"),
        (SLURM | {"sinfo": "echo 'debug* down 1'"}, "warning", "no partition is up: debug* down"),
    ],
)
def test_slurm(kit, tmp_path, monkeypatch, commands, state, shown):
    for name, body in commands.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "data.toml").write_text("[dataset]\n")  # an error, so that nothing is downloaded
    monkeypatch.setenv("PATH", str(tmp_path))
    found = kit.summary("doctor", tmp_path / "data.toml", code=1)
    assert states(found, "slurm") == [state] and shown in text(found, "slurm")
    assert states(found, "configuration") == ["failed"] and states(found, "dataset folder") == ["ok"]


def test_without_a_configuration(kit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    done = kit.cli("doctor")  # Google's engine, without an account
    assert done.exit_code == 1 and "earthengine authenticate" in done.output
    assert "aster, canopy_height_eth" in done.output and list(tmp_path.iterdir()) == []
    done = kit.cli("doctor", "--engine", "local")
    assert done.exit_code == 0 and "0 failed" in done.stdout.splitlines()[-1], done.output


@pytest.mark.slow
def test_restricted_mode_is_a_warning(kit, config):
    config.write_text(config.read_text() + '[[engines.local.faults]]\nkind = "restricted"\n')
    found = json.loads(kit.cli("doctor", config, "--json").stdout)
    assert states(found, "quota") == ["warning"] and "noncommercial_tiers" in text(found, "quota")


def test_a_configuration_that_is_not_there(kit, tmp_path):
    assert kit.cli("doctor", tmp_path / "none.toml").exit_code == 2


@pytest.mark.slow
def test_every_modality_on_the_synthetic_planet(kit, tmp_path):
    assert kit.cli("tiles", "--number", "3", "--engine", "local:synthetic", "-o", tmp_path / "t.geojson").exit_code == 0
    names = ["sentinel2", "sentinel1", "era5", "aster", "dynamic_world", "esa_worldcover", "canopy_height_eth", "tile"]
    (tmp_path / "data.toml").write_text(
        '[dataset]\nname = "all"\ntiles = "t.geojson"\nimage_size = 32\n[run]\nengine = "local:synthetic"\n'
        + "".join(f"[modalities.{name}]\n" for name in names)
    )
    found = kit.summary("doctor", tmp_path / "data.toml")
    assert found["failed"] == 0
    assert states(found, "aster assumptions") == ["ok"]
    assert all(states(found, f"{name} values") == ["ok"] for name in names)
