"""mmearth-core: multi-modal Earth-observation datasets for machine learning, built from plugins.

This module holds everything that the author of a plugin needs, together with `mmearth_core.errors`. A plugin is an
installed distribution that contributes modalities or engines through the hooks in `mmearth_core.contract.hooks`;
docs/plugins.md describes the contract. Users read finished datasets with `mmearth_core.dataset` or, for PyTorch,
`mmearth_core.torch`.
"""

from mmearth_core.contract.bands import Band, ClassLabel, Kind, Layer, Preview, Resampling
from mmearth_core.contract.engine import Connection, Demo, Engine, Limits, Transport, WrappedEngine
from mmearth_core.contract.grid import Grid
from mmearth_core.contract.hooks import hookimpl
from mmearth_core.contract.modality import API_VERSION, Anchor, Modality, Scene, Skip, resample

__version__ = "0.1.0"

__all__ = [
    "API_VERSION",
    "Anchor",
    "Band",
    "ClassLabel",
    "Connection",
    "Demo",
    "Engine",
    "Grid",
    "Kind",
    "Layer",
    "Limits",
    "Modality",
    "Preview",
    "Resampling",
    "Scene",
    "Skip",
    "Transport",
    "WrappedEngine",
    "__version__",
    "hookimpl",
    "resample",
]
