"""One date for all GeoPackages: the same tiles are the same bytes."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyogrio

_OPTION, _DATE = "OGR_CURRENT_DATE", "2017-01-01T00:00:00.000Z"
"""A GeoPackage says when it was last changed; tiles always say this."""


@contextmanager
def fixed_date() -> Iterator[None]:
    """While it holds, GeoPackages are written with one and the same date of change."""
    before = pyogrio.get_gdal_config_option(_OPTION)
    pyogrio.set_gdal_config_options({_OPTION: _DATE})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({_OPTION: before})
