"""For the tests of the core and of every plugin alike."""

from hypothesis import settings
from mmearth_devkit.testing.third_party import install

__all__ = ["install"]

# A busy machine must not fail a property; speed is measured in benchmarks/.
settings.register_profile("mmearth", deadline=None)
settings.load_profile("mmearth")
