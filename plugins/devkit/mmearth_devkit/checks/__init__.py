"""The checks: each a small function from the evidence to findings, under the name that `ignore` takes."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from mmearth_devkit.checks.assets import assets
from mmearth_devkit.checks.bands import bands
from mmearth_devkit.checks.declared import descriptions, options, units
from mmearth_devkit.checks.grid import grid
from mmearth_devkit.checks.requests import graph, network, requests
from mmearth_devkit.checks.steps import steps
from mmearth_devkit.checks.values import classes, fractions, nodata, range_, vectors
from mmearth_devkit.evidence import TrialRecord
from mmearth_devkit.finding import Finding

CHECKS: Mapping[str, Callable[[TrialRecord], Iterable[Finding]]] = MappingProxyType(
    {
        "descriptions": descriptions,
        "units": units,
        "options": options,
        "network": network,
        "requests": requests,
        "graph": graph,
        "assets": assets,
        "steps": steps,
        "bands": bands,
        "range": range_,
        "fractions": fractions,
        "classes": classes,
        "nodata": nodata,
        "vectors": vectors,
        "grid": grid,
    }
)
"""All checks, in the order in which their findings are shown."""
