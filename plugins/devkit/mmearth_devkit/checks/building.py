"""Checks of what a modality declares, of the graphs that it builds, and of the steps of the trial."""

import difflib
import re
from collections.abc import Collection, Iterator

from mmearth_core import Band, Kind, Layer
from mmearth_core.config.schema import describe
from mmearth_devkit.trial_record import ON_PATTERN, Finding, TrialRecord

_WITHOUT_UNIT = re.compile(
    r"\b(index|indices|ratio|share|fraction|proportion|percentage|probability|score|count|number|rank|flag|one-hot|"
    r"sine|cosine|correlation|normali[sz]ed|dimensionless|unitless|(no|without( a)?) unit)\b",
    re.IGNORECASE,
)
"""Words in a description that say that a band is a number without a unit."""


_ASSET_ID = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+")


_NO_ASSET = re.compile(r"asset '[^']*' not found")
"""In Earth Engine's message for an unknown asset."""


_WITHOUT_DATA = (
    "A tile may have no data: describe a collection that may be empty with collection.toList(1).map(describe), which "
    "gives [] or [record]; then present() returns () and image() None."
)


_ON_PATTERN = (
    "There the pixels are waves, by which shifts are found, and the tile may be larger, up to the usual size. Do not "
    "depend on the values of pixels or on the size of a tile."
)


_SIMILAR = 0.8
"""Minimum similarity of an asset id to suggest it; of difflib."""


BATCH = 25
"""Tiles whose questions go into one request by default."""


MAX_REQUEST = 10_000_000
"""Maximum size of a request in bytes; Earth Engine refuses larger ones."""


def descriptions(record: TrialRecord) -> Iterator[Finding]:
    """Every layer and every band has a description."""
    for layer in record.modality.layers:
        if not layer.description.strip():
            yield _undescribed(f"layer {layer.name}", "Layer(..., description=...)")
        for band in layer.bands:
            if not band.description.strip():
                yield _undescribed(_where(layer, band), "Band(..., description=...)")


def _undescribed(where: str, code: str) -> Finding:
    return Finding("descriptions", where, "It has no description.", f"Say in one line what it contains: {code}.")


def units(record: TrialRecord) -> Iterator[Finding]:
    """Every quantity has a unit; `"1"`, which is also the default, only where the description says so."""
    for layer in record.modality.layers:
        if layer.kind is Kind.CLASSES:
            continue
        for band in layer.bands:
            is_pure = _WITHOUT_UNIT.search(f"{band.description} {layer.description}")
            if not band.unit.strip() or (band.unit == "1" and not is_pure):
                yield Finding(
                    "units",
                    _where(layer, band),
                    "It has no unit.",
                    'Declare it, e.g. Band(..., unit="m"). If the band is a number without a unit, say so in its '
                    "description with a word such as index, ratio, share, count or `no unit`.",
                )


def options(record: TrialRecord) -> Iterator[Finding]:
    """Every option has a help text."""
    for key in describe(record.modality.Options):
        if not key.help.strip():
            yield Finding(
                "options",
                f"option {key.key}",
                "It has no help text, so listings, error messages and the documentation cannot say what it does.",
                'Add one: field(default=..., metadata={"help": "..."}).',
            )


def _where(layer: Layer, band: Band) -> str:
    return f"band {layer.name}.{band.name}"


def network(record: TrialRecord) -> Iterator[Finding]:
    """No function of a modality sends anything."""
    for call in dict.fromkeys(record.calls):
        yield Finding(
            "network",
            f"{call.step}()",
            f"It sends {call.what} while it should only build a graph ({call.where}).",
            "Remove getInfo() and similar calls: put what you need to know into the object that locate() returns, and "
            "read the plain answer from `located`.",
        )


def requests(record: TrialRecord) -> Iterator[Finding]:
    """A tile costs one question in a batch and one request for pixels."""
    if record.tiles[0].asked_again:
        yield Finding(
            "requests",
            "relocate()",
            "It asks a second question for an ordinary tile, which costs one more request per tile.",
            "Put both questions into the one object of locate(), and return None from relocate() except in rare cases.",
        )
    for step, texts in record.graphs.items():
        size = len(texts[0]) * (BATCH if step == "locate" else 1)
        if size > MAX_REQUEST:
            batch = f"for a batch of {BATCH} tiles " if step == "locate" else ""
            yield Finding(
                "requests",
                f"{step}()",
                f"Its graph is {size / 1e6:.0f} MB {batch}and is refused, so batches have to be split.",
                "Let the server make lists and loops (ee.List.sequence, map) instead of writing them out.",
            )


