"""The checks: each is a small function from the record of a trial to findings, under the name that `ignore` takes."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from mmearth_devkit.checks.building import assets, descriptions, graph, network, options, requests, steps, units
from mmearth_devkit.checks.info import info
from mmearth_devkit.checks.pixels import bands, classes, fractions, grid, nodata, order, range_, resampling, vectors
from mmearth_devkit.trial_record import Finding, TrialRecord

CHECKS: Mapping[str, Callable[[TrialRecord], Iterable[Finding]]] = MappingProxyType(
    {
        "descriptions": descriptions,
        "units": units,
        "options": options,
        "network": network,
        "requests": requests,
        "graph": graph,
        "order": order,
        "assets": assets,
        "steps": steps,
        "bands": bands,
        "range": range_,
        "fractions": fractions,
        "classes": classes,
        "nodata": nodata,
        "vectors": vectors,
        "info": info,
        "resampling": resampling,
        "grid": grid,
    }
)
"""All checks, in the order in which their findings are shown."""
