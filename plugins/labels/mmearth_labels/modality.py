"""The modality `labels`: the user's own rasters and polygons on the grid of each tile, without a request."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from attrs import evolve

from mmearth_core import Band, Grid, Kind, Layer, Modality, Preview, Scene
from mmearth_labels.options import LabelsOptions

if TYPE_CHECKING:
    from mmearth_labels.source import LabelFile

_ONE_AT_A_TIME = threading.Lock()
"""pyogrio and rasterio hide warnings by changing the filters of all threads, which must not happen twice at once."""


class Labels(Modality):
    """Labels from the user's own files.

    `located` is `{layer: {"file", "sha256", "covers"}}`; `covers` says whether the tile touches the file's extent.
    """

    name = "labels"
    api_version = 1
    # What a dataset without an option would have; the options replace it.
    layers = (
        Layer(
            "labels",
            [Band("label", "uint8", 255, description="a label from a file of yours")],
            kind=Kind.CLASSES,
            description="labels of your own",
            preview=Preview(("label",), low=0, high=255),
        ),
    )
    Options = LabelsOptions

    def __init__(self, options: LabelsOptions | None = None) -> None:
        super().__init__(options)
        self._files: dict[str, LabelFile] = {}
        if self.options.layers:
            self.layers = tuple(layer.layer(name) for name, layer in self.options.layers.items())
        self.licence, self.attribution = self.options.licence, self.options.attribution
        self.citation, self.source = self.options.citation, self.options.source

    def prepared(self, folder: Path) -> Self:
        """Opens and checks all files, and completes the options by their digests."""
        # Imported here: geopandas takes half a second, and every command imports all plugins.
        from mmearth_labels.rasters import RasterFile
        from mmearth_labels.vectors import VectorFile

        if not self.options.layers:
            raise ValueError("layers: there is none; add a table [modalities.labels.layers.NAME] with the key `file`")
        files, digests = {}, {}
        for layer in self.layers:
            options = self.options.layers[layer.name]
            path = folder / Path(options.file).expanduser()
            try:
                files[layer.name] = (VectorFile if options.is_vector else RasterFile).open(path, options, layer)
            except ValueError as error:
                raise ValueError(f"layers.{layer.name}.{error}") from error
            digests[layer.name] = files[layer.name].digest()
        for name, stated in (self.options.sha256 or {}).items():
            if digests.get(name) != stated:
                raise ValueError(f"sha256.{name}: found {stated}; the file's digest is {digests.get(name)}")
        twin = type(self)(evolve(self.options, sha256=digests))
        twin._files = files
        return twin

    def locate(self, scene: Scene) -> dict[str, Any]:
        """The files, and whether they cover the tile."""
        return {
            name: {
                "file": self.options.layers[name].file,
                "sha256": (self.options.sha256 or {})[name],
                "covers": file.covers("EPSG:4326", scene.polygon.bounds),
            }
            for name, file in self._files.items()
        }

    def pixels(self, scene: Scene, grid: Grid) -> dict[str, Any]:
        """The labels of all layers; a layer whose file does not cover the tile is left out."""
        with _ONE_AT_A_TIME:
            return {name: [file.burn(grid)] for name, file in self._files.items() if file.covers(grid.crs, grid.bounds)}

    def info(self, located: Any) -> Mapping[str, Any]:
        """The files, and why a layer has no label."""
        files = {name: {"file": each["file"], "sha256": each["sha256"]} for name, each in located.items()}
        outside = {name: f"the tile is outside {each['file']}" for name, each in located.items() if not each["covers"]}
        empty = {name: f"{each['file']} has no label in the tile" for name, each in located.items() if each["covers"]}
        return {"LABELS": files, **({"MISSING": outside} if outside else {}), **({"MASKED": empty} if empty else {})}
