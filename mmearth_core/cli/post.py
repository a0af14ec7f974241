"""`mmearth-core post`: makes the dataset's files of what was downloaded."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from mmearth_core.cli.common import config_argument, json_option, show, together, workers_option
from mmearth_core.text import counted

if TYPE_CHECKING:
    from mmearth_core.download.folder import DownloadedDataset
    from mmearth_core.post.rows import RowSelection
    from mmearth_core.post.write import Written
    from mmearth_core.progress import Progress

_NAMED = 20
"""Stacks left out that are shown; the others are only counted."""

_WHOLE = "all"
"""The hidden command that `mmearth-core post CONFIG` stands for."""


class _DefaultGroup(click.Group):
    """A group that takes `post CONFIG` for `post all CONFIG`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own_help = args in (["--help"], ["-h"])
        if args and args[0] not in self.commands and not own_help:
            args = [_WHOLE, *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Its own options, and those of `post CONFIG`, which stands nowhere else."""
        super().format_options(ctx, formatter)
        whole = self.commands[_WHOLE]
        options = [option for option in whole.params if isinstance(option, click.Option)]
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


_workers = workers_option("read and compress; by default one a core")
_in_place = click.option(
    "--in-place",
    is_flag=True,
    help="Add new modalities within the file, without copying it first: fast, but if it is broken off the file may be "
    "lost and must be made again from the stacks.",
)
_splits = together(
    click.option(
        "--strategy",
        type=click.Choice(["random", "stratified", "spatial", "column"]),
        help="How splits are made: at random; likewise within each biome; in blocks that keep their distance; as a "
        "column of the tiles says. By default as before, at first random.",
    ),
    click.option("--fractions", callback=_fractions, metavar="A,B,C", help="Train, val, test; at first 0.8,0.1,0.1."),
    click.option("--seed", type=click.IntRange(min=0), help="Same seed, same splits; at first 0."),
    click.option("--column", metavar="NAME", help="The column to stratify by (biome), or with each tile's split."),
    click.option("--block-km", type=float, metavar="KM", help="Spatial: side of a block; at first 50."),
    click.option(
        "--distance-km", type=float, metavar="KM", help="Spatial: tiles of two splits are no nearer; at first 5."
    ),
)


@click.group("post", cls=_DefaultGroup)
def command() -> None:
    """Make the dataset's files: tile_info.json, HDF5, band statistics and splits.

    `mmearth-core post CONFIG` makes all of them; each is also a command of its own. Running it again makes only what
    has changed: a modality that was added costs its own pixels, and the rest is copied as it is.

    \b
    Examples:
      mmearth-core post mydata.toml
      mmearth-core post mydata.toml --strategy spatial --block-km 100 --distance-km 10
      mmearth-core post hdf5 mydata.toml --in-place
      mmearth-core post splits mydata.toml --strategy stratified --seed 1

    \b
    Exit status:
      0  every tile is in the files, or skipped for a recorded reason
      1  a tile is left out: its stack is bad, or it is not downloaded
      2  the error says what to mend; nothing was made, unless it is about the splits, which come last
      3  stopped early, as by a full disk; run it again, as after a signal, which gives 130 or 143
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep


@command.command(_WHOLE, hidden=True)
@config_argument
@_workers
@_in_place
@_splits
@json_option()
def make_all(config: Path, workers: int | None, in_place: bool, as_json: bool, **recipe: Any) -> int:
    """Make all files of the dataset of CONFIG."""
    from mmearth_core.post.make_splits import check_recipe, make_splits
    from mmearth_core.post.products import make_hdf5, make_info
    from mmearth_core.post.rows import select_rows

    with _opened(config, workers) as (source, pool, progress):
        check_recipe(source, _given(recipe))
        rows = select_rows(source, pool, progress)
        written = make_hdf5(rows, pool, progress, in_place).written
        make_info(written.rows, progress)
        how = make_splits(source, _given(recipe))
    _warn_of_empty(how)
    return _show(written.rows, as_json, written, how)


@command.command("info")
@config_argument
@_workers
@json_option()
def info(config: Path, workers: int | None, as_json: bool) -> int:
    """Write tile_info.json: what the journals and the modalities say of each tile.

    \b
    Examples:
      mmearth-core post info mydata.toml
    """  # noqa: D301
    from mmearth_core.post.products import make_info, report

    with _rows(config, workers) as (rows, _pool, progress):
        make_info(rows, progress)
        report(rows)
    return _show(rows, as_json)


@command.command("hdf5")
@config_argument
@_workers
@_in_place
@json_option()
def hdf5(config: Path, workers: int | None, in_place: bool, as_json: bool) -> int:
    """Write the HDF5 file, and in the same pass the band statistics.

    \b
    Examples:
      mmearth-core post hdf5 mydata.toml --workers 8
    """  # noqa: D301
    from mmearth_core.post.make_splits import are_stale, make_splits
    from mmearth_core.post.products import make_hdf5

    with _rows(config, workers) as (rows, pool, progress):
        written = make_hdf5(rows, pool, progress, in_place).written
        # Splits are row numbers: of other rows they would be wrong without a sign.
        how = make_splits(rows.source, {}) if are_stale(rows.source) else None
    return _show(written.rows, as_json, written, how)


@command.command("stats")
@config_argument
@_workers
@json_option()
def stats(config: Path, workers: int | None, as_json: bool) -> int:
    """Write the band statistics anew, from the HDF5 file's own values.

    \b
    Examples:
      mmearth-core post stats mydata.toml
    """  # noqa: D301
    from mmearth_core.post.products import make_stats

    with _opened(config, workers) as (source, pool, progress):
        path = make_stats(source, pool, progress)
    return show(as_json, {"band_stats": str(path)}, [f"Band statistics: {path}"])


@command.command("splits")
@config_argument
@_splits
@json_option()
def splits(config: Path, as_json: bool, **recipe: Any) -> int:
    """Write the splits, and beside them how they were made.

    \b
    Examples:
      mmearth-core post splits mydata.toml --strategy stratified
      mmearth-core post splits mydata.toml --strategy spatial --block-km 100 --distance-km 10
      mmearth-core post splits mydata.toml --strategy column --column my_split
    """  # noqa: D301
    from mmearth_core.download.folder import open_dataset
    from mmearth_core.files import writable
    from mmearth_core.post.make_splits import make_splits
    from mmearth_core.registry import discover

    source = open_dataset(config, discover())
    with source.held(), writable(source.folder.root):
        how = make_splits(source, _given(recipe))
    _warn_of_empty(how)
    return show(as_json, how, [_counts(how)])


def _given(recipe: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in recipe.items() if value is not None}


@contextmanager
def _opened(config: Path, workers: int | None) -> "Iterator[tuple[DownloadedDataset, Any, Progress]]":
    """The dataset, its workers, and a bar on standard error."""
    from mmearth_core.workers import Pool, available_cores

    with Pool(workers or available_cores()) as pool:  # its processes start while this one imports and reads
        from rich.console import Console

        from mmearth_core.download.folder import open_dataset
        from mmearth_core.files import writable
        from mmearth_core.progress import progress_bar
        from mmearth_core.registry import discover

        source = open_dataset(config, discover())
        for warning, remedy in source.warnings:
            click.echo(f"warning: {warning} {remedy}", err=True)
        with source.held(), progress_bar(Console(stderr=True)) as progress, writable(source.folder.root):
            yield source, pool, progress


@contextmanager
def _rows(config: Path, workers: int | None) -> "Iterator[tuple[RowSelection, Any, Progress]]":
    from mmearth_core.post.rows import select_rows

    with _opened(config, workers) as (source, pool, progress):
        yield select_rows(source, pool, progress), pool, progress


def _show(
    rows: "RowSelection", as_json: bool, written: "Written | None" = None, splits: Mapping[str, Any] | None = None
) -> int:
    """Says what became of the dataset's tiles, what was written, and what splits were made."""
    from mmearth_core.post.products import LEFT_OUT

    out = [{"tile_id": one.tile_id, "group": one.group, "reason": one.reason} for one in rows.left_out]
    for one in out[:_NAMED]:
        click.echo(f"left out: tile {one['tile_id']!r}, group {one['group']!r}: {one['reason']}", err=True)
    if len(out) > _NAMED:
        click.echo(f"left out: {len(out) - _NAMED:,} more, in {rows.source.file(LEFT_OUT)}", err=True)
    root = rows.source.folder.root
    facts = {"dataset": str(root), "rows": len(rows), "skipped": rows.skipped, "missing": rows.missing, "left_out": out}
    bad = len({one["tile_id"] for one in out})
    skipped, missing = counted(rows.skipped, "tile"), f"{rows.missing:,}"
    lines = [f"{counted(len(rows), 'row')}; {skipped} skipped, {missing} not downloaded, {bad:,} left out"]
    if written is not None:
        made = [layer.name for layer in written.made]
        facts |= {"layers": made, "kept": list(written.kept)}
        if written.kept:
            lines.append(f"Made {', '.join(made) or 'nothing'}; kept {', '.join(written.kept)}.")
    if splits is not None:
        facts["splits"] = splits
        lines.append(_counts(splits))
    if rows.missing:
        lines.append("Tiles not downloaded: `mmearth-core run CONFIG` goes on, with --retry-failed also those failed.")
    if out:
        lines.append("Tiles left out are downloaded again by `mmearth-core run CONFIG --retry-failed`.")
    return show(as_json, facts, [*lines, f"Dataset: {root}"], faulty=out or rows.missing)


def _warn_of_empty(how: Mapping[str, Any]) -> None:
    """A split that was to have tiles and has none would be noticed in training at the earliest."""
    made = how["made"]
    if made["strategy"] == "column":
        return
    empty = [
        part for part, share in zip(how["tiles"], made["fractions"], strict=True) if share and not how["tiles"][part]
    ]
    if empty:
        remedy = "Smaller --block-km and --distance-km help." if made["strategy"] == "spatial" else "More tiles help."
        click.echo(f"warning: there are no tiles in {' and '.join(empty)}. {remedy}", err=True)


def _counts(how: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{tiles:,} {part}" for part, tiles in how["tiles"].items())
    return f"Splits ({how['made']['strategy']}, seed {how['made']['seed']}): {counts}, {how['in_no_split']:,} in none"
