"""Computes again what follows from the journals and tiles.gpkg: anchors, grids, and the entries of tile_info."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, evolve, field

from mmearth_core import Anchor
from mmearth_core.download.folder import DatasetRow, DownloadedDataset, PluginCallError, Tile, TileOutcome, call
from mmearth_core.download.tile_info import row_entry
from mmearth_core.errors import DatasetError, TilesError
from mmearth_core.json_files import JSONFileError
from mmearth_core.tiles.grid import tile_grid
from mmearth_curate.strict_json import Parsed, read_entries
from mmearth_curate.verify.findings import Finding, Report, Severity

CHECK = "tile_info"

_CORE = {"CRS", "lat", "lon", "NO_DATA", "GRID", "SHA256", "TILE"}
"""The keys of tile_info that no plugin gives."""

_FORMER = "VERSIONS"
"""A key of tile_info that only older versions wrote, which repeated more in every entry than is written now."""

_REWORDED = {"BANDS", "MISSING"}
"""Keys of which the modalities gave other names or texts in those versions."""

_LISTED = 5
_INFO = "Write it again with `mmearth-core post info`."
_OTHER_VERSION = (
    "Another version of the plugin may give other values than the one that the dataset was downloaded with; "
    "`mmearth-core post info` writes those of the installed one."
)
_JOURNAL = (
    "The journal or tiles.gpkg was changed. Restore it from a copy; or delete the tile's line, and `mmearth-core run` "
    "downloads the tile again."
)


def check_outcome(report: Report, tile: Tile, group: str, entry: TileOutcome) -> Iterator[Finding]:
    """Checks the anchor and the grid that a journal has of a done tile.

    Args:
        report: the dataset.
        tile: the tile, as in tiles.gpkg.
        group: the group whose journal it is.
        entry: the journal's entry.
    """
    source, stored = report.source, entry.record["anchor"]
    assert source is not None
    expected = grid = None
    try:
        crs = str(stored.get("crs"))
        computed = tile_grid(tile.polygon, crs, source.image_size, source.stored.pixel_size, source.stored.origin)
        grid = {"crs": crs, "transform": list(computed.affine)[:6], "size": computed.size}
        modality = source.anchor
        if modality.name in source.stored.groups[group]:
            anchor = call(modality, "anchor", modality.anchor, tile.scene(), entry.record["located"][modality.name])
            expected = anchor.to_json() if isinstance(anchor, Anchor) else {"skipped": str(anchor)}
    except (TilesError, PluginCallError, KeyError) as error:
        problem = f"nothing is recorded of {error}" if isinstance(error, KeyError) else str(error).rstrip(".")
        yield _of_tile("journals", tile, f"Group {group!r}: {problem}.", _JOURNAL)
    pairs = [("anchor", stored, expected, report.plugin_severity), ("grid", entry.record["grid"], grid, Severity.FAULT)]
    for name, found, wanted, severity in pairs:
        if wanted is not None and found != wanted:
            message = f"Group {group!r}: {_listed(name, found, wanted)}."
            remedy = _JOURNAL if severity is Severity.FAULT else _OTHER_VERSION
            yield _of_tile("journals", tile, message, remedy, severity)


def _of_tile(
    check: str, tile: Tile, message: str, remedy: str, severity: Severity = Severity.FAULT, row: int | None = None
) -> Finding:
    return Finding(severity, check, message, remedy, row, tile.tile_id)


@define(eq=False)
class EntriesCheck:
    """Compares the entries of tile_info with those that `post` would write, with one in memory at a time.

    Attributes:
        report: the dataset.
    """

    report: Report
    _source: DownloadedDataset = field(init=False)
    _stream: Iterator[tuple[str, Parsed]] = field(init=False)
    _row: int = -1
    _entry: Any = None

    def __attrs_post_init__(self) -> None:
        source = self.report.source
        assert source is not None
        # Of a group that was added after the file was written, tile_info says nothing yet.
        made = {layer.modality for layer in source.layers if layer.name in self.report.layers}
        layers = tuple(layer for layer in source.layers if layer.modality in made)
        modalities = {name: each for name, each in source.modalities.items() if name in made or not each.layers}
        self._source = evolve(source, layers=layers, modalities=modalities)
        self._stream = read_entries(self.report.reader.paths.tile_info)

    def findings(self, row: int, journal: DatasetRow) -> Iterator[Finding]:
        """Compares the entry of a row; rows must be given in ascending order."""
        stored = self._read(row)
        if not isinstance(stored, Mapping):
            return
        try:
            # As JSON, which has no tuples, and only texts as keys.
            expected = json.loads(json.dumps(row_entry(self._source, journal)))
        except DatasetError as error:
            problem = f"The entry cannot be made again: {str(error).rstrip('.')}."
            yield _of_tile(CHECK, journal.tile, problem, "Repair the plugin.", row=row)
            return
        is_former = _FORMER in stored and _FORMER not in expected
        listed: dict[Severity, list[str]] = {}
        for key, found, wanted in differences(stored, expected):
            head = key.partition(".")[0]
            if is_former and (wanted is ... or head == "NO_DATA"):
                continue
            is_plugins = Severity.WARNING if is_former and head in _REWORDED else self.report.plugin_severity
            severity = Severity.FAULT if head in _CORE else is_plugins
            listed.setdefault(severity, []).append(_difference(key, found, wanted))
        for severity, texts in listed.items():
            more = f"; and {len(texts) - _LISTED} more keys" if len(texts) > _LISTED else ""
            remedy = _INFO if severity is Severity.FAULT else _OTHER_VERSION
            yield _of_tile(CHECK, journal.tile, f"{'; '.join(texts[:_LISTED])}{more}.", remedy, severity, row)

    def _read(self, row: int) -> Any:
        """The entry of a row; None without one, or if the file is in another order."""
        try:
            while self._row < row:
                tile_id, parsed = next(self._stream)
                found = self.report.reader.table.row_of(tile_id)
                if found is not None and found > self._row:
                    self._row, self._entry = found, parsed.value
        except (StopIteration, JSONFileError):  # what is wrong with the file is reported by another check
            self._row, self._entry = len(self.report.reader), None
        return self._entry if self._row == row else None


def differences(found: Any, wanted: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Each key, with dots between levels, whose values differ, with both values; `...` for one that is missing."""
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        for name in dict.fromkeys((*wanted, *found)):
            yield from differences(found.get(name, ...), wanted.get(name, ...), f"{key}.{name}" if key else name)
    # Python takes 1, 1.0 and True for equal; in JSON the last one is another value.
    elif found != wanted or isinstance(found, bool) != isinstance(wanted, bool):
        yield key, found, wanted


def _listed(name: str, found: Any, wanted: Any) -> str:
    each = [_difference(key, own, other) for key, own, other in differences(found, wanted, name)]
    return "; ".join(each[:_LISTED])


def _difference(key: str, found: Any, wanted: Any) -> str:
    if found is ...:
        return f"{key} is missing; expected: {_short(wanted)}"
    if wanted is ...:
        return f"{key} is {_short(found)}; it should not be there"
    return f"{key} is {_short(found)}; expected: {_short(wanted)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else f"{text[:97]}..."
