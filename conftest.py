"""For the tests of the core and of every plugin alike."""

from hypothesis import settings
from mmearth_devkit.testing.third_party import hide, install

__all__ = ["hide", "install"]

# A busy machine must not fail a property; speed is measured in benchmarks/.
settings.register_profile("mmearth", deadline=None)
settings.load_profile("mmearth")
