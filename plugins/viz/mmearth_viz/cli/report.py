"""Write a page about a dataset: maps, counts, histograms, tiles."""

from pathlib import Path

import click

from mmearth_core.cli.common import PATH, json_option, number_option, seed_option, show, workers_option


@click.command("report")
@click.argument("dataset", metavar="DATASET", type=PATH)
@click.option("-o", "--output", type=PATH, metavar="FILE", help="HTML file to write; by default report.html.")
@number_option("--rows", "Rows in the histograms, drawn at random if there are more.", default=2000)
@click.option("--all-rows", is_flag=True, help="Use all rows in the histograms.")
@click.option(
    "--tiles",
    type=click.IntRange(0, 48),
    default=6,
    show_default=True,
    metavar="N",
    help="Varied tiles to show.",
)
@seed_option("page")
@workers_option()
@json_option()
def command(
    dataset: Path,
    output: Path | None,
    rows: int,
    all_rows: bool,
    tiles: int,
    seed: int,
    workers: int | None,
    as_json: bool,
) -> None:
    """Write a report on DATASET: a map, counts, histograms, classes, tiles, splits, failures and versions.

    DATASET is a configuration, a dataset's folder or its .h5 file. With an .h5 file the report has no journals. The
    report is a single HTML file that opens from disk and can be printed.

    \b
    Examples:
      mmearth-core report mydata.toml
      mmearth-core report mydata/mydata.h5 --rows 20000 --workers 8 -o mydata.html
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.errors import DatasetError
    from mmearth_core.files import writable
    from mmearth_core.registry import discover
    from mmearth_core.text import counted
    from mmearth_core.workers import at_work
    from mmearth_viz.preview.dataset import open_dataset
    from mmearth_viz.report.page import ReportOptions, make_report

    path = output or Path("report.html")
    if path.suffix.lower() not in (".html", ".htm"):
        raise DatasetError(f"{path}: the report is HTML; choose a name that ends in .html.")
    with at_work(workers) as (pool, progress), writable(path.parent):
        reader, folder = open_dataset(dataset, discover())
        options = ReportOptions(None if all_rows else rows, tiles, seed)
        made = make_report(reader, folder, path, options, pool, progress)
    facts = {"file": str(path), "tiles": made.tiles, "rows": made.rows, "bytes": made.size}
    show(as_json, facts, [f"Report on {counted(made.tiles, 'tile')}, {made.size / 1e6:.1f} MB: {path}"])
