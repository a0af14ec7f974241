"""mmearth-core: multi-modal Earth-observation datasets, built from plugins.

What a plugin author needs is here; everything else is the core's own business.
"""

from mmearth_core.contract.bands import Band, ClassLabel, Kind, Layer, Preview, Resampling
from mmearth_core.contract.engine import Connection, Demo, Engine, Limits, Transport
from mmearth_core.contract.hooks import hookimpl
from mmearth_core.contract.modality import API_VERSION, Anchor, Modality, Scene, Skip

__version__ = "0.1.0"

__all__ = [
    "API_VERSION",
    "Anchor",
    "Band",
    "ClassLabel",
    "Connection",
    "Demo",
    "Engine",
    "Kind",
    "Layer",
    "Limits",
    "Modality",
    "Preview",
    "Resampling",
    "Scene",
    "Skip",
    "Transport",
    "__version__",
    "hookimpl",
]
