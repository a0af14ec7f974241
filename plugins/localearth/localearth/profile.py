"""Computation profiles: the cost of a request, for clients that ask for it as `ee.data.profiling` does.

A profile's id contains the cost, so that any process can look it up. The costs are invented, but the same each time.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from localearth.answer import Answer
from localearth.errors import EarthEngineError

# The headers' names are those of the `ee` client (`ee/data.py`).
REQUEST_HEADER = "x-earth-engine-computation-profiling"
ANSWER_HEADER = "x-earth-engine-computation-profile"

PER_REQUEST = 0.001
"""EECU-seconds of any request."""
PER_BYTE = 1e-6
"""EECU-seconds per byte of its answer."""

_KINDS = re.compile(r"/v1(?:alpha)?/projects/.+?(?::(compute\w*|getPixels|getFeatures)|/(thumbnails|tables|maps))")
_ID = re.compile(r"local/(\w+)/(\d+)")


def with_profile(headers: Mapping[str, Any] | None, path: str, answer: Answer) -> Answer:
    """Adds the id of its profile to the answer of a computation, if the request's headers ask for it."""
    status, fields, content = answer
    kind = _KINDS.fullmatch(path)
    if kind is None or status >= 300 or REQUEST_HEADER not in map(str.lower, headers or ()):
        return answer
    return status, {**fields, ANSWER_HEADER: f"local/{kind[1] or kind[2]}/{len(content)}"}, content


def profile_text(ids: Iterable[str]) -> str:
    """Profiles as a table, in the form of Google's: one row per kind of request.

    Raises:
        EarthEngineError: an id is not one of this engine.
    """
    costs: dict[str, list[float]] = {}
    for each in ids:
        found = _ID.fullmatch(each)
        if found is None:
            raise EarthEngineError(f"Profile '{each}' not found.")
        costs.setdefault(found[1], []).append(PER_REQUEST + PER_BYTE * int(found[2]))
    rows = sorted(costs.items(), key=lambda row: -sum(row[1]))
    lines = [f"{sum(row):7.3f} {'-':>7} {len(row):5}  {kind}" for kind, row in rows]
    return "\n".join([" EECU·s PeakMem Count  Description", *lines]) + "\n"
