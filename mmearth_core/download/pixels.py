"""The pixels of a tile: fetched, checked and laid out; requests that are too large are split."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from mmearth_core.contract.bands import Layer
from mmearth_core.contract.grid import PIXEL, Grid
from mmearth_core.contract.modality import Modality, Scene
from mmearth_core.download.journal import Outcome, TileOutcome
from mmearth_core.download.locate import MASKED, LocatedTile, PluginCallError, call, images_of, info_of, not_done
from mmearth_core.download.stack import (
    StackBand,
    encode_stack,
    finish_bands,
    nodata_to_nan,
    stack_bands,
    write_stack,
)
from mmearth_core.download.stored_config import Group
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import NoAnswerError, PixelError, RequestError, TilesError, TooLargeError
from mmearth_core.paths import DatasetPaths
from mmearth_core.tiles.grid import require_aligned, tile_grid

if TYPE_CHECKING:
    import ee


def check_pixels(array: NDArray[np.void], bands: Sequence[StackBand], rows: int, columns: int) -> None:
    """Refuses pixels that are not those requested.

    Args:
        array: what was received.
        bands: the requested bands.
        rows: requested rows.
        columns: requested columns.

    Raises:
        PixelError: names the first difference in band names, types or shape.
    """
    names, received = {band.name for band in bands}, set(array.dtype.names or ())
    if names != received:
        raise PixelError(
            f"Requested {len(names)} bands and received {len(received)}: missing "
            f"{', '.join(sorted(names - received)) or 'none'}, "
            f"not requested {', '.join(sorted(received - names)) or 'none'}."
        )
    for band in bands:
        dtype = array.dtype[band.name]
        if dtype != np.dtype(band.band.dtype):
            raise PixelError(f"Band {band.name}: requested {band.band.dtype}, received {dtype}.")
    if array.shape != (rows, columns):
        raise PixelError(f"Requested {rows} x {columns} pixels; received {' x '.join(map(str, array.shape))}.")


MAX_ANSWER, MAX_BANDS = 48 * 2**20, 1024
"""Uncompressed bytes that Earth Engine sends in one answer, with a byte for the mask of each pixel and band; and bands.
Source: https://developers.google.com/earth-engine/reference/rest/v1/projects.image/computePixels."""


@frozen(eq=False)
class PixelRequest:
    """What one request asks for: some bands in a window of the tile.

    Attributes:
        bands: some of the tile's bands.
        top: first row.
        left: first column.
        rows: number of rows.
        columns: number of columns.
    """

    bands: tuple[StackBand, ...]
    top: int
    left: int
    rows: int
    columns: int

    def halves(self, size: int) -> "tuple[PixelRequest, ...]":
        """Splits the bands, then the rows, then the columns; empty for one band of a quarter of the tile.

        Args:
            size: rows and columns of the tile.
        """
        half = size // 2
        if len(self.bands) > 1:
            cut = _middle(self.bands)
            return evolve(self, bands=self.bands[:cut]), evolve(self, bands=self.bands[cut:])
        if self.rows == size > 1:
            return evolve(self, rows=half), evolve(self, top=half, rows=size - half)
        if self.columns == size > 1:
            return evolve(self, columns=half), evolve(self, left=half, columns=size - half)
        return ()

    def fitting(self, size: int) -> "tuple[PixelRequest, ...]":
        """It, or the parts of it whose answers Earth Engine can send, in order.

        Args:
            size: rows and columns of the tile.
        """
        pixel = sum(np.dtype(band.band.dtype).itemsize + 1 for band in self.bands)
        is_too_large = pixel * self.rows * self.columns > MAX_ANSWER or len(self.bands) > MAX_BANDS
        halves = self.halves(size) if is_too_large else ()
        return tuple(part for half in halves for part in half.fitting(size)) or (self,)

    def grid(self, tile: Grid) -> dict[str, Any]:
        """The `grid` of a computePixels request for this window of a tile."""
        left, top = tile.left + self.left * tile.pixel_size, tile.top - self.top * tile.pixel_size
        moved = evolve(tile, left=left, top=top).request()
        return {**moved, "dimensions": {"width": self.columns, "height": self.rows}}


