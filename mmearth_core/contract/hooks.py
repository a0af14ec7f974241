"""The two hooks of the entry-point group `mmearth`."""

from collections.abc import Iterable

import pluggy

from mmearth_core.contract.engine import Engine
from mmearth_core.contract.modality import Modality

# The entry-point group, and the name of the pluggy project.
GROUP = "mmearth"

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def mmearth_modalities() -> Iterable[type[Modality] | Modality]:  # type: ignore[empty-body]
    """Returns the modalities that a distribution contributes, as classes or instances."""


@hookspec
def mmearth_engines() -> Iterable[type[Engine] | Engine]:  # type: ignore[empty-body]
    """Returns the engines that a distribution contributes, as classes or instances."""
