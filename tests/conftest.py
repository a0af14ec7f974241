"""Fixtures for all tests of the core: fabricated distributions, so that real entry points are tested."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.third_party import put

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a distribution as pip would, as long as a test lasts: `install("mmearth-probe", source)`, see `put`."""
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    modules: list[str] = []

    def write(distribution: str, source: str, **offers: Any) -> Path:
        path = put(site, distribution, source, **offers)
        modules.append(path.stem)
        return path

    yield write
    for module in modules:
        sys.modules.pop(module, None)
    importlib.invalidate_caches()
