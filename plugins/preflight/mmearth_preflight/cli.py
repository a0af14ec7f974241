"""Estimate what a run costs, before it starts."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmearth_core.cli.common import config_argument, engine_option, finite, json_option, number_option, show

if TYPE_CHECKING:
    from mmearth_core.download.run import PreparedRun
    from mmearth_preflight.estimate import Plan


@click.command("plan")
@config_argument
@click.option(
    "--concurrency", type=click.IntRange(1, 500), metavar="N", help="Concurrent requests; default: max_concurrent."
)
@click.option(
    "--latency",
    type=click.FloatRange(min=0, min_open=True),
    callback=finite,
    metavar="S",
    help="Seconds until a request is answered; default: as measured by --sample, or 1.",
)
@click.option(
    "--eecu-seconds-per-tile",
    "eecu_seconds",
    type=click.FloatRange(min=0),
    callback=finite,
    metavar="X",
    help="EECU-seconds per tile, instead of those that --sample measures.",
)
@click.option(
    "--tier", type=click.Choice(["community", "contributor", "partner"]), help="The project's noncommercial tier."
)
@number_option(
    "--sample",
    "Download N tiles, spread over all, into a temporary folder, and extrapolate their cost; at both endpoints if "
    "the engine has two.",
)
@engine_option()
@json_option("Print the plan as JSON.")
def command(
    config: Path,
    concurrency: int | None,
    latency: float | None,
    eecu_seconds: float | None,
    tier: str | None,
    sample: int | None,
    engine: str | None,
    as_json: bool,
) -> int:
    """Estimate what downloading the rest of CONFIG (a TOML file) will cost.

    Prints tiles, requests, bytes, hours, and the share of a month's EECU-hours, each with its source. Without --sample
    nothing is sent, and no account is needed.

    \b
    Examples:
      mmearth-core plan mydata.toml
      mmearth-core plan mydata.toml --sample 50
      mmearth-core plan mydata.toml --tier community --eecu-seconds-per-tile 0.4
      mmearth-core plan mydata.toml --concurrency 20 --latency 0.5 --json

    \b
    Exit status:
      0  the plan was printed
      1  a tile of the sample has failed or is left
      2  nothing was started; the error says what to fix
      3  the sample was stopped early
    """  # noqa: D301 - click marks lines to keep with this character
    from attrs import evolve

    from mmearth_core.cli.run import leave
    from mmearth_core.config.schema import load_config
    from mmearth_core.download.run import prepare
    from mmearth_core.registry import discover
    from mmearth_preflight.estimate import Plan
    from mmearth_preflight.table import print_plan

    options = load_config(config)
    if concurrency is not None:
        options = evolve(options, run=evolve(options.run, max_concurrent=concurrency))
    job = prepare(options, discover(), engine)
    plan = evolve(Plan.of(job, options), given_latency=latency, eecu_seconds=eecu_seconds, tier=tier)
    status = 0
    if sample is not None:
        plan = _sampled(plan, job, sample)
        for result in [each.result for each in (plan.sample, *plan.endpoints.values()) if each is not None]:
            if result.why:
                return leave(result)
            status = max(status, result.exit)
    show(as_json, plan.to_json(), partial(print_plan, plan))
    return status


def _sampled(plan: "Plan", job: "PreparedRun", tiles: int) -> "Plan":
    """Downloads a few tiles, with a progress bar on standard error; a signal stops the download in an orderly way."""
    from attrs import evolve
    from rich.console import Console

    from mmearth_core.cli.run import run_progress
    from mmearth_core.download.run import StopRequest
    from mmearth_preflight.sample import Trial

    stop = StopRequest(plan.config.run.grace_seconds)
    with stop.on_signals(), run_progress(Console(stderr=True)) as on_progress:
        trial = Trial(job, plan.config, on_progress, stop)
        sample = trial.sample(tiles)
        if sample.result.why:
            return evolve(plan, sample=sample)
        endpoints = trial.endpoints(sample)
        modalities = {} if stop.requested else trial.modalities(sample)
        return evolve(plan, sample=sample, endpoints=endpoints, modalities=modalities)
