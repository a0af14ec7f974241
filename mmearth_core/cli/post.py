"""`mmearth-core post`: makes a dataset's files from what was downloaded."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from mmearth_core.cli.common import config_argument, json_option, show, together, workers_option
from mmearth_core.text import counted, printable

if TYPE_CHECKING:
    from mmearth_core.download.folder import DownloadedDataset
    from mmearth_core.post.products import HDF5Result
    from mmearth_core.post.rows import RowSelection
    from mmearth_core.progress import Progress
    from mmearth_core.workers import Pool

_LISTED = 20
"""Stacks left out that are shown; the others are only counted."""

_ALL = "all"
"""The hidden command that `mmearth-core post CONFIG` calls."""


class _DefaultGroup(click.Group):
    """A group that reads `post CONFIG` as `post all CONFIG`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own_help = args in (["--help"], ["-h"])
        if args and args[0] not in self.commands and not own_help:
            args = [_ALL, *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Its own options, and those of `post CONFIG`, which no other help shows."""
        super().format_options(ctx, formatter)
        options = [option for option in self.commands[_ALL].params if isinstance(option, click.Option)]
        with formatter.section("Options of `post CONFIG`"):
            formatter.write_dl([record for option in options if (record := option.get_help_record(ctx)) is not None])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Its commands, or the CONFIG of `post CONFIG`."""
        return [*super().shell_complete(ctx, incomplete), CompletionItem(incomplete, type="file")]


def _fractions(_ctx: click.Context, _option: click.Parameter, text: str | None) -> tuple[float, ...] | None:
    try:
        return None if text is None else tuple(float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not of the form 0.8,0.1,0.1") from None


_workers = workers_option("read and compress; by default one per core")
_splits = together(
    click.option(
        "--strategy",
        type=click.Choice(["random", "stratified", "spatial", "column"]),
        help="How to make splits: at random; at random within each biome; in blocks with a minimum distance; as a "
        "column of the tiles says. By default as before, initially random.",
    ),
    click.option("--fractions", callback=_fractions, metavar="A,B,C", help="Train, val, test; initially 0.8,0.1,0.1."),
    click.option("--seed", type=click.IntRange(min=0), help="Same seed, same splits; initially 0."),
    click.option("--column", metavar="NAME", help="The column to stratify by (biome), or with each tile's split."),
    click.option("--block-km", type=float, metavar="KM", help="Spatial: side of a block; initially 50."),
    click.option(
        "--distance-km",
        type=float,
        metavar="KM",
        help="Spatial: minimum distance between tiles of different splits; initially 5.",
    ),
)
_step_statistics = click.option(
    "--step-statistics",
    is_flag=True,
    help="Also write the statistics of each time step, as LAYER_step0 and so on. Kept from then on.",
)
_inputs = together(config_argument, _workers, json_option())


@click.group("post", cls=_DefaultGroup)
def command() -> None:
    """Make the dataset's files: tile_info.json, HDF5, band statistics and splits.

    `mmearth-core post CONFIG` makes all of them; each is also a command of its own. Running it again only makes what
    has changed: if a modality was added, only its pixels are processed, and the other layers are copied.

    \b
    Examples:
      mmearth-core post mydata.toml
      mmearth-core post mydata.toml --strategy spatial --block-km 100 --distance-km 10
      mmearth-core post hdf5 mydata.toml
      mmearth-core post splits mydata.toml --strategy stratified --seed 1

    \b
    Exit status:
      0  every tile is in the files, or skipped for a recorded reason
      1  a tile is left out: its stack is bad, or it is not downloaded
      2  the error says what to fix; nothing was made, unless it is about the splits, which come last
      3  stopped early, for example by a full disk; run it again, also after a signal, which gives 130 or 143
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep


@command.command(_ALL, hidden=True)
@together(config_argument, _workers, _step_statistics, _splits, json_option())
def make_all(config: Path, workers: int | None, step_statistics: bool, as_json: bool, **options: Any) -> int:
    """Make all files of the dataset of CONFIG."""
    from mmearth_core.post.make_splits import make_splits, split_options
    from mmearth_core.post.products import make_hdf5, make_info

    with _opened(config, workers) as (source, pool, progress):
        split_options(source, _given(options))  # refused now, and not after hours of work
        result = make_hdf5(source, pool, progress, step_statistics)
        make_info(result.rows, progress)
        made = make_splits(source, _given(options))
    _warn_of_empty(made)
    return _show(result.rows, as_json, result, made)


@command.command("info")
@_inputs
def info(config: Path, workers: int | None, as_json: bool) -> int:
    """Write tile_info.json: what the journals and the modalities report of each tile.

    \b
    Examples:
      mmearth-core post info mydata.toml
    """  # noqa: D301
    from mmearth_core.post.products import make_info, report_left_out
    from mmearth_core.post.rows import select_rows

    with _opened(config, workers) as (source, pool, progress):
        rows = select_rows(source, pool, progress)
        make_info(rows, progress)
        report_left_out(rows)
    return _show(rows, as_json)


@command.command("hdf5")
@_step_statistics
@_inputs
def hdf5(config: Path, workers: int | None, step_statistics: bool, as_json: bool) -> int:
    """Write the HDF5 file, and in the same pass the band statistics.

    \b
    Examples:
      mmearth-core post hdf5 mydata.toml --workers 8
    """  # noqa: D301
    from mmearth_core.post.make_splits import are_stale, make_splits
    from mmearth_core.post.products import make_hdf5

    with _opened(config, workers) as (source, pool, progress):
        result = make_hdf5(source, pool, progress, step_statistics)
        # Splits are row numbers: for other rows they would be wrong without any sign.
        made = make_splits(source, {}) if are_stale(source) else None
    return _show(result.rows, as_json, result, made)


@command.command("stats")
@_step_statistics
@_inputs
def stats(config: Path, workers: int | None, step_statistics: bool, as_json: bool) -> int:
    """Write the band statistics again, from the HDF5 file's own values.

    \b
    Examples:
      mmearth-core post stats mydata.toml
    """  # noqa: D301
    from mmearth_core.post.products import make_stats

    with _opened(config, workers) as (source, pool, progress):
        make_stats(source, pool, progress, step_statistics)
    path = source.products.band_stats
    return show(as_json, {"band_stats": str(path)}, [f"Band statistics: {path}"])


@command.command("splits")
@together(config_argument, _splits, json_option())
def splits(config: Path, as_json: bool, **options: Any) -> int:
    """Write the splits, and beside them how they were made.

    \b
    Examples:
      mmearth-core post splits mydata.toml --strategy stratified
      mmearth-core post splits mydata.toml --strategy spatial --block-km 100 --distance-km 10
      mmearth-core post splits mydata.toml --strategy column --column my_split
    """  # noqa: D301
    from mmearth_core.download.folder import DownloadedDataset
    from mmearth_core.post.make_splits import make_splits
    from mmearth_core.registry import discover

    source = DownloadedDataset.open(config, discover())
    with source.locked():
        made = make_splits(source, _given(options))
    _warn_of_empty(made)
    return show(as_json, made, [_counts(made)])


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


@contextmanager
def _opened(config: Path, workers: int | None) -> "Iterator[tuple[DownloadedDataset, Pool, Progress]]":
    """The dataset, its workers, and a progress bar on standard error."""
    from mmearth_core.workers import at_work

    with at_work(workers) as (pool, progress):  # its processes start while this one imports and reads
        from mmearth_core.download.folder import DownloadedDataset
        from mmearth_core.registry import discover

        source = DownloadedDataset.open(config, discover())
        for warning, remedy in source.warnings:
            click.echo(f"warning: {warning} {remedy}", err=True)
        with source.locked():
            yield source, pool, progress


def _show(
    rows: "RowSelection", as_json: bool, result: "HDF5Result | None" = None, splits: Mapping[str, Any] | None = None
) -> int:
    """Prints what became of the tiles, what was written, and which splits were made."""
    out = [{"tile_id": one.tile_id, "group": one.group, "reason": one.reason} for one in rows.left_out]
    for one in out[:_LISTED]:
        click.echo(f"left out: tile {one['tile_id']!r}, group {one['group']!r}: {printable(one['reason'])}", err=True)
    if len(out) > _LISTED:
        click.echo(f"left out: {len(out) - _LISTED:,} more, in {rows.source.products.left_out}", err=True)
    root = rows.source.folder.root
    facts = {"dataset": str(root), "rows": len(rows), "skipped": rows.skipped, "missing": rows.missing, "left_out": out}
    bad = len({one["tile_id"] for one in out})
    skipped, missing = counted(rows.skipped, "tile"), f"{rows.missing:,}"
    lines = [f"{counted(len(rows), 'row')}; {skipped} skipped, {missing} not downloaded, {bad:,} left out"]
    if result is not None:
        facts |= {"layers": list(result.made), "kept": list(result.kept), "recounted": list(result.recounted)}
        if result.kept:
            made, recounted = (", ".join(names) or "none" for names in (result.made, result.recounted))
            lines.append(f"Layers made: {made}; kept: {', '.join(result.kept)}; counted again: {recounted}.")
    if splits is not None:
        facts["splits"] = splits
        lines.append(_counts(splits))
    if rows.missing:
        lines.append("Tiles not downloaded: `mmearth-core run CONFIG` continues; --retry-failed adds those failed.")
    if out:
        lines.append("Tiles left out are downloaded again by `mmearth-core run CONFIG --retry-failed`.")
    return show(as_json, facts, [*lines, f"Dataset: {root}"], faulty=out or rows.missing)


def _warn_of_empty(made: Mapping[str, Any]) -> None:
    """Warns of a split that should have tiles and has none, as otherwise it is only noticed in training."""
    options = made["made"]
    if options["strategy"] == "column":
        return
    shares = zip(made["tiles"].items(), options["fractions"], strict=True)
    empty = [part for (part, tiles), share in shares if share and not tiles]
    if empty:
        is_spatial = options["strategy"] == "spatial"
        remedy = "Smaller --block-km and --distance-km help." if is_spatial else "More tiles help."
        click.echo(f"warning: there are no tiles in {' and '.join(empty)}. {remedy}", err=True)


def _counts(made: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{tiles:,} {part}" for part, tiles in made["tiles"].items())
    options = made["made"]
    return f"Splits ({options['strategy']}, seed {options['seed']}): {counts}, {made['in_no_split']:,} in none"
