"""The page of each installed modality: layers, bands, options, assets and terms of use from its plugin."""

import inspect
from collections.abc import Iterator

from configuration_page import options_table, table, usable_registry

from mmearth_core.contract.bands import Band, Layer
from mmearth_core.contract.modality import Modality
from mmearth_core.registry import Registered

KINDS = {
    "regression": "a map of quantities, shape (rows, bands, size, size)",
    "classes": "a map of classes, shape (rows, bands, size, size)",
    "vector": "numbers per tile, shape (rows, bands)",
}
"""The kinds of layers, in words."""

MANY = 40
"""Of a layer with more bands than this, such as a one-hot vector, only the first and last ones are shown."""


def modality_pages() -> dict[str, str]:
    """The page of each installed modality, by its path under docs/."""
    registry = usable_registry()
    return {f"modalities/{name}.md": "\n".join(_page(entry)) for name, entry in registry.modalities.items()}


def _page(entry: Registered[Modality]) -> Iterator[str]:
    declared = entry.declared
    cls = declared if isinstance(declared, type) else type(declared)
    # The first paragraph is for users; the rest of the docstring describes `located`, for authors.
    yield from (f"# {entry.name}", "", (inspect.getdoc(cls) or "").partition("\n\n")[0], "")
    yield from table(
        ("package", f"`{entry.origin.distribution}` {entry.origin.version}"),
        ("can be the anchor", "yes" if declared.can_anchor() else "no"),
        ("variants", ", ".join(declared.variants) or "none"),
        ("Earth Engine assets", ", ".join(f"`{asset}`" for asset in declared.assets) or "none"),
        ("licence of the data", declared.licence or "not stated"),
        ("required attribution", declared.attribution or "not stated"),
        ("citation", declared.citation or "not stated"),
        ("source", f"<{declared.source}>" if declared.source else "not stated"),
    )
    yield from _options(entry)
    yield from ("## Layers", "")
    if not declared.layers:
        yield "None: it provides dates and grids, but no data."
    for layer in declared.layers:
        yield from _layer(layer)


def _options(entry: Registered[Modality]) -> Iterator[str]:
    yield from ("## Options", "", f"The keys of `[modalities.{entry.name}]`.", "")
    yield from options_table(entry.options_class, entry.default_options)


def _layer(layer: Layer) -> Iterator[str]:
    yield from (f"### {layer.name}", "", f"{layer.description or layer.name}: {KINDS[layer.kind]}.", "")
    steps = [] if layer.steps is None else [("time steps", str(layer.steps))]
    yield from table(("type", f"`{layer.dtype}`"), ("no-data", f"`{layer.nodata}`"), *steps)
    bands = list(layer.bands)
    shown = bands if len(bands) <= MANY else [*bands[:3], bands[-1]]
    if len(shown) < len(bands):
        yield from (f"{len(bands)} bands, of which the first three and the last are:", "")
    rows = [(f"`{band.name}`", _unit(band), band.description, str(band.resampling)) for band in shown]
    yield from table(("band", "unit", "what it is", "resampled"), *rows)
    for band in shown:
        if band.classes:
            yield from (f"Classes of `{band.name}`:", "")
            yield from table(
                ("value", "name", "colour"), *((str(c.value), c.name, _patch(c.colour)) for c in band.classes)
            )


def _unit(band: Band) -> str:
    return "" if band.classes else band.unit


def _patch(colour: str) -> str:
    return f'<span style="background:{colour}; padding:0 .8em; border:1px solid #888"></span> `{colour}`'
