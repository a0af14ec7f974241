"""Reads the stacks that this package writes, ten times faster than a general GeoTIFF reader.

Such a stack is a plain TIFF with one zstd strip per band. Any other layout is read by rasterio instead.
TIFF 6.0 (Adobe 1992): an image's directory lists tags of 12 bytes, which include the values if they fit 4 bytes.
"""

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import zstandard
from attrs import frozen
from numpy.typing import NDArray

from mmearth_core.download.journal import BadStack
from mmearth_core.files import open_regular
from mmearth_core.text import counted, tag_text

_HEAD = struct.Struct("<2sHI")
_TAG = struct.Struct("<HHI4s")
_TYPES = {2: ("s", 1), 3: ("H", 2), 4: ("I", 4)}
"""How `struct` reads ASCII, SHORT and LONG, and their bytes."""

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _OFFSETS, _ROWS, _LENGTHS = 256, 257, 258, 259, 273, 278, 279
_PLANAR, _PREDICTOR, _FORMAT, _GDAL = 284, 317, 339, 42112
_ZSTD, _BAND_BY_BAND, _FLOAT = 50000, 2, 3
_AS_WRITTEN = {_COMPRESSION: _ZSTD, _PLANAR: _BAND_BY_BAND, _PREDICTOR: 1, _FORMAT: _FLOAT, _BITS: 32}
_READ = {_WIDTH, _HEIGHT, _ROWS, _OFFSETS, _LENGTHS, _GDAL, *_AS_WRITTEN}

# A stack has many bands without a valid pixel, whose strips are equal.
_CONSTANT = 64
"""Most bytes of a strip whose pixels have a single value; of equal ones, only the first is decompressed."""

_TILE = re.compile(rb'<Item name="TILE_ID">([^<]*)</Item>')
_NAME = re.compile(rb'<Item name="DESCRIPTION" sample="(\d+)" role="description">([^<]*)</Item>')


class StackError(Exception):
    """Why a stack is bad; a clause that begins with `the stack`."""


@frozen
class Header:
    """Where the bands of a stack are.

    Attributes:
        size: rows and columns.
        strips: `{band name: (offset, length)}`, in bytes.
        tile_id: the tile whose stack it is, if it says so.
    """

    size: tuple[int, int]
    strips: dict[str, tuple[int, int]]
    tile_id: str | None


def check_stack(path: Path, names: Sequence[str], size: int, tile_id: str) -> None:
    """Checks a stack without reading its pixels; of a file that another program wrote, all pixels are read.

    Raises:
        StackError: when it is missing, truncated, another tile's, or has other bands or another size.
    """
    with _opened(path) as file:
        header, length = _read_header(file), file.seek(0, 2)
    if header is None:
        _read_any(path, names, size, tile_id)
    else:
        _check(header, names, size, length, tile_id)


def read_planes(path: Path, names: Sequence[str], size: int) -> Iterator[NDArray[np.float32]]:
    """Reads bands by name; each is decompressed when it is used, so that it is in the processor's cache then.

    Args:
        path: a stack.
        names: the bands' names.
        size: its rows and columns.

    Returns:
        (size * size) float32 for each name, NaN for no-data; read only.

    Raises:
        StackError: when it is missing, or has other bands or another size; on reading a band, when that is damaged.
    """
    with _opened(path) as file:
        content = file.read()
    header = _read_header(BytesIO(content))
    if header is None:
        return iter(_read_any(path, names, size))
    _check(header, names, size, len(content))
    return _planes(memoryview(content), header, names)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with open_regular(path) as file:
            yield file
    except FileNotFoundError as error:
        raise StackError("the stack is missing") from error
    except OSError as error:
        raise StackError(f"the stack cannot be read: {error.strerror}") from error


def _planes(content: memoryview, header: Header, names: Sequence[str]) -> Iterator[NDArray[np.float32]]:
    expected = header.size[0] * header.size[1] * 4
    decompressor = zstandard.ZstdDecompressor()
    constant: dict[bytes, bytes] = {}
    for name in names:
        offset, length = header.strips[name]
        strip = content[offset : offset + length]
        plane = constant.get(bytes(strip)) if length <= _CONSTANT else None
        try:
            plane = plane or decompressor.decompress(strip, max_output_size=expected)
        except zstandard.ZstdError as error:
            raise StackError(f"the stack is damaged in band {name}: {error}") from error
        if len(plane) != expected:
            raise StackError(
                f"the stack is damaged: band {name} has {counted(len(plane), 'byte')} instead of {expected:,}"
            )
        if length <= _CONSTANT:
            constant[bytes(strip)] = plane
        yield np.frombuffer(plane, "<f4")


