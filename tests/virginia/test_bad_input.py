"""Every wrong input: one paragraph with the remedy, exit code 2, and nothing written."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def refused(run_cli: Run, config: Path) -> Callable[..., str]:
    """Runs the configuration, and returns the one paragraph of its refusal."""

    def run(*arguments: str, env: dict[str, str] | None = None) -> str:
        before = sorted(config.parent.rglob("*"))
        done = run_cli("run", config, *arguments, env=env)
        assert done.returncode == 2, done.stdout + done.stderr
        assert done.stdout == ""
        assert done.stderr.startswith("error: ")
        assert "Traceback" not in done.stderr
        assert "\n\n" not in done.stderr.strip()
        assert sorted(config.parent.rglob("*")) == before, "something was written"
        return " ".join(done.stderr.split())

    return run


def edit(config: Path, old: str, new: str) -> None:
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new, 1))


def edit_tiles(config: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    path = config.parent / "tiles.geojson"
    collection = json.loads(path.read_text())
    change(collection["features"])
    path.write_text(json.dumps(collection))


def test_missing_tiles_file(refused: Callable[..., str], config: Path) -> None:
    (config.parent / "tiles.geojson").unlink()
    message = refused()
    assert "tiles.geojson: no such tiles file" in message
    assert "[dataset]" in message


def test_unknown_modality_lists_the_installed_ones(refused: Callable[..., str], config: Path) -> None:
    edit(config, "[modalities.sentinel2]", "[modalities.sentinel2]\n[modalities.sentinel9]")
    message = refused()
    assert "No modality 'sentinel9' is installed" in message
    assert "sentinel2" in message
    assert "pip install" in message


def test_unknown_modality_on_the_command_line(refused: Callable[..., str]) -> None:
    assert "No modality 'sentinel9' is installed" in refused("--modalities", "sentinel2,sentinel9")


def test_modality_that_is_installed_but_not_configured(refused: Callable[..., str]) -> None:
    assert "[modalities.file]" in refused("--modalities", "file")


def test_unknown_option_key(refused: Callable[..., str], config: Path) -> None:
    edit(config, "[modalities.sentinel2]", "[modalities.sentinel2]\ncloud_percent = 5")
    message = refused()
    assert "cloud_percent" in message
    assert "cloud_percentage" in message


def test_ill_typed_option(refused: Callable[..., str], config: Path) -> None:
    edit(config, "[modalities.sentinel2]", '[modalities.sentinel2]\ncloud_percentage = "5"')
    message = refused()
    assert "cloud_percentage" in message
    assert 'found "5", expected a number' in message


def test_tile_without_id(refused: Callable[..., str], config: Path) -> None:
    edit_tiles(config, lambda features: features[6]["properties"].pop("tile_id"))
    assert "row 7 has no `tile_id`" in refused()


def test_duplicate_tile_ids(refused: Callable[..., str], config: Path) -> None:
    edit_tiles(config, lambda features: features[9]["properties"].update(tile_id="003"))
    message = refused()
    assert "'003' is duplicated" in message
    assert "4, 10" in message


def test_empty_geometry(refused: Callable[..., str], config: Path) -> None:
    edit_tiles(config, lambda features: features[2].update(geometry={"type": "Polygon", "coordinates": []}))
    message = refused()
    assert "'002'" in message
    assert "empty geometry" in message


def test_wrong_crs(refused: Callable[..., str], config: Path) -> None:
    gpd.read_file(config.parent / "tiles.geojson").to_crs("EPSG:3857").to_file(config.parent / "tiles.gpkg")
    edit(config, "tiles.geojson", "tiles.gpkg")
    message = refused()
    assert "wrong CRS" in message
    assert "EPSG:3857" in message
    assert "ogr2ogr" in message


def test_corrupt_geojson(refused: Callable[..., str], config: Path) -> None:
    path = config.parent / "tiles.geojson"
    path.write_bytes(path.read_bytes()[:5000])
    assert "cannot be read as a vector file" in refused()


@pytest.mark.slow
def test_configuration_of_another_dataset_in_the_same_folder(
    refused: Callable[..., str], run_cli: Run, config: Path
) -> None:
    assert run_cli("run", config, "--limit", "1").returncode == 0
    edit(config, "image_size = 128", "image_size = 64")
    message = refused()
    assert "image_size is 128 in the dataset and 64 in the configuration" in message
    assert "another `name` or `path`" in message


@pytest.mark.slow
def test_other_tiles_in_the_same_folder(refused: Callable[..., str], run_cli: Run, config: Path) -> None:
    assert run_cli("run", config, "--limit", "1").returncode == 0
    edit_tiles(config, lambda features: features.pop())
    assert "[tiles] sha256" in refused()


def test_no_credentials_for_the_real_engine(refused: Callable[..., str], tmp_path: Path) -> None:
    message = refused("--engine", "earthengine:my-project", env=lonely(tmp_path / "home"))
    assert "No Earth Engine credentials" in message
    assert "earthengine authenticate" in message


def test_project_missing_for_the_real_engine(refused: Callable[..., str], config: Path, tmp_path: Path) -> None:
    secret = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {"type": "service_account", "client_email": "nobody@example.org", "private_key": secret.decode()}
    key = tmp_path / "key.json"
    key.write_text(json.dumps({**account, "token_uri": "http://127.0.0.1:9/none"}))
    edit(
        config,
        "[engines.local]",
        f"[engines.earthengine]\nservice_account_key = {json.dumps(str(key))}\n\n[engines.local]",
    )
    message = refused("--engine", "earthengine", env=lonely(tmp_path / "home"))
    assert "No Cloud project is set" in message
    assert "[engines.earthengine]" in message


def test_service_account_key_that_is_none(refused: Callable[..., str], config: Path) -> None:
    edit(config, "[engines.local]", '[engines.earthengine]\nservice_account_key = "nothing.json"\n\n[engines.local]')
    message = refused("--engine", "earthengine:my-project")
    assert "`service_account_key` in [engines.earthengine], nothing.json" in message


def lonely(home: Path) -> dict[str, str]:
    """An environment without anybody's credentials, in which google-auth looks for no cloud machine either."""
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("GOOGLE_", "EARTHENGINE", "CLOUDSDK"))
    }
    return {**kept, "HOME": str(home), "NO_GCE_CHECK": "true"}


