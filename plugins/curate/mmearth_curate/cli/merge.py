"""Merge datasets without recompressing them."""

from pathlib import Path

import click

from mmearth_core.cli.common import PATH
from mmearth_core.text import counted
from mmearth_curate.cli.derived import making_options, out_argument, show_made


@click.command("merge")
@out_argument
@click.argument("inputs", metavar="IN...", nargs=-1, required=True, type=PATH)
@click.option(
    "--duplicates",
    type=click.Choice(["refuse", "first", "last"]),
    default="refuse",
    show_default=True,
    help="If a tile id occurs more than once: merge nothing, or keep only the first or the last of its rows in the "
    "order of IN.",
)
@making_options("count, if necessary; by default one per core")
def command(
    out: Path, inputs: tuple[Path, ...], duplicates: str, overwrite: bool, workers: int | None, as_json: bool
) -> None:
    """Merge the datasets IN... into one dataset OUT.

    IN is a dataset's .h5 file or the folder with it; OUT is an .h5 file, or a folder whose name the files get. The
    rows of the first IN come first. They are copied without recompressing them, so layers, bands, types, no-data and
    tile size must be the same; the error says what differs. Band statistics are merged exactly. Splits are kept if
    every IN has some: a row stays in its split.

    \b
    Examples:
      mmearth-core merge world africa asia europe
      mmearth-core merge data_1M_v002/data_1M_v002.h5 old/old.h5 new/new.h5 --duplicates last

    \b
    Exit status:
      0  OUT is complete
      2  nothing was written: the error says why
      3  stopped early, for example by a full disk: nothing was written
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.workers import at_work
    from mmearth_curate.derive.merge import merge

    with at_work(workers) as (pool, progress):
        made = merge(out, inputs, duplicates, overwrite, pool, progress)
    dropped = f", {counted(made.dropped, 'duplicate')} dropped" if made.dropped else ""
    lines = [f"{counted(made.rows, 'row')} of {counted(len(inputs), 'dataset')}{dropped}"]
    if made.no_splits:
        lines.append(f"No splits, because these inputs have none: {', '.join(made.no_splits)}.")
    facts = {
        "duplicates_dropped": made.dropped,
        "statistics": "counted" if made.counted else "merged",
        "splits": not made.no_splits,
        "without_splits": list(made.no_splits),
    }
    show_made(as_json, made, facts, *lines)
