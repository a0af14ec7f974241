"""Test the rules of Earth Engine that this project relies on."""

import json
from typing import TYPE_CHECKING

import click

from mmearth_core.cli.common import engine_option, json_option, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mmearth_core import Engine
    from mmearth_devkit.engine_checks.check import CheckResult


@click.group("engine")
def command() -> None:
    """Test the rules of Earth Engine that this project relies on.

    \b
    Examples:
      mmearth-core engine check                    with your Earth Engine account
      mmearth-core engine check --engine local     offline
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep


@command.command()
@engine_option("The engine to test.", default="earthengine")
@json_option("Print the results as JSON.")
def check(engine: str, as_json: bool) -> int:
    """Test every rule that can be tested, with some 240 tiny requests that name no asset.

    docs/fidelity.md lists all rules. If one differs, pixels or the choice of images may not be as the plugins
    expect: please report it.

    \b
    Examples:
      mmearth-core engine check --engine earthengine:my-project
      mmearth-core engine check --engine local --json
      mmearth-core engine check --engine record:answers

    \b
    Exit status:
      0  all rules agree
      1  a rule differs, or could not be tested
      2  the engine cannot be used
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.config.schema import RunOptions
    from mmearth_core.earthengine.client import EarthClient
    from mmearth_devkit.engine_checks.check import Outcome, run_check
    from mmearth_devkit.engine_checks.table import CHECKS

    tested = _engine(engine)
    client = EarthClient(tested, RunOptions(retry_seconds=60.0))
    results = []
    for each in CHECKS:
        if each.probe is not None:
            results.append(run_check(client, each))
            if not as_json:
                _print(results[-1])
    counts = {str(outcome): sum(result.outcome is outcome for result in results) for outcome in Outcome}
    agree = counts[Outcome.AGREE]
    # Scripts read the results under this name.
    facts = {"source": tested.source, **counts, "beliefs": [result.as_data() for result in results]}
    # An engine may wrongly return NaN: the result is still printed.
    return show(as_json, facts, _summary(tested.source, results, agree), agree != len(results), allow_nan=True)


def _engine(spec: str) -> "Engine":
    """An engine with its default options, except for the text after a colon."""
    from mmearth_core.registry import discover, engine_of

    return engine_of(discover(), spec, source="--engine")


def _print(result: "CheckResult") -> None:
    data = result.as_data()
    click.echo(f"{result.outcome:6}  {result.check.key} ({result.check.status})")
    if data["outcome"] == "differ":
        click.echo(f"        rule: {result.check.rule}")
        click.echo(f"        expected {json.dumps(data['expected'])}, found {json.dumps(data['found'])}")
    elif data["outcome"] == "error":
        click.echo(f"        rule: {result.check.rule}")
        click.echo(f"        refused: {result.message}")


def _summary(source: str, results: "Sequence[CheckResult]", agree: int) -> "Iterator[str]":
    yield f"{source}: {agree} of {len(results)} rules agree."
    if agree != len(results):
        yield (
            "Please report the others, with the folder that `--engine record:FOLDER` writes; docs/fidelity.md explains "
            "them."
        )
