"""Build a small dataset offline, without an account."""

import json
from pathlib import Path

import click
from click.core import ParameterSource

from mmearth_core.cli.common import FOLDER, console, engine_option
from mmearth_core.errors import ConfigError, EngineError
from mmearth_core.files import FOLDER_FAULTS, written_aside


@click.command("demo")
@click.argument("folder", type=FOLDER)
@engine_option("The engine that provides the demo.", default="local", metavar="NAME")
def command(folder: Path, engine: str) -> int:
    """Write a configuration and tiles to FOLDER, download them, and draw a contact sheet.

    Rerunning the command continues where it stopped. The configuration is an ordinary one: you can change it and use
    it with `mmearth-core run`. If the data of the default demo are not installed, a smaller demo is made instead, and
    the command that installs the data is printed.

    \b
    Examples:
      mmearth-core demo demo
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.cli.run import download, leave, print_summary
    from mmearth_core.registry import discover, engine_of
    from mmearth_viz.preview.demo_sheets import sheet_of_layers, sheet_of_tiles

    registry = discover()
    chosen = click.get_current_context().get_parameter_source("engine") is not ParameterSource.DEFAULT
    demo = engine_of(registry, engine).demo() if chosen or engine in registry.engines else None
    if demo is None:
        raise EngineError(
            f"Engine {engine!r} is not installed or has no demo. The engine `local` has one: "
            '`pip install "mmearth-core[demo]"`.'
        )
    if demo.missing and chosen:
        raise EngineError(demo.missing)
    config = folder / "demo.toml"
    try:
        _put(config, demo.config)
        _put(folder / "tiles.geojson", json.dumps(demo.tiles))
    except OSError as error:
        if error.errno not in FOLDER_FAULTS:
            raise
        raise ConfigError(f"{folder} cannot be written: {error.strerror}. Choose another folder.") from error
    result = download(config, registry, engine=engine)
    job, out = result.run, console()
    print_summary(result, out)
    if result.why or not result.progress.counts["done"]:
        return leave(result)
    sheet = folder / "contact_sheet.png"
    group = job.groups[0]
    pictured = [modality for modality in group.modalities if modality.map_layers()]
    draw = sheet_of_layers if len(pictured) > 1 else sheet_of_tiles
    shown = draw(job.folder, group, sheet, job.config.dataset.name, demo.credit)
    out.print(f"Contact sheet of {shown} tiles: {sheet}", markup=False)
    out.print(f"To continue, or after a change: mmearth-core run {config}", markup=False)
    if demo.missing:
        out.print(f"This demo replaces the default one. {demo.missing}", markup=False)
        out.print("Then run `mmearth-core demo` in another folder.", markup=False)
    return leave(result)


def _put(path: Path, text: str) -> None:
    """Writes a file of the demo, unless a file of that name has other content."""
    if path.exists():
        if path.read_text(encoding="utf-8") != text:
            raise ConfigError(
                f"{path} exists and is not the file of the demo. Choose another folder, or run your own configuration."
            )
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")
