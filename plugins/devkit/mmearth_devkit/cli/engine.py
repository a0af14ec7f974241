"""Test the rules of Earth Engine that this project relies on."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmearth_core.cli.common import engine_option, json_option, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mmearth_core.contract.engine import Engine
    from mmearth_devkit.beliefs.check import Finding


@click.group("engine")
def command() -> None:
    """Test what is believed of Earth Engine, on Google's servers or on another engine.

    \b
    Examples:
      mmearth-core engine check                    with your Earth Engine account
      mmearth-core engine check --engine local     offline
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep


@command.command()
@engine_option("The engine to ask.", default="earthengine")
@json_option("Print the findings as JSON.")
def check(engine: str, as_json: bool) -> int:
    """Test every belief that can be tested: a few dozen tiny requests, which name no asset.

    docs/fidelity.md lists them all. A difference means that pixels or choices of images may not be as the
    plugins expect: please report it.

    \b
    Examples:
      mmearth-core engine check --engine earthengine:my-project
      mmearth-core engine check --engine local --json
      mmearth-core engine check --engine record:answers

    \b
    Exit status:
      0  all agree
      1  a rule differs, or could not be tested
      2  the engine cannot be used
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_core.config.schema import RunOptions
    from mmearth_core.earthengine.client import EarthClient
    from mmearth_devkit.beliefs.beliefs import BELIEFS
    from mmearth_devkit.beliefs.check import Outcome, find

    asked = _engine(engine)
    client = EarthClient(asked, RunOptions(retry_seconds=60.0))
    findings = []
    for belief in BELIEFS:
        if belief.check is not None:
            findings.append(find(client, belief))
            if not as_json:
                _print(findings[-1])
    counts = {str(outcome): sum(found.outcome is outcome for found in findings) for outcome in Outcome}
    agree = counts[Outcome.AGREE]
    facts = {"source": asked.source, **counts, "beliefs": [found.as_data() for found in findings]}
    # An engine may answer NaN where it should not: that is a finding too, and is printed.
    return show(as_json, facts, _summary(asked.source, findings, agree), agree != len(findings), allow_nan=True)


def _engine(spec: str) -> "Engine":
    """An engine with its default options, but for what stands after a colon."""
    from mmearth_core.config.schema import Config, DatasetOptions, RunOptions
    from mmearth_core.registry import discover
    from mmearth_core.registry.configured import make_engine

    nothing = Config(DatasetOptions(tiles="", name="check"), RunOptions(), {}, {}, Path("--engine"))
    return make_engine(nothing, discover(), spec)


def _print(found: "Finding") -> None:
    data = found.as_data()
    click.echo(f"{found.outcome:6}  {found.belief.key} ({found.belief.status})")
    if data["outcome"] == "differ":
        click.echo(f"        believed: {found.belief.rule}")
        click.echo(f"        expected {json.dumps(data['expected'])}, found {json.dumps(data['found'])}")
    elif data["outcome"] == "error":
        click.echo(f"        believed: {found.belief.rule}")
        click.echo(f"        refused: {found.message}")


def _summary(source: str, findings: "Sequence[Finding]", agree: int) -> "Iterator[str]":
    yield f"{source}: {agree} of {len(findings)} rules agree."
    if agree != len(findings):
        yield (
            "Please report the others, with the folder that `--engine record:FOLDER` writes; docs/fidelity.md says "
            "what they mean."
        )
