"""Checks of what a modality declares: descriptions, units, and help for its options."""

import re
from collections.abc import Iterator

from mmearth_core.config.structure import describe
from mmearth_core.contract.bands import Band, Kind, Layer
from mmearth_devkit.evidence import TrialRecord
from mmearth_devkit.finding import Finding

_PURE = re.compile(
    r"\b(index|indices|ratio|share|fraction|proportion|percentage|probability|score|count|number|rank|flag|one-hot|"
    r"sine|cosine|correlation|normali[sz]ed|dimensionless|unitless|(no|without( a)?) unit)\b",
    re.IGNORECASE,
)
"""Words by which a description says that a band is a number without a unit."""


def descriptions(evidence: TrialRecord) -> Iterator[Finding]:
    """Every layer and every band says in a line what it is."""
    for layer in evidence.modality.layers:
        if not layer.description.strip():
            yield _silent(f"layer {layer.name}", "Layer(..., description=...)")
        for band in layer.bands:
            if not band.description.strip():
                yield _silent(_where(layer, band), "Band(..., description=...)")


def _silent(where: str, remedy: str) -> Finding:
    return Finding(
        "descriptions", where, "It has no description.", f"Say in one line what it holds, for a stranger: {remedy}."
    )


def units(evidence: TrialRecord) -> Iterator[Finding]:
    """Every quantity has a unit; `"1"`, which is also the default, only where the description says so."""
    for layer in evidence.modality.layers:
        if layer.kind is Kind.CLASSES:
            continue
        for band in layer.bands:
            pure = _PURE.search(f"{band.description} {layer.description}")
            if not band.unit.strip() or (band.unit == "1" and not pure):
                yield Finding(
                    "units",
                    _where(layer, band),
                    "It has no unit.",
                    'Declare it, e.g. Band(..., unit="m"). If the band is a number without one, say so in its '
                    "description with a word such as index, ratio, share, count or `no unit`.",
                )


def options(evidence: TrialRecord) -> Iterator[Finding]:
    """Every option has its help."""
    cls = evidence.modality.Options
    for key in describe(cls):
        if not key.help.strip():
            yield Finding(
                "options",
                f"option {key.key}",
                "It has no help, so listings, error messages and the documentation cannot say what it does.",
                'Give it one: field(default=..., metadata={"help": "..."}).',
            )


def _where(layer: Layer, band: Band) -> str:
    return f"band {layer.name}.{band.name}"
