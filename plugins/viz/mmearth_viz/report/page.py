"""The page as HTML: what the templates are filled with, and nothing that they would have to compute."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mmearth_core.text import counted
from mmearth_viz.report.charts import SPAN, TALL, BarChart
from mmearth_viz.report.layers import LayerSection
from mmearth_viz.report.outcomes import Outcomes
from mmearth_viz.report.samples import Sample
from mmearth_viz.report.world import HEIGHT, LEVELS, WIDTH, WorldMap, land, outline


@frozen
class Split:
    """One split.

    Attributes:
        name: train, val or test.
        tiles: how many.
        share: of all tiles, in words.
        world: where they are.
    """

    name: str
    tiles: int
    share: str
    world: WorldMap


@frozen
class Page:
    """Everything on the page.

    Attributes:
        name: the dataset's.
        figures: `(what, number)` that stand at the top.
        world: where the tiles are.
        counts: charts of what tile_info tells.
        many: `(key, how many values)` of keys that have too many for a chart.
        constants: `(key, value)` that are the same for every tile.
        found: for how many tiles each image was found.
        missing: `(layer, reason, tiles)`, the most frequent ones.
        layers: the layers.
        sampled: on which rows the histograms are, in words.
        stats_of: on which rows the statistics are, in words.
        splits: the splits.
        splits_made: how they were made, `(what, how)`.
        outcomes: how the tiles ended.
        samples: tiles with their pictures.
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
    versions: Sequence[tuple[str, str]]
    written_by: str


def render(page: Page) -> str:
    """The whole page, with its style, in one text."""
    environment = Environment(
        loader=PackageLoader("mmearth_viz.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["soft"] = _soft
    environment.filters["tiles"] = lambda number: counted(number, "tile")
    drawing: Mapping[str, Any] = {
        "land": land(), "outline": outline(), "width": WIDTH, "height": HEIGHT, "levels": LEVELS,
        "span": SPAN, "tall": TALL,
    }  # fmt: skip
    return environment.get_template("page.html").render(page=page, drawing=drawing)


def _soft(text: str) -> Markup:
    """A name that may be broken after its underscores."""
    return Markup("_<wbr>").join(text.split("_"))
