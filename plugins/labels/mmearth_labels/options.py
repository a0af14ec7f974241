"""The options of `[modalities.labels]`, and the layers that follow from them."""

import math
from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen
from attrs.validators import ge

from mmearth_core import Band, ClassLabel, Kind, Layer, Preview, Resampling

RASTERS = (".tif", ".tiff", ".vrt")
VECTORS = (".gpkg", ".geojson", ".json", ".fgb")

_NODATA = {"uint8": 255, "int8": -128, "uint16": 65535, "int16": -32768, "float32": math.nan}


@frozen
class LabelClass:
    """One class: a table in the list `classes`."""

    value: int
    name: str
    colour: str = "#808080"


@frozen
class LabelLayer:
    """`[modalities.labels.layers.NAME]`: one layer of the dataset, from one band or one column of a file."""

    file: str
    kind: Literal["classes", "regression"] = "classes"
    band: int = field(default=1, validator=ge(1))
    source_nodata: float | None = None
    source_layer: str | None = None
    column: str | None = None
    background: float | None = None
    all_touched: bool = False
    classes: tuple[LabelClass, ...] = ()
    dtype: Literal["uint8", "int8", "uint16", "int16", "float32"] | None = None
    nodata: float | None = None
    resampling: Literal["nearest", "bilinear"] | None = None
    unit: str = "1"
    description: str = ""
    shown: tuple[float, float] | None = None

    @property
    def suffix(self) -> str:
        """The ending of the file's name, in lower case."""
        return "." + self.file.rpartition(".")[2].lower()

    @property
    def is_vector(self) -> bool:
        """Whether the file has polygons, and not pixels."""
        return self.suffix in VECTORS

    def check(self) -> None:
        """Refuses keys that do not go together.

        Raises:
            ValueError: names the key, what was found and what is allowed.
        """
        if self.suffix not in RASTERS + VECTORS:
            raise ValueError(f"file: found {self.file!r}; allowed are names that end in {', '.join(RASTERS + VECTORS)}")
        wrong = {"source_nodata": self.source_nodata, "resampling": self.resampling}
        kind, needed = "polygons", "pixels"
        if not self.is_vector:
            wrong = {"source_layer": self.source_layer, "column": self.column, "background": self.background}
            kind, needed = needed, kind
        for key, value in wrong.items():
            if value is not None:
                raise ValueError(f"{key}: {self.file!r} has {kind}, and this key is for {needed}. Delete the line")
        if self.shown is not None and not self.shown[0] < self.shown[1]:
            raise ValueError(f"shown: found {list(self.shown)}; the first number must be below the second")

    def layer(self, name: str) -> Layer:
        """The layer of the dataset.

        Raises:
            DeclarationError: classes, dtype, no-data and resampling do not fit each other.
        """
        kind = Kind(self.kind)
        dtype = self.dtype or ("uint8" if kind is Kind.CLASSES else "float32")
        band = Band(
            "label" if kind is Kind.CLASSES else "value",
            dtype,
            _NODATA[dtype] if self.nodata is None else self.nodata,
            unit=self.unit,
            description=self.description or f"from {self.file.rpartition('/')[2]}",
            resampling=Resampling(self.resampling or ("nearest" if kind is Kind.CLASSES else "bilinear")),
            classes=[ClassLabel(each.value, each.name, each.colour) for each in self.classes],
        )
        highest = max((each.value for each in self.classes), default=255)
        shown = self.shown or ((min(0, highest - 1), highest) if kind is Kind.CLASSES else None)
        preview = Preview((band.name,), *shown) if shown else None
        return Layer(name, [band], kind=kind, description=self.description, preview=preview)


@frozen
class LabelsOptions:
    """`[modalities.labels]`."""

    layers: Mapping[str, LabelLayer] = field(
        factory=dict, metadata={"help": "a table for each layer, [modalities.labels.layers.NAME]; at least one"}
    )
    sha256: Mapping[str, str] | None = field(
        default=None,
        metadata={"help": "SHA-256 of each layer's file; a run computes it and keeps it with the dataset"},
    )
    licence: str = field(default="", metadata={"help": "the terms of the labels, which are passed on with the dataset"})
    attribution: str = field(default="", metadata={"help": "the text that these terms require of those who use them"})
    citation: str = field(default="", metadata={"help": "the reference to cite for the labels"})
    source: str = field(default="", metadata={"help": "a link to the labels"})

    def __attrs_post_init__(self) -> None:
        for name, layer in self.layers.items():
            try:
                layer.check()
                layer.layer(name)
            except ValueError as error:
                raise ValueError(f"layers.{name}.{error}") from error
