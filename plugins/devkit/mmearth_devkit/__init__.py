"""The kit for plugin authors: finds what is wrong with a modality before it runs on Earth Engine.

    from mmearth_devkit import check_modality

    def test_it_keeps_the_contract():
        check_modality(Elevation)

Names are imported when they are used, so that the pytest plugin costs nothing at the start of a test run.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmearth_devkit.kit import check_modality, findings_of, try_modality
    from mmearth_devkit.stage import Pattern, Sample, Stage
    from mmearth_devkit.trial_record import Finding

__all__ = ["Finding", "Pattern", "Sample", "Stage", "check_modality", "findings_of", "try_modality"]


_MODULES = {
    "Finding": "trial_record",
    "Pattern": "stage",
    "Sample": "stage",
    "Stage": "stage",
    "check_modality": "kit",
    "findings_of": "kit",
    "try_modality": "kit",
}


def __getattr__(name: str) -> Any:
    """Imports a name when it is used (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