def test_unknown_engine(refused: Callable[..., str]) -> None:
    message = refused("--engine", "lokal")
    assert "No engine 'lokal'" in message
    assert "local" in message


def test_shard_that_is_none(refused: Callable[..., str]) -> None:
    assert "0 to N-1" in refused("--shard", "4/4")


def test_array_with_gaps(refused: Callable[..., str]) -> None:
    array = {
        "SLURM_ARRAY_TASK_ID": "2",
        "SLURM_ARRAY_TASK_MIN": "0",
        "SLURM_ARRAY_TASK_MAX": "6",
        "SLURM_ARRAY_TASK_COUNT": "4",
    }
    assert "gaps" in refused(env={**os.environ, **array})


def test_no_configuration(run_cli: Run, tmp_path: Path) -> None:
    done = run_cli("run", tmp_path / "nothing.toml")
    assert done.returncode == 2
    assert "no such configuration file" in " ".join(done.stderr.split())


def test_a_file_where_the_dataset_belongs(refused: Callable[..., str], config: Path) -> None:
    (config.parent / "virginia").write_text("mine")
    assert "virginia is not a folder" in refused()


def test_a_dataset_below_a_file(refused: Callable[..., str], config: Path) -> None:
    edit(config, "tiles =", 'path = "tiles.geojson/deep"\ntiles =')
    assert "tiles.geojson is not a folder" in refused()


def test_a_configuration_that_the_dataset_would_replace(run_cli: Run, config: Path) -> None:
    own = config.with_name("mmearth.toml")
    own.write_text(config.read_text().replace("tiles =", 'path = "."\ntiles =', 1))
    done = run_cli("run", own)
    assert done.returncode == 2
    assert "would replace your configuration" in " ".join(done.stderr.split())
    assert sorted(path.name for path in config.parent.iterdir()) == ["demo.toml", "mmearth.toml", "tiles.geojson"]


def test_tiles_that_the_dataset_would_replace(refused: Callable[..., str], config: Path) -> None:
    own = config.parent / "tiles.gpkg"
    gpd.read_file(config.parent / "tiles.geojson").to_file(own)
    before = own.read_bytes()
    edit(config, 'tiles = "tiles.geojson"', 'path = "."\ntiles = "tiles.gpkg"')
    assert "the dataset's own copy" in refused()
    assert own.read_bytes() == before


def test_journals_without_the_configuration_that_they_are_of(refused: Callable[..., str], config: Path) -> None:
    (config.parent / "virginia" / "journal" / "base").mkdir(parents=True)
    assert "mmearth.toml, is missing" in refused()


@pytest.mark.parametrize(
    ("option", "said"),
    [("--modalities", "is empty"), ("--shard", "write I/N"), ("--engine", "No engine '' is installed")],
)
def test_an_empty_option_is_not_taken_for_one_left_out(refused: Callable[..., str], option: str, said: str) -> None:
    assert said in refused(option, "")


def test_a_demo_where_nothing_can_be_made(run_cli: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    done = run_cli("demo", tmp_path / "file" / "deep")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Choose another folder." in " ".join(done.stderr.split())
