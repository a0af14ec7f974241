"""What a layer's values are made of, as a checksum: by it a later `post` knows which layers are still right."""

import hashlib
import json
from collections.abc import Mapping

from mmearth_core.download.journal import Entry
from mmearth_core.post.source import Row, Source

_sorted_json = json.JSONEncoder(sort_keys=True).encode
"""Made once, as `json.dumps` would make it anew for every tile."""


class Provenance:
    """For each group, a checksum over the stacks and scenes of all rows, and so over the rows themselves."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._sums = {group: hashlib.sha256() for group in source.effective.groups}

    def add(self, row: Row) -> None:
        """Counts in the next row."""
        self.add_part(row.tile.tile_id, row.variant, row.entries)

    def add_part(self, tile_id: str, variant: str | None, entries: Mapping[str, Entry]) -> None:
        """Counts in what there is of the next row, for those groups whose entry is known.

        Args:
            tile_id: whose row.
            variant: the anchor's.
            entries: its journal entries, by group.
        """
        for group, entry in entries.items():
            made_of = [tile_id, variant, entry.record.get("sha256"), entry.record["located"]]
            self._sums[group].update(hashlib.sha256(_sorted_json(made_of).encode()).digest())

    def of(self, modality: str) -> str:
        """The checksum of a modality's layers over the rows so far."""
        return self._sums[self._source.group_of(modality)].hexdigest()