def graph(record: TrialRecord) -> Iterator[Finding]:
    """The same tile gives the same graph, so that runs can be repeated and replayed."""
    for step, texts in record.graphs.items():
        first, second, *elsewhere = texts
        if first != second:
            yield Finding(
                "graph",
                f"{step}()",
                "Called twice for one tile, it builds two different graphs.",
                "Do not use a clock, random numbers, a counter or an object's id; take what differs between tiles "
                "from the scene.",
            )
        elif any(text != first for text in elsewhere):
            yield Finding(
                "graph",
                f"{step}()",
                "Another process builds another graph for the same tile (its hash seed differs).",
                "Do not depend on the order of a set or on hashes: sort the elements, or use a tuple.",
            )


def assets(record: TrialRecord) -> Iterator[Finding]:
    """Every asset id is well-formed and exists; for an unknown one, a similar id is suggested."""
    for asset in record.assets:
        if not _ASSET_ID.fullmatch(asset):
            yield Finding(
                "assets",
                repr(asset),
                "It is not a valid asset id.",
                "An id has two or more parts of letters, digits, `_`, `-` and `.`, separated by single slashes: "
                "`OWNER/PRODUCT/VERSION` or `projects/NAME/assets/PATH`.",
            )
        elif not record.stage.holds(asset):
            similar = similar_asset(asset, record.stage.assets())
            if similar:
                yield Finding("assets", repr(asset), "This asset does not exist.", f"Did you mean {similar!r}?")
            else:
                yield Finding(
                    "assets",
                    repr(asset),
                    "The engine of this check does not have this asset, so the modality's pixels were not checked.",
                    "If the id is right, try it on a world with a small raster under that id: "
                    "`--engine local:world.toml`, or `engine=` of check_modality (docs/worlds.md shows how).",
                )


def similar_asset(asset: str, known: Collection[str]) -> str | None:
    """The known id that is most similar to a mistyped one, ignoring case."""
    by_folded = {each.casefold(): each for each in sorted(known)}
    similar = difflib.get_close_matches(asset.casefold(), list(by_folded), n=1, cutoff=_SIMILAR)
    return by_folded[similar[0]] if similar else None


def steps(record: TrialRecord) -> Iterator[Finding]:
    """No function failed, no request was refused, and the tile has data."""
    # A failure because of an unknown asset is reported by the check `assets`.
    unknown = [asset for asset in record.assets if not record.stage.holds(asset)]
    tiles: dict[tuple[str, str], list[str]] = {}
    for failure in record.failures:
        if not any(asset in failure.problem for asset in unknown):
            tiles.setdefault((failure.step, failure.problem.rstrip(".")), []).append(failure.tile)
    for (step, problem), labels in tiles.items():
        where = step if " " in step else f"{step}()"
        if "" in labels:
            remedy = "Fix it, or choose a tile and day with data (`scene=` of check_modality)."
            yield Finding("steps", where, f"It fails: {problem}.", remedy)
        # An asset whose id is made from the place or the day may exist for the first tile only.
        elif not _NO_ASSET.search(problem):
            text = f"It fails for a tile {' and for one '.join(labels)}: {problem}."
            yield Finding("steps", where, text, _ON_PATTERN if ON_PATTERN in labels else _WITHOUT_DATA)
    if any(not failure.tile for failure in record.failures):
        return
    if record.modality.is_local():
        return
    if any(layer.is_map for layer in record.modality.layers) and record.names is None:
        yield Finding(
            "steps",
            "image()",
            "The tile has no image, so no pixels were checked.",
            "Choose a tile and day with data (`scene=` of check_modality); if there are data here, present() or "
            "image() misses them.",
        )
    elif record.raw and not any(raw.values.size for raw in record.raw):
        yield Finding(
            "steps",
            "image()",
            "Every pixel of the tile is masked, so no value was checked.",
            "Choose a tile with data, or look for a mask that hides everything.",
        )
