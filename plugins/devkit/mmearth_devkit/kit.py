"""The entry points of the kit: a trial of a modality, all findings, and an assertion that there are none."""

from collections.abc import Collection
from typing import Any

from mmearth_core import Engine, Modality, Scene
from mmearth_core.errors import ConfigError
from mmearth_core.text import did_you_mean
from mmearth_devkit.checks import CHECKS
from mmearth_devkit.stage import kit_engine
from mmearth_devkit.trial import Trial
from mmearth_devkit.trial_record import Finding, TrialRecord


def try_modality(
    modality: type[Modality] | Modality,
    *,
    options: Any = None,
    engine: Engine | str | None = None,
    scene: Scene | None = None,
    processes: bool = True,
    pixel_size: float | None = None,
) -> TrialRecord:
    """Tries a modality on an offline engine and returns the record, for `findings_in` and for its `shifts`.

    Args:
        modality: a class, or an instance with its options.
        options: an instance of its `Options`, instead of the defaults.
        engine: an engine with a stage, or `NAME[:TEXT]`; by default the synthetic planet.
        scene: the first tile, with its anchor, where there are data; by default one of the engine. Further tiles, also
            without data, are derived from it.
        processes: also build its graphs in other processes, which takes some seconds.
        pixel_size: of the tiles, metres; by default the one that the modality proposes as an anchor, otherwise 10.

    Raises:
        EngineError: when the engine has no stage.
        PluginError: when the engine is not installed.
    """
    if isinstance(modality, type):
        modality = modality(options)
    elif options is not None:
        modality = modality.configured(options)
    used = kit_engine(engine)
    record = Trial(modality, used, pixel_size).run(scene, processes)
    record.engine = used
    return record


def refuse_unknown(checks: Collection[str]) -> None:
    """Refuses names that no check has, before a trial.

    Raises:
        ConfigError: names the checks.
    """
    for name in checks:
        if name not in CHECKS:
            raise ConfigError(
                f"Unknown check {name!r}.{did_you_mean(name, CHECKS)} The checks are {', '.join(CHECKS)}."
            )


def findings_in(record: TrialRecord, ignore: Collection[str] = ()) -> list[Finding]:
    """Returns everything that is wrong with a modality that was tried.

    Args:
        record: of the trial.
        ignore: names of checks to skip.
    """
    return [finding for name, check in CHECKS.items() if name not in ignore for finding in check(record)]


def findings_of(modality: type[Modality] | Modality, *, ignore: Collection[str] = (), **trial: Any) -> list[Finding]:
    """Tries a modality and returns everything that is wrong with it; arguments as for `try_modality`.

    Args:
        modality: a class, or an instance with its options.
        ignore: names of checks to skip.
        trial: further arguments of `try_modality`.

    Raises:
        ConfigError: when `ignore` has an unknown name.
    """
    refuse_unknown(ignore)
    return findings_in(try_modality(modality, **trial), ignore)


def check_modality(modality: type[Modality] | Modality, **options: Any) -> None:
    """Asserts that nothing is wrong with a modality; arguments as for `findings_of`.

    Raises:
        AssertionError: lists every finding, each with what to do.
    """
    __tracebackhide__ = True
    findings = findings_of(modality, **options)
    if findings:
        count = "One thing is" if len(findings) == 1 else f"{len(findings)} things are"
        lines = "\n".join(f"  - {finding}" for finding in findings)
        raise AssertionError(f"{count} wrong with the modality {modality.name!r}:\n{lines}")
