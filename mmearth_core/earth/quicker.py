"""Makes the `ee` library build and write graphs in less time, without a change to what they say.

Two things take a quarter of its time. For each function that takes an asset's name it inspects the function's signature
at every call (`ee.deprecation`, 1.7); and it writes each node of a graph as JSON only to hash it (`ee.serializer`).
benchmarks/simulate.py measures both.
"""

import functools
import inspect
import json
from types import SimpleNamespace
from typing import Any


def make_quicker() -> None:
    """Has the library inspect each signature once, and hash nodes by their `repr`; harmless when called again.

    Where another version of the library does not do these things, nothing happens.
    """
    import ee.deprecation
    import ee.serializer

    for module, name, own, quicker in (
        (ee.deprecation, "inspect", inspect, SimpleNamespace(getfullargspec=_signature)),
        (ee.serializer, "json", json, SimpleNamespace(dumps=_dumps)),
    ):
        if vars(module).get(name) is own:
            vars(module)[name] = quicker


# As many as the library has functions; those of a plugin do not pass here.
_signature = functools.lru_cache(maxsize=4096)(inspect.getfullargspec)


def _dumps(value: Any, **options: Any) -> str:
    """As `json.dumps` where options ask for text; without them, a text that only tells nodes apart.

    Nodes are of strings, numbers, lists and dictionaries: those with one `repr` have one JSON text.
    """
    return json.dumps(value, **options) if options else repr(value)
