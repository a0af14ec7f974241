"""Skips tests of the synthetic planet where its coastlines are not installed."""

from importlib.util import find_spec

import pytest

_REASON = "needs mmearth-localearth[planet]"

# Not `pytest.importorskip`: the import would load a gigabyte.
_MISSING = find_spec("global_land_mask") is None

needs_planet = pytest.mark.skipif(_MISSING, reason=_REASON)
"""The mark of tests and, as `pytestmark`, of modules."""


def skip_without_planet() -> None:
    """Skips the tests of the fixture that calls it."""
    if _MISSING:
        pytest.skip(_REASON)
