"""Gathers everything that the page tells, step by step, and writes it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen
from mmearth_curate.derive.splits import Membership, read_json, read_splits

from mmearth_core.files import written_aside
from mmearth_core.progress import Progress
from mmearth_core.text import counted as in_words
from mmearth_core.text import size
from mmearth_core.workers import Pool
from mmearth_viz.preview.album import Album
from mmearth_viz.preview.legend import share
from mmearth_viz.report.charts import BarChart, counted, months, years
from mmearth_viz.report.histograms import make_histograms, make_statistics, sampled_rows
from mmearth_viz.report.layers import sections
from mmearth_viz.report.outcomes import Outcomes, read_outcomes
from mmearth_viz.report.page import Page, Split, render
from mmearth_viz.report.samples import make_samples
from mmearth_viz.report.told import TileInfoSummary, read_told
from mmearth_viz.report.world import world

_FEW = 40
"""Values of a key up to which it has a chart."""


_REASONS = 30
"""Reasons for missing layers that are listed."""


_CHARTS, _DAYS = 12, 4
"""Keys of tile_info that have a chart, and of these those that hold days."""


@frozen
class Written:
    """What became of it.

    Attributes:
        path: the page.
        tiles: of the dataset.
        rows: of which the histograms are.
        size: of the page, bytes.
    """

    path: Path
    tiles: int
    rows: int
    size: int


def make_report(
    album: Album, path: Path, rows: int | None, samples: int, seed: int, pool: Pool, progress: Progress
) -> Written:
    """Writes the page.

    Args:
        album: the dataset.
        path: the HTML file, written aside and renamed.
        rows: on how many rows the histograms are; None for all.
        samples: how many tiles are shown.
        seed: by which rows and tiles are drawn.
        pool: counts.
        progress: is told of every step.

    Raises:
        DatasetError: when a file of the dataset cannot be read.
    """
    told = read_told(album, progress)
    outcomes = read_outcomes(album)
    chosen = sampled_rows(len(album), rows, seed)
    of = "all rows" if len(chosen) == len(album) else f"{len(chosen):,} of {len(album):,} rows, drawn by seed {seed}"
    known = album.files.band_stats.exists()
    stats = read_json(album.files.band_stats, dict) if known else make_statistics(album, chosen, pool, progress)
    histograms = make_histograms(album, stats, chosen, pool, progress)
    splits = read_splits(album.files, album.ids())
    categories = told.categories()
    page = Page(
        name=album.name,
        figures=_figures(album, told, outcomes),
        world=world(in_words(len(album), "tile"), told.lon, told.lat),
        counts=_counts(album, told),
        many=[(key, len(values)) for key, values in categories.items() if len(values) > _FEW],
        constants=[(key, next(iter(values))) for key, values in categories.items() if len(values) == 1],
        found=_found(told),
        missing=[(*key, count) for key, count in told.missing.most_common(_REASONS)],
        layers=sections(album, stats, histograms),
        sampled=of,
        stats_of="all rows" if known else of,
        splits=_splits(album, told, splits),
        splits_made=_made(splits),
        outcomes=outcomes,
        samples=make_samples(album, samples, seed, progress),
        versions=_versions(album, outcomes),
        written_by=_written_by(album),
    )
    text = render(page)
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")
    return Written(path, len(album), len(chosen), path.stat().st_size)


def _figures(album: Album, told: TileInfoSummary, outcomes: Outcomes) -> list[tuple[str, str]]:
    maps = sum(layer.is_map for layer in album.layers.values())
    bands = sum(len(layer.bands) for layer in album.layers.values() if layer.is_map)
    sizes = {layer.shape[-1] for layer in album.layers.values() if layer.is_map}
    figures = [("tiles", f"{len(album):,}"), ("map layers", f"{maps}"), ("their bands", f"{bands}")]
    if maps < len(album.layers):
        figures.append(("vector layers", f"{len(album.layers) - maps}"))
    if len(sizes) == 1:
        figures.append(("pixels a tile", f"{min(sizes)} x {min(sizes)}"))
    if told.days:
        days = sorted(next(iter(told.days.values())))
        figures.append(("months", days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"))
    figures.append(("on disk", size(album.files.hdf5.stat().st_size)))
    if outcomes.failed is not None:
        figures.append(("failed", f"{outcomes.failed:,}"))
    return figures


def _counts(album: Album, told: TileInfoSummary) -> list[BarChart]:
    charts = []
    variants, times = np.unique(album.table.variants, return_counts=True)
    of_variant = {
        bytes(name).decode(errors="replace") or "none": int(count) for name, count in zip(variants, times, strict=True)
    }
    key = album.table.variant_key
    if key is not None and set(of_variant) != {"none"}:
        charts.append(counted(key, of_variant))
    for place, (name, days) in enumerate(list(told.days.items())[:_DAYS]):
        charts.append(years(days, f"{name}, by year"))
        if place == 0:  # the anchor's day, of which the others are near
            charts.append(months(days, f"{name}, by month"))
    several = [(name, values) for name, values in told.categories().items() if 1 < len(values) <= _FEW and name != key]
    return [*charts, *(counted(name, values) for name, values in several[:_CHARTS])]


def _found(told: TileInfoSummary) -> list[BarChart]:
    return [counted("Tiles with data, by what BANDS tells apart", told.found, most=40)] if told.found else []


def _splits(album: Album, told: TileInfoSummary, splits: Membership | None) -> list[Split]:
    if splits is None:
        return []
    return [
        Split(
            name,
            len(rows),
            share(len(rows) / max(1, len(album))),
            world(f"{name}: {in_words(len(rows), 'tile')}", told.lon[rows], told.lat[rows]),
        )
        for name, rows in splits.parts.items()
    ]


def _made(splits: Membership | None) -> list[tuple[str, str]]:
    made: Any = splits.made if splits is not None else None
    if not isinstance(made, dict):
        return []
    return [
        (key.replace("_", " "), value if isinstance(value, str) else json.dumps(value)) for key, value in made.items()
    ]


def _versions(album: Album, outcomes: Outcomes) -> list[tuple[str, str]]:
    told = {layer.modality: layer.plugin for layer in album.layers.values()}
    if outcomes.effective is not None:
        told |= outcomes.effective.plugins
    return sorted(told.items())


def _written_by(album: Album) -> str:
    with album.files.open() as file:
        return str(file.attrs.get("written_by", ""))