def _middle(bands: Sequence[StackBand]) -> int:
    """Where to split bands in two: between two layers, or two steps, if that is not far from the middle."""
    middle = len(bands) / 2
    edges = [
        i for i, (one, other) in enumerate(pairwise(bands), 1) if (one.layer, one.step) != (other.layer, other.step)
    ]
    nearest = min(edges, key=lambda index: abs(index - middle), default=0)
    return nearest if abs(nearest - middle) <= middle / 2 else len(bands) // 2


ReceivedPixels = tuple[PixelRequest, NDArray[np.void]]
"""A request and the checked pixels that answer it."""


def lay_out(received: Iterable[ReceivedPixels], bands: Collection[StackBand], size: int) -> NDArray[np.float32]:
    """Lays out received pixels as a stack.

    Args:
        received: the requests and their pixels; nothing if the tile has no image at all.
        bands: all bands of the stack; those that were not requested become no-data.
        size: rows and columns.

    Returns:
        (bands, size, size), NaN where no-data.
    """
    stack = np.full((len(bands), size, size), np.nan, dtype=np.float32)
    layout = {band.name: pixels for band, pixels in zip(bands, stack, strict=True)}
    for request, array in received:
        rows = slice(request.top, request.top + request.rows)
        columns = slice(request.left, request.left + request.columns)
        for band in request.bands:
            window = layout[band.name][rows, columns]
            # The values of a field are far apart in memory: they are read once. float32 holds every integer type used.
            np.copyto(window, array[band.name], casting="same_kind")
            nodata_to_nan(window, band)
    return stack


def local_pixels(modality: Modality, scene: Scene, grid: Grid) -> dict[str, NDArray[np.float32]]:
    """Returns the checked pixels that a modality makes itself: by layer, its bands in the stack, with NaN for no-data.

    Raises:
        ValueError: names the layer, what was found and what is allowed.
    """
    arrays = modality.pixels(scene, grid) or {}
    layers = {layer.name: layer for layer in modality.map_layers()}
    if unknown := arrays.keys() - layers:
        raise ValueError(f"undeclared layers: {', '.join(sorted(unknown))}; declared are {', '.join(layers)}")
    return {name: _checked(layers[name], np.asarray(array), grid.size) for name, array in arrays.items()}


def _checked(layer: Layer, array: NDArray[Any], size: int) -> NDArray[np.float32]:
    shape = (*(() if layer.steps is None else (layer.steps,)), len(layer.bands), size, size)
    if array.shape != shape or array.dtype.kind not in "iuf":
        raise ValueError(f"layer {layer.name!r} is {array.dtype} of shape {array.shape}; expected numbers, {shape}")
    valid = ~(np.isnan(array) | (array == layer.nodata))
    with np.errstate(invalid="ignore", over="ignore"):  # of values that do not fit, which are found below
        cast = array.astype(layer.dtype)
    wrong = array[valid & ~(cast == array if layer.bands[0].is_integer else np.isfinite(cast))]
    if wrong.size:
        raise ValueError(f"layer {layer.name!r} has the value {wrong[0]}, which {layer.dtype} cannot hold")
    return np.where(valid, cast, np.float32(np.nan)).astype(np.float32).reshape(-1, size, size)


def masked_layers(
    stack: NDArray[np.float32], bands: Collection[StackBand], requested: Collection[StackBand]
) -> list[str]:
    """Returns the layers that were requested and have no valid pixel, such as land cover at sea.

    Args:
        stack: as `lay_out` returns it.
        bands: one per row of `stack`.
        requested: the bands that were requested.
    """
    valid = {band.layer.name for row, band in zip(stack, bands, strict=True) if not np.isnan(row).all()}
    return [name for name in dict.fromkeys(band.layer.name for band in requested) if name not in valid]


