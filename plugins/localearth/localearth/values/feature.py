"""Features: a geometry with properties."""

from collections.abc import Mapping
from typing import Any, Protocol

from attrs import evolve, field, frozen

from localearth.values.geometry import Geometry
from localearth.values.image import Image


class Element(Protocol):
    """An image, a feature or a collection."""

    @property
    def geometry(self) -> Geometry | None:
        """The geometry or footprint."""
        ...

    @property
    def properties(self) -> Mapping[str, Any]:
        """The properties by name."""
        ...


@frozen(eq=False)
class Feature:
    """A feature.

    Attributes:
        geometry: its geometry, if it has one.
        properties: its properties by name.
    """

    geometry: Geometry | None = None
    properties: Mapping[str, Any] = field(factory=dict)

    def with_properties(self, properties: Mapping[str, Any]) -> "Feature":
        """The same geometry with other properties."""
        return evolve(self, properties=properties)


def index_of(element: Element) -> str | None:
    """The `system:index` of an element."""
    index = element.properties.get("system:index")
    return None if index is None else str(index)


def get(element: Element, name: str) -> Any:
    """A property of an element; None when it is missing, as with Google."""
    if name == ".geo":
        return element.geometry
    if name == "system:id":
        return getattr(element, "id", None) or element.properties.get(name)
    if name == "system:band_names" and isinstance(element, Image):
        return element.names
    return element.properties.get(name)


def with_property(element: Any, name: str, value: Any) -> Any:
    """An element with one property set."""
    return element.with_properties({**element.properties, name: value})


def with_values(element: Any, properties: Mapping[str, Any]) -> Any:
    """An element with these properties, without null values; `system:id` is the id of an image or a collection."""
    kept = {name: value for name, value in properties.items() if value is not None}
    if "system:id" in properties and hasattr(element, "id"):
        return evolve(element.with_properties(kept), id=kept.pop("system:id", None))
    return element.with_properties(kept)
