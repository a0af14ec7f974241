"""For the tests of the core and of every plugin alike."""

from hypothesis import settings

# A busy machine must not fail a property; speed is measured in benchmarks/.
settings.register_profile("mmearth", deadline=None)
settings.load_profile("mmearth")
