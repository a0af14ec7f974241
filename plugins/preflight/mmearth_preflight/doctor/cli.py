"""Check that this machine, account and configuration can download a dataset."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmearth_core.cli.common import PATH, console, engine_option, json_option, show
from mmearth_core.text import counted

if TYPE_CHECKING:
    from mmearth_core.config.schema import Config
    from mmearth_core.registry import Registry
    from mmearth_preflight.doctor.findings import Finding, Findings

_STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}


@click.command("doctor")
@click.argument("config", type=PATH, required=False)
@engine_option()
@json_option("Print the findings as JSON.")
def command(config: Path | None, engine: str | None, as_json: bool) -> int:
    """Check that a dataset can be downloaded here, with CONFIG (a TOML file) or without one.

    Checks, one per line and with a remedy: Python, packages and plugins; the file systems; the credentials, project,
    endpoint and quota; the assets of every modality; Slurm; and one tile from download to HDF5 file, in a temporary
    folder. It goes on after a failed check, and never prints a credential, so its output can be shared.

    Without CONFIG, a built-in place is used, with every installed modality. About five requests per modality are sent.

    \b
    Examples:
      mmearth-core doctor
      mmearth-core doctor mydata.toml
      mmearth-core doctor --engine local
      mmearth-core doctor mydata.toml --json

    \b
    Exit status:
      0  no check has failed
      1  a check has failed
      2  nothing was checked; the error says what to fix
    """  # noqa: D301 - click marks lines to keep with this character
    from mmearth_core.config.schema import load_config
    from mmearth_preflight.doctor.findings import Findings, State

    if config is not None and not config.exists():
        load_config(config)  # raises the usual error
    with _progress() as (on_start, printed):
        findings = Findings(on_start, (lambda finding: None) if as_json else printed)
        with tempfile.TemporaryDirectory(prefix="mmearth-doctor-") as folder:
            _check_all(findings, config, engine, Path(folder))
    counts = {state.value: sum(finding.state is state for finding in findings.all) for state in State}
    summary = ", ".join(f"{number} {state}" for state, number in counts.items())
    facts = {**counts, "checks": [finding.to_json() for finding in findings.all]}
    return show(as_json, facts, [summary], counts["failed"])


@contextmanager
def _progress() -> "Iterator[tuple[Callable[[str], object], Callable[[Finding], object]]]":
    """Functions that show the name of a running check on standard error, and print a finding on standard output."""
    from rich.console import Console
    from rich.text import Text

    output, terminal = console(), Console(stderr=True)
    with ExitStack() as stack:
        status = terminal.status("checking") if terminal.is_terminal else None
        if status is not None:
            stack.enter_context(status)

        def start(check: str) -> None:
            if status is not None:
                status.update(f"checking {check}")

        def print_finding(finding: "Finding") -> None:
            if status is not None:
                status.stop()
            parts = (f"{finding.state:<9}", _STYLES[finding.state]), f"{finding.check:<28} {finding.text}"
            remedy = f"{'' if finding.text.endswith('.') else '.'} {finding.remedy}" if finding.remedy else ""
            output.print(Text.assemble(*parts, remedy))
            if status is not None:
                status.start()

        yield start, print_finding


def _check_all(findings: "Findings", config: Path | None, engine: str | None, folder: Path) -> None:
    """Makes every check.

    Args:
        findings: takes the results.
        config: the configuration file; None for the built-in example.
        engine: overrides the configured engine.
        folder: a temporary folder for the example.
    """
    from mmearth_core.registry import discover
    from mmearth_preflight.doctor import machine

    registry = discover()
    machine.check_python(findings)
    machine.check_plugins(findings, registry)
    machine.check_slurm(findings)
    options = _options(findings, registry, config, engine, folder)
    root = Path.cwd() if config is None or options is None else options.root
    machine.check_folder(findings, "dataset folder", root)
    if options is not None:
        if config is not None and not options.budget.is_relative_to(options.root):
            machine.check_folder(findings, "budget folder", options.budget)
        _check_download(findings, registry, options, engine, counts_space=config is not None)


def _options(
    findings: "Findings", registry: "Registry", config: Path | None, engine: str | None, folder: Path
) -> "Config | None":
    """The configuration, or the built-in example; None if it has an error."""
    from attrs import evolve

    from mmearth_core.config.schema import RunOptions, load_config
    from mmearth_core.registry import engine_of
    from mmearth_preflight.doctor.subject import write_example

    with findings.check("configuration"):
        if config is None:
            spec = engine or RunOptions().engine
            file = write_example(folder, registry, engine_of(registry, spec))
            options = load_config(file)
            options = evolve(options, run=evolve(options.run, engine=spec))
        else:
            options = load_config(config)
        about = "built-in example" if config is None else str(options.source)
        findings.ok("configuration", f"{about}: {', '.join(options.modalities)}; engine {engine or options.run.engine}")
        return options
    return None


def _check_download(
    findings: "Findings", registry: "Registry", options: "Config", engine: str | None, counts_space: bool
) -> None:
    """Checks what needs a configuration: the tiles, the engine, the modalities, and one tile."""
    from mmearth_core.download.run import prepare
    from mmearth_core.registry import engine_of
    from mmearth_preflight.doctor.connection import check_engine
    from mmearth_preflight.doctor.machine import check_space
    from mmearth_preflight.doctor.modalities import ModalityChecks
    from mmearth_preflight.doctor.tile import check_tile
    from mmearth_preflight.estimate import Plan

    job = None
    with findings.check("tiles and modalities"):
        job = prepare(options, registry, engine)
        tiles = int(job.stored.tiles["count"])
        findings.ok(
            "tiles and modalities", f"{counted(tiles, 'tile')}, groups {', '.join(group.name for group in job.groups)}"
        )
    if job is not None and counts_space:
        check_space(findings, Plan.of(job, options))
    client = None
    with findings.check("engine"):
        chosen = engine_of(registry, engine or options.run.engine, options.engines, str(options.source))
        client = check_engine(findings, chosen, options.run, options.workload_tag)
    if job is None or client is None:
        findings.skip("one tile", "it needs the checks that failed")
        return
    ordinal = ModalityChecks(findings, client, job).run()
    core = click.get_current_context().find_root().command
    check_tile(findings, job, ordinal, lambda arguments: core.main(arguments, standalone_mode=False))
