"""Asks the engine whether the images that the journals record still exist."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import chain
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from mmearth_core import Anchor
from mmearth_core.budget import SharedBudget
from mmearth_core.config.schema import Config, load_config
from mmearth_core.download.folder import (
    DownloadedDataset,
    Group,
    LocatedTile,
    Outcome,
    PluginCallError,
    Tile,
    TileOutcome,
    call,
    images_of,
    split_on_refusal,
)
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import DatasetError, NoAnswerError
from mmearth_core.progress import Progress
from mmearth_core.registry import Registry, engine_of
from mmearth_core.workers import batches
from mmearth_curate.verify.findings import Finding, Report, Severity

CHECK = "images"

_GONE = (
    "What was downloaded stays valid. If the image is gone for good, the tile would get another one when it is "
    "downloaded again, and so would a dataset that is built again."
)
_LATER = "Verify again later."


@frozen(eq=False)
class RecordedImage:
    """The image of a modality of a tile.

    Attributes:
        tile_id: the tile.
        modality: the modality.
        names: the names of the bands that were downloaded, as a server-side object; to compute it, the server opens
            the image, and reads no pixels.
    """

    tile_id: str
    modality: str
    names: Any


@define(eq=False)
class ImagesCheck:
    """Asks for all images that the journals record.

    Attributes:
        report: the dataset; gets the findings.
        source: its journals and modalities.
        config: names the engine and the budget.
        client: sends the requests.
    """

    report: Report
    source: DownloadedDataset
    config: Config
    client: EarthClient
    _groups: Mapping[str, Group] = field(init=False)

    def __attrs_post_init__(self) -> None:
        modalities = self.source.modalities
        self._groups = {
            name: Group(name, tuple(modalities[each] for each in members), self.source.anchor)
            for name, members in self.source.stored.groups.items()
        }

    def run(self, progress: Progress) -> None:
        """Asks for all images; batches of tiles at the same time, as in a run."""
        self.report.images = done = 0
        total, options = int(self.source.stored.tiles["count"]), self.config.run
        with ThreadPoolExecutor(options.max_concurrent) as pool:
            for part in batches(self._tiles(), options.batch_size * options.max_concurrent):
                images = [list(self._images(*tile)) for tile in part]
                self.report.images += sum(map(len, images))
                requests = [list(chain.from_iterable(batch)) for batch in batches(images, options.batch_size)]
                for findings in pool.map(self._ask, requests):
                    self.report.add(findings)
                done += len(part)
                progress("asking for images", done, total)

    def _images(self, tile: Tile, entries: Mapping[str, TileOutcome]) -> Iterator[RecordedImage]:
        """The recorded images of a tile, in every group that is done."""
        for name, group in self._groups.items():
            if name not in entries or entries[name].outcome is not Outcome.DONE:
                continue
            record = entries[name].record
            try:
                fields = record["anchor"]
                anchor = Anchor(dt.date.fromisoformat(fields["date"]), fields["crs"], fields.get("variant"))
                for modality, image, bands in images_of(group, LocatedTile(tile, anchor, record["located"])):
                    names = call(modality, "image", _band_names, image, [band.band.name for band in bands])
                    yield RecordedImage(tile.tile_id, modality.name, names)
            except (PluginCallError, KeyError, TypeError, ValueError) as error:
                message = f"Group {name!r}: the recorded images cannot be asked for: {error}."
                remedy = "Repair the plugin, or restore the journal from a copy."
                self.report.add([Finding(Severity.FAULT, CHECK, message, remedy, tile_id=tile.tile_id)])

    def _tiles(self) -> Iterator[tuple[Tile, Mapping[str, TileOutcome]]]:
        for partition in self.source.partitions():
            with suppress(DatasetError):  # a damaged journal is reported with the journals
                yield from self.source.outcomes(partition)

    def _ask(self, images: Sequence[RecordedImage]) -> list[Finding]:
        import ee

        def request(part: Sequence[int]) -> Any:
            return self.client.compute(ee.List([images[index].names for index in part]), "recorded images")

        findings = []
        for index, answer in split_on_refusal(range(len(images)), request):
            if isinstance(answer, Exception):
                was_answered = not isinstance(answer, NoAnswerError)
                severity, remedy = (Severity.FAULT, _GONE) if was_answered else (Severity.WARNING, _LATER)
                image = images[index]
                message = f"Modality {image.modality!r}: {str(answer).rstrip('.')}."
                findings.append(Finding(severity, CHECK, message, remedy, tile_id=image.tile_id))
        return findings


def _band_names(image: Any, bands: Sequence[str]) -> Any:
    return image.select(bands).bandNames()


def check_images(report: Report, target: Path, registry: Registry, progress: Progress) -> None:
    """Asks the configured engine for every recorded image, within the budget of the dataset.

    Raises:
        EngineError: when the engine cannot be used.
        RunStoppedError: when no request can succeed any more.
        DatasetError: when the folder of the budget cannot be written.
    """
    source, config = report.source, load_config(target)
    assert source is not None
    options = config.run
    engine = engine_of(registry, options.engine, config.engines, str(config.source))
    client = EarthClient(engine, options, workload_tag=config.workload_tag)
    try:
        budget = SharedBudget(config.budget, options.max_concurrent, options.requests_per_second)
    except OSError as error:
        raise DatasetError(
            f"{config.budget} cannot be written: {error.strerror}. Processes share their requests there: fix the "
            "permissions, or set `budget` in [run]."
        ) from error
    with closing(budget):
        client.sender.use_budget(budget)
        ImagesCheck(report, source, config, client).run(progress)
    report.requests = client.meter.requests.total()
