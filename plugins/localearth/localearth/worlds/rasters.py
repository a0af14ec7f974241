"""The `rasters` world: assets of local rasters that a manifest lists."""

import logging
from pathlib import Path

from shapely.geometry.base import BaseGeometry

from localearth.worlds.arrays import ArrayCollection
from localearth.worlds.base import BandSource, CollectionAsset, ImageAsset
from localearth.worlds.footprint import image_footprint
from localearth.worlds.manifest import BandEntry, ConstantBand, FileBand, ImageEntry, read_manifest
from localearth.worlds.raster_bands import HandlePool, RasterBand, open_band, uniform_band

_log = logging.getLogger(__name__)


class RastersWorld:
    """The assets of a manifest.

    Every raster is opened once at the start, so that errors of the manifest are reported then. Pixels are read when a
    request needs them.

    Attributes:
        name: the manifest's name.
        assets: images and collections by id, including images in collections.
    """

    def __init__(self, manifest: Path) -> None:
        """Opens the world of a manifest.

        Raises:
            InputError: when the manifest or a raster has an error.
            SetupError: when a package with the rasters is not installed.
        """
        self._pool = HandlePool()
        self._bands: dict[BandEntry, BandSource] = {}
        self._outlines: dict[tuple[tuple[BandEntry, ...], str | None], BaseGeometry] = {}
        self.assets: dict[str, ImageAsset | CollectionAsset] = {}
        entries = read_manifest(manifest)
        self.name = entries.name
        for entry in entries.images:
            self._add_image(entry)
        for collection in entries.collections:
            members = [self._add_image(entry) for entry in collection.images]
            self.assets[collection.id] = ArrayCollection(collection.id, members, collection.properties)
        self._warn_of_scales(manifest)

    def _warn_of_scales(self, manifest: Path) -> None:
        """Warns once of all bands whose file has a scale that the manifest says nothing about."""
        found = {
            entry: band.tags
            for entry, band in self._bands.items()
            if isinstance(entry, FileBand) and isinstance(band, RasterBand) and band.tags and entry.apply_scale is None
        }
        if found:
            entry, (scale, offset) = next(iter(found.items()))
            _log.warning(
                "%s: %d band%s with a scale or an offset in the file, which is not applied, as Earth Engine does not "
                "either. The first is band %r of %s (scale %r, offset %r). Set `apply_scale = true` in the table of "
                "such a band for value * scale + offset, or `false` for the stored values without this warning.",
                *(manifest, len(found), "" if len(found) == 1 else "s", entry.name, entry.path, scale, offset),
            )

    def find(self, asset_id: str) -> ImageAsset | CollectionAsset | None:
        """The asset of that id, or None."""
        return self.assets.get(asset_id)

    def close(self) -> None:
        """Closes the rasters; a later read opens them again."""
        self._pool.close()

    def _add_image(self, entry: ImageEntry) -> ImageAsset:
        bands = self._sources(entry)
        image = ImageAsset(entry.id, dict(entry.properties), tuple(bands.values()), self._footprint(entry, bands))
        self.assets[image.id] = image
        return image

    def _sources(self, entry: ImageEntry) -> dict[str, BandSource]:
        """The image's bands by name, in order. Shared bands are opened once."""
        files: dict[str, BandSource] = {}
        for band in entry.bands:
            if isinstance(band, FileBand):
                if band not in self._bands:
                    self._bands[band] = open_band(band, self._pool, entry.table)
                files[band.name] = self._bands[band]
        return {
            band.name: uniform_band(band, files[band.like], entry.table)
            if isinstance(band, ConstantBand)
            else files[band.name]
            for band in entry.bands
        }

    def _footprint(self, entry: ImageEntry, bands: dict[str, BandSource]) -> BaseGeometry:
        if entry.footprint is not None and not isinstance(entry.footprint, str):
            return image_footprint(entry, bands)
        key = (entry.bands, entry.footprint)
        if key not in self._outlines:
            self._outlines[key] = image_footprint(entry, bands)
        return self._outlines[key]
