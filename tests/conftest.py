"""Fixtures for all tests of the core: fabricated distributions, so that real entry points are tested."""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a distribution as pip would: a module, and a .dist-info folder with its entry points.

    Call it as `install("mmearth-probe", source)`; the module is named after the distribution.
    `commands` are entry points that add commands, `{name: "module:command"}`. It returns the module's file.
    """
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    modules: list[str] = []

    def write(
        distribution: str,
        source: str,
        *,
        version: str = "1.0",
        entry_points: Mapping[str, str] | None = None,
        commands: Mapping[str, str] | None = None,
    ) -> Path:
        module = distribution.replace("-", "_")
        modules.append(module)
        path = site / f"{module}.py"
        path.write_text(dedent(source), encoding="utf-8")
        info = site / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        names = {distribution.removeprefix("mmearth-"): module} if entry_points is None else entry_points
        groups = {"mmearth": names, "mmearth.commands": commands or {}}
        lines = [
            line
            for group, offers in groups.items()
            for line in (f"[{group}]", *(f"{name} = {target}" for name, target in offers.items()))
        ]
        (info / "entry_points.txt").write_text("\n".join(lines))
        importlib.invalidate_caches()
        return path

    yield write
    for module in modules:
        sys.modules.pop(module, None)
    importlib.invalidate_caches()