@frozen(eq=False)
class Fetcher:
    """Fetches located tiles of one group, in as few requests as their size allows; threads of a run share it.

    Attributes:
        client: sends the requests.
        folder: the dataset.
        group: the modalities to fetch.
        image_size: rows and columns of a tile.
        check: called with each tile, and CRS, transform and size of its pixels, before they are requested.
        pixel_size: of the dataset, metres.
        origin: of the dataset's grid, metres.
        is_proposed: whether the anchor proposes this grid, so that the images that it locates must be on it.
    """

    client: EarthClient
    folder: DatasetPaths
    group: Group
    image_size: int
    check: Callable[[LocatedTile, Mapping[str, Any]], None] = lambda _located, _grid: None
    pixel_size: float = PIXEL
    origin: tuple[float, float] = (0, 0)
    is_proposed: bool = False

    def fetch(self, located: LocatedTile) -> TileOutcome:
        """Downloads one tile: done with a stack on disk, failed with the reason, or left.

        Raises:
            RunStoppedError: no request can succeed any more, or the check ends the run.
            OSError: the stack cannot be written.
        """
        tile, anchor = located.tile, located.anchor
        try:
            grid = tile_grid(tile.polygon, anchor.crs, self.image_size, self.pixel_size, self.origin)
            if self.is_proposed and anchor.transform is not None:
                require_aligned(anchor.transform, grid)
            described = {"crs": grid.crs, "transform": list(grid.affine)[:6], "size": grid.size}
            self.check(located, described)
            content, masked = self._stack(located, grid)
        except (NoAnswerError, PluginCallError, RequestError, TilesError) as error:
            return not_done(tile, "pixels", error)
        record: dict[str, Any] = {
            "anchor": anchor.to_json(),
            "located": dict(located.located),
            "grid": described,
        }
        if content is not None:
            path = self.folder.stack(self.group.name, tile.partition, tile.tile_id)
            self.folder.make_folder(path)
            record["sha256"] = write_stack(path, content)
        if masked:
            record["masked"] = masked
        return TileOutcome(tile.tile_id, tile.ordinal, Outcome.DONE, record=record)

    def _stack(self, located: LocatedTile, grid: Grid) -> tuple[bytes | None, list[str]]:
        """The tile's stack, None if its group has no layers with pixels; and the layers that are fully masked."""
        bands = stack_bands(self.group.modalities)
        if not bands:
            return None, []
        scene, made = located.tile.scene(located.anchor), dict[str, NDArray[np.float32]]()
        local = [modality for modality in self.group.modalities if modality.is_local()]
        for modality in local:
            made |= call(modality, "pixels", local_pixels, modality, scene, grid)
        image, requested = self._image(located, grid)
        received = [] if image is None else self._request(image, requested, grid)
        stack = lay_out(received, bands, grid.size)
        for layer, pixels in made.items():
            stack[[band.layer.name == layer for band in bands]] = pixels
        requested += stack_bands(local)
        info = [info_of(modality, located.located.get(modality.name)) for modality in self.group.modalities]
        # What a modality would say if all pixels were masked is for `post`.
        tags = [{key: each[key] for key in each if key != MASKED} for each in info]
        tags.insert(0, {"DATE": located.anchor.date.isoformat()})
        return encode_stack(located.tile.tile_id, stack, bands, grid, tags), masked_layers(stack, bands, requested)

    def _image(self, located: LocatedTile, grid: Grid) -> "tuple[ee.Image | None, list[StackBand]]":
        """One image with the bands that the tile really has, and these bands."""
        import ee

        found = list(images_of(self.group, located))
        images = [
            part
            for modality, image, bands in found
            for part in call(modality, "image", finish_bands, image, bands, grid)
        ]
        requested = [band for _, _, bands in found for band in bands]
        return ee.Image.cat(images) if images else None, requested

    def _request(self, image: "ee.Image", bands: Sequence[StackBand], grid: Grid) -> list[ReceivedPixels]:
        """Downloads every band of every pixel, in requests whose answers Earth Engine can send.

        A request that it refuses as too large, which may also be for memory or time, is sent again in halves. With n
        parts that succeed, n - 1 are refused.

        Raises:
            RequestError: refused for good; a `TooLargeError` if one band of a quarter of the tile is too large.
            NoAnswerError: not answered within the retry time.
            RunStoppedError: no request can succeed any more.
        """
        received: list[ReceivedPixels] = []
        pending = [*reversed(PixelRequest(tuple(bands), 0, 0, grid.size, grid.size).fitting(grid.size))]
        while pending:
            request = pending.pop()
            names = [band.name for band in request.bands]
            image_part = image if len(names) == len(bands) else image.select(names)
            check = partial(check_pixels, bands=request.bands, rows=request.rows, columns=request.columns)
            try:
                received.append((request, self.client.pixels(image_part, request.grid(grid), check)))
            except TooLargeError:
                halves = request.halves(grid.size)
                if not halves:
                    raise
                pending += reversed(halves)  # the first half is requested next
        return received
