"""The page as HTML: collects the report's data and renders the templates."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from mmearth_curate.reading import DescribedReader

from mmearth_core.files import written_aside
from mmearth_core.layers import NOT_STATED
from mmearth_core.paths import DatasetPaths
from mmearth_core.product.hdf5_rows import count_values
from mmearth_core.product.reader import Splits
from mmearth_core.product.statistics import are_possible
from mmearth_core.progress import Progress
from mmearth_core.text import counted as in_words
from mmearth_core.text import size
from mmearth_core.workers import Pool
from mmearth_viz.preview.dataset import tile_width
from mmearth_viz.preview.legend import share
from mmearth_viz.report.charts import SPAN, TALL, BarChart, counted, months, years
from mmearth_viz.report.histograms import make_histograms, sampled_rows
from mmearth_viz.report.outcomes import Outcomes, read_outcomes
from mmearth_viz.report.sections import LayerSection, Sample, make_samples, sections
from mmearth_viz.report.summary import TileInfoSummary, read_summary
from mmearth_viz.report.world import HEIGHT, LEVELS, WIDTH, WorldMap, land, outline, world

_FEW = 40
"""Maximum number of values of a key that has a chart."""

_REASONS = 30
"""Maximum number of listed reasons for missing layers."""

_TERMS = ("licence", "attribution", "citation", "source")

_CHARTS, _DAYS = 12, 4
"""Maximum number of keys of tile_info with a chart, and of those with dates."""


@frozen
class Split:
    """One split.

    Attributes:
        name: train, val or test.
        tiles: number of tiles.
        share: share of all tiles, as text.
        world: map of the tiles.
    """

    name: str
    tiles: int
    share: str
    world: WorldMap


@frozen
class Page:
    """The contents of the page.

    Attributes:
        name: the dataset's name.
        figures: `(name, number)` at the top.
        world: map of the tiles.
        counts: charts of keys in tile_info.
        many: `(key, number of values)` of keys with too many values for a chart.
        constants: `(key, value)` of keys that are equal for all tiles.
        found: charts of the number of tiles with each image.
        missing: the most frequent `(layer, reason, tiles)`.
        layers: the layers.
        sampled: the rows in the histograms, as text.
        stats_of: the rows in the statistics, as text.
        splits: the splits.
        splits_made: `(option, value)` of the splits.
        outcomes: the outcomes of the tiles.
        samples: tiles with their pictures.
        terms: for each modality, licence, attribution, citation and source.
        versions: `(modality, distribution and version)`.
        written_by: the program that wrote the file.
    """

    name: str
    figures: Sequence[tuple[str, str]]
    world: WorldMap
    counts: Sequence[BarChart]
    many: Sequence[tuple[str, int]]
    constants: Sequence[tuple[str, str]]
    found: Sequence[BarChart]
    missing: Sequence[tuple[str, str, int]]
    layers: Sequence[LayerSection]
    sampled: str
    stats_of: str
    splits: Sequence[Split]
    splits_made: Sequence[tuple[str, str]]
    outcomes: Outcomes
    samples: Sequence[Sample]
    terms: Mapping[str, Mapping[str, str]]
    versions: Sequence[tuple[str, str]]
    written_by: str


def render(page: Page) -> str:
    """The complete page, including its style, as text."""
    environment = Environment(
        loader=PackageLoader("mmearth_viz.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["soft"] = _soft
    environment.filters["tiles"] = lambda number: in_words(number, "tile")
    drawing: Mapping[str, Any] = {
        "land": land(), "outline": outline(), "width": WIDTH, "height": HEIGHT, "levels": LEVELS,
        "span": SPAN, "tall": TALL,
    }  # fmt: skip
    return environment.get_template("page.html").render(page=page, drawing=drawing)


def _soft(text: str) -> Markup:
    """A name with possible line breaks after its underscores."""
    return Markup("_<wbr>").join(text.split("_"))


@frozen
class Report:
    """A report that was written.

    Attributes:
        path: the page.
        tiles: number of tiles of the dataset.
        rows: number of rows in the histograms.
        size: size of the page, bytes.
    """

    path: Path
    tiles: int
    rows: int
    size: int


@frozen
class ReportOptions:
    """Options of the report.

    Attributes:
        rows: number of rows in the histograms; None for all.
        samples: number of tiles shown.
        seed: seed for the choice of rows and tiles.
    """

    rows: int | None
    samples: int
    seed: int


def make_report(
    reader: DescribedReader,
    folder: DatasetPaths | None,
    path: Path,
    options: ReportOptions,
    pool: Pool,
    progress: Progress,
) -> Report:
    """Writes the page.

    Args:
        reader: the dataset.
        folder: its folder with journals; None for an HDF5 file alone.
        path: the HTML file; written under a temporary name and renamed.
        options: the options.
        pool: the worker processes that count values.
        progress: called after every step.

    Raises:
        DatasetError: when a file of the dataset cannot be read.
    """
    summary, outcomes, splits = read_summary(reader, progress), read_outcomes(reader, folder), reader.splits()
    chosen = sampled_rows(len(reader), options.rows, options.seed)
    of = "all rows"
    if len(chosen) < len(reader):
        of = f"{len(chosen):,} of {len(reader):,} rows, drawn by seed {options.seed}"
    stats = reader.band_stats() if reader.paths.band_stats.exists() else {}
    known = all(are_possible(layer, stats) for layer in reader.layers.values())
    if not known:
        stats = _count(reader, chosen, pool, progress)
    histograms = make_histograms(reader, stats, chosen, pool, progress)
    categories = summary.categories()
    page = Page(
        name=reader.paths.name,
        figures=_figures(reader, summary, outcomes),
        world=world(in_words(len(reader), "tile"), summary.lon, summary.lat),
        counts=_counts(reader, summary),
        many=[(key, len(values)) for key, values in categories.items() if len(values) > _FEW],
        constants=[(key, next(iter(values))) for key, values in categories.items() if len(values) == 1],
        found=_found(summary),
        missing=[(*key, count) for key, count in summary.missing.most_common(_REASONS)],
        layers=sections(reader, stats, histograms),
        sampled=of,
        stats_of="all rows" if known else of,
        splits=_splits(summary, splits),
        splits_made=_made(splits),
        outcomes=outcomes,
        samples=make_samples(reader, options.samples, options.seed, progress),
        terms={
            layer.modality: {name: layer.terms.get(name, NOT_STATED) for name in _TERMS}
            for layer in reader.layers.values()
        },
        versions=_versions(reader, outcomes),
        written_by=str(reader.attributes.get("written_by", "")),
    )
    with reader.file():  # refuses a file that was replaced meanwhile, as workers have opened it again
        text = render(page)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")
    return Report(path, len(reader), len(chosen), path.stat().st_size)


def _figures(reader: DescribedReader, summary: TileInfoSummary, outcomes: Outcomes) -> list[tuple[str, str]]:
    maps = sum(layer.is_map for layer in reader.layers.values())
    bands = sum(len(layer.bands) for layer in reader.layers.values() if layer.is_map)
    sizes = {layer.shape[-1] for layer in reader.layers.values() if layer.is_map}
    figures = [("tiles", f"{len(reader):,}"), ("map layers", f"{maps}"), ("their bands", f"{bands}")]
    if maps < len(reader.layers):
        figures.append(("vector layers", f"{len(reader.layers) - maps}"))
    if len(sizes) == 1:
        figures.append(("pixels per tile", f"{min(sizes)} x {min(sizes)}"))
        figures += [("a pixel", f"{reader.pixel_size:g} m"), ("width of a tile", tile_width(reader))]
    if summary.days:
        days = sorted(next(iter(summary.days.values())))
        figures.append(("months", days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"))
    figures.append(("on disk", size(reader.paths.hdf5.stat().st_size)))
    if outcomes.failed is not None:
        figures.append(("failed", f"{outcomes.failed:,}"))
    return figures


def _counts(reader: DescribedReader, summary: TileInfoSummary) -> list[BarChart]:
    charts = []
    variants, times = np.unique(reader.table.variants, return_counts=True)
    of_variant = {
        bytes(name).decode(errors="replace") or "none": int(count) for name, count in zip(variants, times, strict=True)
    }
    key = reader.table.variant_key
    if key is not None and set(of_variant) != {"none"}:
        charts.append(counted(key, of_variant))
    for position, (name, days) in enumerate(list(summary.days.items())[:_DAYS]):
        charts.append(years(days, f"{name}, by year"))
        if position == 0:  # the anchor's date; the others are close to it
            charts.append(months(days, f"{name}, by month"))
    several = [
        (name, values) for name, values in summary.categories().items() if 1 < len(values) <= _FEW and name != key
    ]
    return [*charts, *(counted(name, values) for name, values in several[:_CHARTS])]


def _found(summary: TileInfoSummary) -> list[BarChart]:
    return [counted("Tiles with data, by key of BANDS", summary.found, most=40)] if summary.found else []


def _splits(summary: TileInfoSummary, splits: Splits | None) -> list[Split]:
    if splits is None:
        return []
    return [
        Split(
            name,
            len(rows),
            share(len(rows) / max(1, len(summary.lon))),
            world(f"{name}: {in_words(len(rows), 'tile')}", summary.lon[rows], summary.lat[rows]),
        )
        for name, rows in splits.parts.items()
    ]


def _made(splits: Splits | None) -> list[tuple[str, str]]:
    made: Any = splits.made if splits is not None else None
    if not isinstance(made, dict):
        return []
    return [
        (key.replace("_", " "), value if isinstance(value, str) else json.dumps(value)) for key, value in made.items()
    ]


def _versions(reader: DescribedReader, outcomes: Outcomes) -> list[tuple[str, str]]:
    versions = {layer.modality: layer.plugin for layer in reader.layers.values()}
    if outcomes.stored is not None:
        versions |= outcomes.stored.plugins
    return sorted(versions.items())


def _count(reader: DescribedReader, rows: Sequence[int], pool: Pool, progress: Progress) -> dict[str, Any]:
    """Band statistics of some rows, for a dataset without a file of complete band statistics."""
    layers = list(reader.layers.values())
    return count_values(reader.paths.hdf5, layers, rows, reader.image_size, pool.map, progress)
