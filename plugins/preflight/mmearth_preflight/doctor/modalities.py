"""Checks of the configured modalities at one tile: assets, bands, types, resolution, values and assumptions."""

from collections.abc import Collection
from typing import Any

from attrs import evolve, field, frozen

from mmearth_core import Anchor, Modality, Scene
from mmearth_core.download.run import PreparedRun
from mmearth_core.download.stack import StackBand, images_by_step, is_composite, present_bands
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.text import counted
from mmearth_preflight.doctor.assets import assets_in, beyond, check_assets, described
from mmearth_preflight.doctor.findings import Findings
from mmearth_preflight.work import PLACEHOLDER, scenes, tiles_of

TRIED = 5
"""Tiles that are tried until one has an image of the anchor."""

_REMEDY = "Correct the options of the modality, or update or report its plugin."


@frozen(eq=False)
class ModalityChecks:
    """The checks of all modalities.

    Attributes:
        findings: takes the results.
        client: sends the requests.
        job: the run that is checked.
        located: what was located so far, by modality.
    """

    findings: Findings
    client: EarthClient
    job: PreparedRun
    located: dict[str, Any] = field(factory=dict)

    def run(self) -> int:
        """Checks every modality.

        Returns:
            The number of the tile, from 0, that has an anchor; the first tile if none of those tried has one.
        """
        modalities = [modality for group in self.job.groups for modality in group.modalities]
        anchor = self.job.groups[0].anchor
        candidates = scenes(tiles_of(self.job, range(min(TRIED, int(self.job.stored.tiles["count"])))))
        ordinal, scene = self._anchored(anchor, candidates)
        for modality in modalities:
            seen = evolve(scene, anchor=None) if modality is anchor else scene
            self._check(modality, seen, scene)
        return ordinal

    def _anchored(self, anchor: Modality, candidates: Collection[Scene]) -> tuple[int, Scene]:
        """The first tile for which the anchor has an image, with its anchor."""
        reasons = {}
        with self.findings.check(f"{anchor.name} anchor", _REMEDY):
            for ordinal, scene in enumerate(candidates):
                located = self._locate(anchor, scene)
                made = anchor.anchor(scene, located)
                if isinstance(made, Anchor):
                    self.located[anchor.name] = located
                    self.findings.ok(f"{anchor.name} anchor", f"tile {scene.tile_id}: {made.date}, {made.crs}")
                    return ordinal, evolve(scene, anchor=made)
                reasons[scene.tile_id] = made.reason
            text = "; ".join(f"tile {tile}: {reason}" for tile, reason in reasons.items())
            remedy = "This is normal for some tiles; if it is so for all, change the options of the anchor."
            self.findings.warn(f"{anchor.name} anchor", f"no image at the first tiles: {text}", remedy)
        first = next(iter(candidates))
        # The other modalities are checked all the same, at any date.
        zone = int((first.lon + 180) // 6) % 60 + 1
        return 0, evolve(first, anchor=Anchor(PLACEHOLDER.date, f"EPSG:{(32600 if first.lat >= 0 else 32700) + zone}"))

    def _locate(self, modality: Modality, scene: Scene) -> Any:
        """Locates a modality at a tile, as a run does."""
        located = self._value(modality.locate(scene))
        second = modality.relocate(scene, located)
        return located if second is None else self._value(second)

    def _value(self, value: Any) -> Any:
        import ee

        return self.client.compute(value, "doctor") if isinstance(value, ee.ComputedObject) else value

    def _check(self, modality: Modality, seen: Scene, scene: Scene) -> None:
        """Checks one modality.

        Args:
            modality: the modality.
            seen: the tile as the modality's `locate` is given it.
            scene: the tile with its anchor.
        """
        name, findings = modality.name, self.findings
        graphs: list[Any] = []
        with findings.check(f"{name} bands", _REMEDY):
            graphs.append(modality.locate(seen))
            if seen.anchor is not None:
                self.located[name] = self._locate(modality, seen)
            if name in self.located:
                graphs.append(self._check_image(modality, scene))
            else:
                findings.skip(f"{name} bands", "the anchor has no image at the tiles that were tried")
        with findings.check(f"{name} assets", _REMEDY):
            check_assets(findings, name, self.client, assets_in(graphs), scene)
        with findings.check(f"{name} assumptions", _REMEDY):
            for statement, value in modality.assumptions().items():
                if self._value(value):
                    findings.ok(f"{name} assumptions", statement)
                else:
                    text = f"not so: {statement}"
                    findings.fail(f"{name} assumptions", text, "The asset is another one than the plugin expects.")

    def _check_image(self, modality: Modality, scene: Scene) -> Any:
        """Checks a located modality's image and vectors; returns the tile's images, one per time step."""
        located = self.located[modality.name]
        bands = () if modality.is_local() else present_bands(modality, located)
        images = images_by_step(modality, modality.image(scene, located) if bands else None)
        if modality.is_local():
            self.findings.ok(f"{modality.name} bands", "made on this machine, without Earth Engine")
        elif images:
            step, image = images[0]  # all time steps are made in the same way
            bands = tuple(band for band in bands if band.step == step)
            self._check_bands(modality, image, bands)
            with self.findings.check(f"{modality.name} values", _REMEDY):
                self._check_values(modality, image, bands, scene)
        elif modality.map_layers():
            text = f"no image at tile {scene.tile_id}: {modality.info(located)}"
            self.findings.skip(f"{modality.name} bands", text)
        self._check_vectors(modality, located)
        return [image for _, image in images]

    def _check_bands(self, modality: Modality, image: Any, bands: Collection[StackBand]) -> None:
        """The declared bands exist, and their pixels are not larger than a tile."""
        import ee

        check, names = f"{modality.name} bands", [band.band.name for band in bands]
        pixel = self.job.stored.pixel_size
        known = {band["id"]: band for band in self.client.compute(image.select(names), "doctor")["bands"]}
        grids = {name: {"crs": known[name].get("crs"), "transform": known[name]["crs_transform"]} for name in names}
        native = [name for name in names if not is_composite(grids[name])]
        scales = [image.select([name]).projection().nominalScale() for name in native]
        metres = dict(zip(native, self.client.compute(ee.List(scales), "doctor") if scales else (), strict=True))
        types = ", ".join(dict.fromkeys(described(known[name]) for name in names))
        shown = ", ".join(f"{scale:.3g} m" for scale in sorted(set(metres.values()))) or "a composite without a grid"
        text = f"{', '.join(names)}: {types}; {shown}"
        # Products of 10 m may have pixels of degrees that are 9 m, so the declared size need not be exact.
        sizes = {each.band.name: each.band.pixel_size or pixel for each in bands if each.resampling(pixel).is_of_area}
        odd = [f"{name}, {size:g} m" for name, size in sizes.items() if not 0.7 < metres.get(name, size) / size < 1.4]
        coarse = [name for name, scale in metres.items() if scale > pixel * self.job.config.dataset.image_size]
        if coarse:
            remedy = "Set an asset of a finer resolution, or larger tiles, in the configuration."
            self.findings.warn(check, f"{text}; one pixel covers a tile: {', '.join(coarse)}", remedy)
        elif odd:
            remedy = "The pixels of the dataset average those of the declared size: set an asset that has them."
            self.findings.warn(check, f"{text}; the plugin declares another pixel size: {'; '.join(odd)}", remedy)
        else:
            self.findings.ok(check, text)

    def _check_values(self, modality: Modality, image: Any, bands: Collection[StackBand], scene: Scene) -> None:
        """The values at the tile fit the declared types."""
        import ee

        check, image = f"{modality.name} values", image.select([band.band.name for band in bands])
        scale = self.job.stored.pixel_size
        found = self.client.compute(image.reduceRegion(ee.Reducer.minMax(), scene.geometry, scale), "doctor")
        ranges = [(band, found.get(f"{band.band.name}_min"), found.get(f"{band.band.name}_max")) for band in bands]
        bad = [text for band, low, high in ranges if (text := beyond(band, low, high))]
        valid = [value for _, low, high in ranges for value in (low, high) if value is not None]
        if bad:
            self.findings.fail(check, f"{'; '.join(bad)}: they would be clamped", _REMEDY)
        elif valid:
            dtypes = ", ".join(dict.fromkeys(band.band.dtype for band in bands))
            self.findings.ok(check, f"{min(valid):g} to {max(valid):g}, in {dtypes}")
        else:
            self.findings.skip(check, f"no valid pixel in tile {scene.tile_id}")

    def _check_vectors(self, modality: Modality, located: Any) -> None:
        """The vectors have one number per band."""
        vectors = [layer for layer in modality.layers if not layer.is_map]
        values = modality.values(located) if vectors else {}
        numbers = {layer.name: len(values.get(layer.name, ())) for layer in vectors}
        declared = {layer.name: layer.steps or len(layer.bands) for layer in vectors}
        wrong = [layer for layer in vectors if numbers[layer.name] != declared[layer.name]]
        for layer in wrong:
            text = f"{layer.name}: {numbers[layer.name]} numbers, where {declared[layer.name]} are declared"
            self.findings.fail(f"{modality.name} values", text, _REMEDY)
        if vectors and not wrong:
            text = ", ".join(f"{name}: {counted(number, 'number')}" for name, number in numbers.items())
            self.findings.ok(f"{modality.name} values", text)
