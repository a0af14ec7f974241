"""The kit for plugin authors: finds what is wrong with a modality before a run on Earth Engine does.

    from mmearth_devkit import check_modality

    def test_it_keeps_the_contract():
        check_modality(Elevation)

Nothing is imported before it is used, so that the pytest plugin costs nothing at the start of a test run.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmearth_devkit.finding import Finding
    from mmearth_devkit.kit import check_modality, findings_of
    from mmearth_devkit.stage import Pattern, Sample, Stage

__all__ = ["Finding", "Pattern", "Sample", "Stage", "check_modality", "findings_of"]


_HOMES = {
    "Finding": "finding",
    "Pattern": "stage",
    "Sample": "stage",
    "Stage": "stage",
    "check_modality": "kit",
    "findings_of": "kit",
}


def __getattr__(name: str) -> Any:
    """Imports what is asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
