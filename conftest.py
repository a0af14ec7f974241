"""For the tests of the core and of every plugin alike."""

import gc

from ee import deprecation
from hypothesis import settings
from mmearth_devkit.testing.third_party import hide, install

__all__ = ["hide", "install"]

# A busy machine must not fail a property; speed is measured in benchmarks/.
settings.register_profile("mmearth", deadline=None)
settings.load_profile("mmearth")

# As without a network: tests do not look for Google's catalogue of deprecated assets.
deprecation._FetchDataCatalogStac = dict


def pytest_collection_finish() -> None:
    """Excludes pytest's half a million objects from garbage collection, which otherwise slows every run in a test."""
    gc.collect()
    gc.freeze()
