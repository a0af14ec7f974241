"""What several benchmarks begin with: a few real tiles of the synthetic planet, and numbers from the command line."""

import argparse
import json
import sys
from pathlib import Path

from click.testing import CliRunner

from mmearth_core.cli import main
from mmearth_core.registry import discover, engine_of

REAL = 8
"""Tiles that are really made."""


def run(*arguments: str | Path) -> None:
    """`mmearth-core ARGUMENTS`, in this process."""
    done = CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
    if done.exit_code:
        sys.exit(done.output)


def real_dataset(folder: Path) -> Path:
    """Downloads a few tiles of every modality; returns the configuration."""
    demo = engine_of(discover(), "local:synthetic").demo()
    assert demo is not None
    features = demo.tiles["features"][10 : 10 + REAL]
    (folder / "tiles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    config = folder / "bench.toml"
    config.write_text(demo.config.replace('name = "planet"', 'name = "bench"'))
    run("run", config)
    return config


def numbers(description: str | None, **defaults: int) -> argparse.Namespace:
    """The options of a benchmark that are whole numbers, with their defaults."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()
