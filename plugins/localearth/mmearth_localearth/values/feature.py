"""Features: a geometry with properties; and what all elements share."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from mmearth_localearth.values.geometry import Geometry
from mmearth_localearth.values.image import Image

if TYPE_CHECKING:
    from mmearth_localearth.values.collection import Collection


@frozen(eq=False)
class Feature:
    """A feature.

    Attributes:
        geometry: None for a feature without one.
        properties: by name.
    """

    geometry: Geometry | None = None
    properties: Mapping[str, Any] = field(factory=dict)

    def with_properties(self, properties: Mapping[str, Any]) -> "Feature":
        """The same geometry with other properties."""
        return evolve(self, properties=properties)


def index_of(element: Any) -> str | None:
    """`system:index` of an element."""
    found = element.properties.get("system:index")
    return None if found is None else str(found)


def get(element: "Image | Feature | Collection", name: str) -> Any:
    """A property of an element; None when it is absent (as Google answers)."""
    if name == ".geo":
        return element.geometry
    if isinstance(element, Image):
        if name == "system:id":
            return element.id
        if name == "system:band_names":
            return element.names
    return element.properties.get(name)
