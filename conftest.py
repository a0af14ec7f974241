"""For the tests of the core and of every plugin alike."""

import gc
from copy import deepcopy
from threading import Lock
from typing import Any
from unittest import mock

import ee
from ee import apifunction, deprecation
from hypothesis import settings
from mmearth_devkit.testing.third_party import hide, install

__all__ = ["hide", "install"]

# A busy machine must not fail a property; speed is measured in benchmarks/.
settings.register_profile("mmearth", deadline=None)
settings.load_profile("mmearth")


def quick_initialize() -> None:
    """Makes `ee.Initialize`, which every run of a test calls, take 10 ms instead of 60 ms; it still sends its requests.

    Equal lists of functions get the same function objects: the client copies each of a thousand descriptions, and
    writes each as a docstring.
    """
    functions: Any = apifunction.ApiFunction
    make, write = functions.initialize, functions.__str__
    lock = Lock()  # of two patches at once, one would stay
    listing: Any = None
    made: Any = None

    def initialize() -> None:
        nonlocal listing, made
        if functions._api:
            return
        found = ee.data.getAlgorithms()
        with lock:
            if found != listing:
                original = deepcopy(found)  # the client changes the descriptions
                with mock.patch.object(ee.data, "getAlgorithms", return_value=found):
                    make()
                listing, made = original, functions._api
            functions._api = made

    def text(function: Any) -> str:
        if not hasattr(function, "written"):
            function.written = write(function)
        return str(function.written)

    functions.initialize, functions.__str__ = initialize, text


quick_initialize()
# As without a network: tests do not look for Google's catalogue of deprecated assets.
deprecation._FetchDataCatalogStac = dict


def pytest_collection_finish() -> None:
    """Keeps the objects of pytest, half a million, from the garbage collector: every run starts by searching them."""
    gc.collect()
    gc.freeze()
