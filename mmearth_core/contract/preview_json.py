"""How a layer is drawn, as JSON: so that a file can be looked at where its plugins are not installed."""

import json
from collections.abc import Mapping
from typing import Any

from attrs import asdict, fields

from mmearth_core.contract.bands import Preview

DEFAULT = ""
"""The key of the preview of a variant that has none of its own."""

_KEYS = frozenset(each.name for each in fields(Preview))


def to_json(previews: Mapping[str, Preview]) -> str:
    """Previews by variant, as text."""
    return json.dumps({variant: asdict(preview) for variant, preview in previews.items()})


def from_json(text: str) -> dict[str, Preview]:
    """Reads them back; keys that a newer version may have added are passed over.

    Raises:
        ValueError: when it is no JSON, or a preview that cannot be.
        TypeError: when it is JSON of another form.
    """
    return {variant: _preview(told) for variant, told in json.loads(text).items()}


def _preview(told: Mapping[str, Any]) -> Preview:
    known: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in told.items() if key in _KEYS
    }
    return Preview(**known)
