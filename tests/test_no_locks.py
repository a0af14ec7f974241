"""File systems without locks, such as Lustre without `flock`: everything works, a warning says what that means."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from mmearth_devkit.testing.command_line import cli
from mmearth_devkit.testing.few_tiles import write_few

COMMANDS = """
import sys
from mmearth_core.cli import main
for command in sys.argv[1].split(";"):
    print("command", command, file=sys.stderr)
    try:
        main(command.split())
    except SystemExit as exited:
        print("status", exited.code, file=sys.stderr)
"""
"""Commands in one process, as each start takes a second."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C library that refuses locks; without gcc this fails, as CI installs it."""
    path = tmp_path_factory.mktemp("library") / "no_locks.so"
    source = Path(__file__).with_name("no_locks.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", path, source, "-ldl"], check=True)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of tiles, stacks and side files."""
    kinds = ("tiles.gpkg", "stacks/**/*.tif", "*_tile_info.json", "*_band_stats.json", "*_splits.json")
    return {str(path.relative_to(folder)): path.read_bytes() for kind in kinds for path in folder.glob(kind)}


@pytest.mark.parametrize(
    "number",
    [
        524,
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # 37, 38, 95
        ),
    ],
)
def test_everything_works_without_locks(number: int, library: Path, tmp_path: Path) -> None:
    config = write_few(tmp_path / "data", 3, "few", size=16, partition=2)
    # The tiles file, which SQLite reads as well, is there too.
    gpd.read_file(config.with_name("tiles.geojson")).to_file(config.with_name("tiles.gpkg"))
    config.write_text(config.read_text().replace("tiles.geojson", "tiles.gpkg"))
    commands = ["run {} --limit 1", "status {}", "run {}", "post {} --workers 1", "verify {} --workers 1", "status {}"]
    environment = {"LD_PRELOAD": str(library), "NO_LOCKS": str(number), "NO_LOCKS_IN": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, ";".join(command.format(config) for command in commands)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    statuses = [line.split()[1] for line in done.stderr.splitlines() if line.startswith("status ")]
    assert statuses == ["0", "1", "0", "0", "0", "0"], done.stderr
    assert done.stderr.count("is on a file system without locks") == 1
    assert "damaged" not in done.stdout + done.stderr

    found = contents(tmp_path / "data" / "few")
    (tmp_path / "data" / "few").rename(tmp_path / "without")
    for command in ("run", "post"):
        with_locks: Any = cli(command, config)
        assert with_locks.exit_code == 0, with_locks.output
    assert found == contents(tmp_path / "data" / "few")
