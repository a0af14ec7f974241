"""What a derived HDF5 file says of itself: of which datasets it is made, and how."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmearth_core import __version__


def derived_head(name: str, anchor: str, how: Mapping[str, Any]) -> dict[str, str]:
    """The file's attributes.

    Args:
        name: the dataset's.
        anchor: the modality that fixed dates and grids.
        how: the command and what it was told; becomes the attribute `derived`, as JSON.
    """
    return {
        "name": name,
        "anchor": anchor,
        "written_by": f"mmearth-core {__version__}",
        "derived": json.dumps(how, ensure_ascii=False),
    }


def provenance(how: str, parts: Iterable[tuple[str, NDArray[np.intp]]]) -> str:
    """A checksum of what a layer's rows are made of.

    Args:
        how: what was done to them.
        parts: for each dataset, the layer's own provenance there, and the rows that were taken.
    """
    checksum = hashlib.sha256(how.encode())
    for mark, rows in parts:
        checksum.update(f"\n{mark} {len(rows)} ".encode())
        checksum.update(rows.astype("<i8").tobytes())
    return checksum.hexdigest()
