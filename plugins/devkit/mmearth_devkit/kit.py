"""The kit's two doors: all findings of a modality, and an assertion that there are none."""

from collections.abc import Collection
from typing import Any

from mmearth_core.contract.engine import Engine
from mmearth_core.contract.modality import Modality, Scene
from mmearth_core.errors import ConfigError
from mmearth_core.text import did_you_mean
from mmearth_devkit.checks import CHECKS
from mmearth_devkit.finding import Finding
from mmearth_devkit.rehearsal import Trial
from mmearth_devkit.stage import kit_engine


def findings_of(
    modality: type[Modality] | Modality,
    *,
    options: Any = None,
    engine: Engine | str | None = None,
    scene: Scene | None = None,
    ignore: Collection[str] = (),
    processes: bool = True,
) -> list[Finding]:
    """Tries a modality on an offline engine, and tells everything that is wrong with it.

    Args:
        modality: a class, or an instance with its options.
        options: an instance of its `Options`, instead of the defaults.
        engine: an engine that lends a stage, or `NAME[:TEXT]`; by default the whole synthetic planet.
        scene: the tile, with its anchor; by default one at which the engine has data.
        ignore: names of checks that are left out.
        processes: also build its graphs in other processes, which takes some seconds.

    Raises:
        ConfigError: when `ignore` names no check.
        EngineError: when the engine cannot be used for this.
        PluginError: when the engine is not installed.
    """
    for name in ignore:
        if name not in CHECKS:
            raise ConfigError(f"There is no check {name!r}.{did_you_mean(name, CHECKS)} They are {', '.join(CHECKS)}.")
    if isinstance(modality, type):
        modality = modality(options)
    elif options is not None:
        modality = modality.configured(options)
    evidence = Trial(modality, kit_engine(engine)).run(scene, processes)
    return [finding for name, check in CHECKS.items() if name not in ignore for finding in check(evidence)]


def check_modality(modality: type[Modality] | Modality, **how: Any) -> None:
    """Asserts that nothing is wrong with a modality; arguments as for `findings_of`.

    Raises:
        AssertionError: lists every finding, each with what to do.
    """
    __tracebackhide__ = True
    found = findings_of(modality, **how)
    if found:
        count = "One thing is" if len(found) == 1 else f"{len(found)} things are"
        lines = "\n".join(f"  - {finding}" for finding in found)
        raise AssertionError(f"{count} wrong with the modality {modality.name!r}:\n{lines}")
