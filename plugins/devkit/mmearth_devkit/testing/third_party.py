"""Fake third-party distributions, put where Python finds installed packages, to test real entry points."""

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any, Literal

import pytest


def declare(site: Path, distribution: str, version: str, groups: Mapping[str, Mapping[str, str]]) -> None:
    """Writes the .dist-info folder of a distribution, with its entry points by group."""
    info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    lines = [
        line
        for group, offers in groups.items()
        for line in (f"[{group}]", *(f"{name} = {target}" for name, target in offers.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))
    importlib.invalidate_caches()


def put(
    site: Path,
    distribution: str,
    source: str,
    *,
    version: str = "1.0",
    entry_points: Mapping[str, str] | None = None,
    commands: Mapping[str, str] | None = None,
) -> Path:
    """Puts a distribution of one module, named after it, into a folder; returns the module's file.

    Its entry point is the module unless others are given; `commands` are entry points of commands,
    `{name: "module:command"}`.
    """
    module = distribution.replace("-", "_")
    own = {distribution.removeprefix("mmearth-"): module} if entry_points is None else entry_points
    declare(site, distribution, version, {"mmearth": own, "mmearth.commands": commands or {}})
    path = site / f"{module}.py"
    path.write_text(dedent(source), encoding="utf-8")
    return path


def site_of(distribution: str, source: str, scope: Literal["session", "module"] = "session") -> Any:
    """A fixture: the folder of a distribution, installed for a conftest's tests and the processes that they start."""

    @pytest.fixture(scope=scope, autouse=True)
    def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
        folder = tmp_path_factory.mktemp("site")
        module = put(folder, distribution, source).stem
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(folder)
            patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
            yield folder
        sys.modules.pop(module, None)

    return site


Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a distribution for the duration of a test: `install("mmearth-probe", source)`, see `put`."""
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


@pytest.fixture
def hide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Hides the plugins and commands of distributions for the duration of a test: `hide("mmearth-viz")`.

    Python uses the first distribution of a name on its path, here one without entry points.
    """
    site = tmp_path / "hidden"
    site.mkdir()
    monkeypatch.syspath_prepend(site)

    def shadow(*distributions: str) -> None:
        for distribution in distributions:
            declare(site, distribution, "1.0", {})

    return shadow