def _read_header(file: BinaryIO) -> Header | None:
    """Reads the directory of a stack; None if the file has another layout than those that this package writes."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise StackError(f"the stack is truncated: it has only {counted(len(head), 'byte')}")
    order, magic, start = _HEAD.unpack(head)
    if order != b"II" or magic != 42:
        return None
    # This package's files end with their directory, so only little is read, and the pixels are not.
    file.seek(start)
    try:
        return _parse_directory(file.read(), start)
    except struct.error as error:  # something is beyond the end of the file
        raise StackError("the stack is truncated: its directory is incomplete") from error
    except (KeyError, TypeError, ValueError):  # a tag is missing, or has another type or another number of values
        return None


def _parse_directory(content: bytes, start: int) -> Header | None:
    """Parses what a file holds from its offset `start` on."""
    tags: dict[int, tuple[Any, ...]] = {_PREDICTOR: (1,)}  # GDAL omits it if there is none
    (count,) = struct.unpack_from("<H", content)
    for number in range(count):
        tag, kind, length, inline = _TAG.unpack_from(content, 2 + 12 * number)
        if tag in _READ:
            code, width = _TYPES[kind]
            # Values that do not fit into 4 bytes are elsewhere, and these bytes are their offset in the file.
            is_inline = length * width <= 4
            offset = 0 if is_inline else struct.unpack("<I", inline)[0] - start
            if offset < 0:
                return None
            tags[tag] = struct.unpack_from(f"<{length}{code}", inline if is_inline else content, offset)
    (height,), (width,), (rows,), (text,) = (tags[tag] for tag in (_HEIGHT, _WIDTH, _ROWS, _GDAL))
    # GDAL numbers the names of the bands, and a band has one strip.
    names = {int(number): name.decode() for number, name in _NAME.findall(text)}
    strips = list(zip(tags[_OFFSETS], tags[_LENGTHS], strict=True))
    if rows < height or len(names) != len(strips) or any(set(tags[tag]) != {each} for tag, each in _AS_WRITTEN.items()):
        return None
    tile = _TILE.search(text)
    # GDAL escapes the values of tags twice, `&` as `&amp;amp;`, and the names of bands too; those have only letters.
    tile_id = None if tile is None else unescape(unescape(tile[1].decode()))
    return Header((height, width), {names[i]: strip for i, strip in enumerate(strips)}, tile_id)


def _check(header: Header, names: Sequence[str], size: int, length: int, tile_id: str | None = None) -> None:
    # In stacks of earlier versions an id is never in quotes.
    if tile_id is not None and header.tile_id not in (None, tag_text(tile_id), tile_id):
        other = header.tile_id.strip('"')
        raise StackError(f"the stack is that of another tile, {other!r}")
    if header.size != (size, size):
        raise StackError(f"the stack has {header.size[0]} x {header.size[1]} pixels instead of {size} x {size}")
    missing = [name for name in names if name not in header.strips]
    if missing:
        raise StackError(f"the stack has no bands {', '.join(missing)}; it has {', '.join(header.strips)}")
    for name in names:
        if (end := sum(header.strips[name])) > length:
            raise StackError(f"the stack is truncated: band {name} ends at byte {end}, the file at {length}")


def _read_any(path: Path, names: Sequence[str], size: int, tile_id: str | None = None) -> list[NDArray[np.float32]]:
    import rasterio  # only here, as it takes memory and a second in every worker

    try:
        with rasterio.open(path, driver="GTiff") as source:  # not a VRT, which could read from the network
            bands = [str(name) for name in source.descriptions]
            header = Header((source.height, source.width), dict.fromkeys(bands, (0, 0)), source.tags().get("TILE_ID"))
            _check(header, names, size, 0, tile_id)
            pixels = source.read([bands.index(name) + 1 for name in names]).astype("float32")
    except rasterio.errors.RasterioError as error:
        raise StackError(f"the stack is truncated or damaged: {error}") from error
    return [plane.reshape(-1) for plane in pixels]


@frozen
class PartitionStacks:
    """The stacks of a partition's tiles.

    Attributes:
        partition: its number.
        tiles: for each tile its id, its ordinal, and its stack in each group.
        names: the bands of each group's stacks.
        size: rows and columns of a tile.
    """

    partition: int
    tiles: list[tuple[str, int, dict[str, Path]]]
    names: Mapping[str, Sequence[str]]
    size: int


def check_stacks(stacks: PartitionStacks) -> tuple[int, list[BadStack]]:
    """Checks all stacks of a partition; returns the number of its tiles, and the bad stacks."""
    bad = []
    for tile_id, ordinal, paths in stacks.tiles:
        for group, path in paths.items():
            try:
                check_stack(path, stacks.names[group], stacks.size, tile_id)
            except StackError as error:
                bad.append(BadStack(tile_id, ordinal, stacks.partition, group, str(error)))
    return len(stacks.tiles), bad
