"""Commands and their options are those of the reference; `python tests/reference/make.py` writes it again."""

import click

from tests.reference.commands import commands, parameters
from tests.reference.compare import load, unexpected

CHANGED = {
    "mmearth-core run --record": "recording is the engine `record` of mmearth-devkit",
    "mmearth-core engine check --record": "recording is the engine `record` of mmearth-devkit",
    "mmearth-core tiles map": "is `mmearth-core map`, of mmearth-viz",
    "mmearth-core post hdf5 --in-place": "removed: a new file is written aside, which is safe",
    "mmearth-core verify --return-tiles": "the new name of --send-back, which is hidden",
    "mmearth-core verify --send-back hidden": "is now --return-tiles",
    "mmearth-core verify --images": "new: asks the engine for the recorded images",
    "mmearth-core status --watch": "`watch -n 5 mmearth-core status CONFIG` does the same",
    "mmearth-core status --every": "belonged to --watch",
    "mmearth-core localearth exec": "new: runs a program with the local engine",
    "mmearth-core localearth --version": "new: the version of the distribution",
    "mmearth-core localearth functions --json": "new: the list for scripts",
    "mmearth-core localearth serve --world default": "synthetic, as everywhere in localearth",
    "mmearth-core map": "was `mmearth-core tiles map`",
    "mmearth-core plugin new --collection": "new: the asset is a collection, which was opened as an image",
    "mmearth-core plugin new --classes": "new: a band with classes",
    "mmearth-core plugin new --anchor": "new: an anchor",
    "mmearth-core plugin new --pixel-size": "new: the size of the asset's pixels",
    "mmearth-core plugin new --origin": "new: the grid that an anchor proposes",
    "mmearth-core plugin check --pixel-size": "new: tiles of other pixels",
    "mmearth-core plugin check --shifts": "new: how far each band is shifted",
    "mmearth-core plugin new --dtype default": "float32, or uint8 with --classes",
    "mmearth-core doctor": "new, in mmearth-preflight: what would make a run fail",
    "mmearth-core slurm submit --again": "new: submitting twice is refused otherwise",
    "mmearth-core post hdf5 --step-statistics": "new: statistics of each time step",
    "mmearth-core post stats --step-statistics": "new: statistics of each time step",
    "mmearth-core tiles from-tile-info": "replaces the key `tile_info` in [dataset]",
    **{
        f"mmearth-core {command} {option}": "new: the side of a tile by its pixels"
        for command in ("tiles", "tiles from-points", "tiles from-polygons")
        for option in ("--image-size", "--pixel-size")
    },
}
"""What may differ, such as "mmearth-core run --record", and the reason."""


def test_commands_and_options_are_those_of_the_reference() -> None:
    assert unexpected(load("commands"), commands(), CHANGED) == []


def test_a_difference_is_named_precisely() -> None:
    @click.command()
    @click.argument("file")
    @click.option("--count", default=2)
    def before(file: str, count: int) -> None: ...

    @click.command()
    @click.argument("folder")
    @click.option("-c", "--count", default=3)
    @click.option("--json", is_flag=True)
    def after(folder: str, count: int, json: bool) -> None: ...

    stored, now = {"run": parameters(before)}, {"run": parameters(after)}
    assert unexpected(stored, now, {"run --json": "a new option"}) == [
        "run --count default: was 2, is 3",
        "run --count names: was ['--count'], is ['--count', '-c']",
    ]
    assert unexpected(stored, now, {"run": "all is new"}) == []
    assert unexpected(stored, stored, {"run": "all is new"}) == ["run: is in CHANGED, but is as it was"]
