"""`mmearth-core plan`: what a run will cost, before anything is spent."""

import json
from pathlib import Path

import click

from mmearth_core.completion import engines


@click.command("plan")
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--concurrency", type=click.IntRange(1, 500), metavar="N", help="Requests at once, instead of max_concurrent."
)
@click.option(
    "--latency",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="Seconds until a request is answered; by default what a sample measures, or 1.",
)
@click.option(
    "--eecu-seconds-per-tile",
    type=click.FloatRange(min=0),
    metavar="X",
    help="What a tile costs, as your project's metrics tell it after a sample.",
)
@click.option(
    "--tier", type=click.Choice(["community", "contributor", "partner"]), help="The project's noncommercial tier."
)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    help="Download N tiles, spread over all, into a folder that is thrown away, and extrapolate what they cost.",
)
@click.option(
    "--engine",
    metavar="NAME[:TEXT]",
    help="Who answers, instead of the configuration's engine.",
    shell_complete=engines,
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(
    config: Path,
    concurrency: int | None,
    latency: float | None,
    eecu_seconds_per_tile: float | None,
    tier: str | None,
    sample: int | None,
    engine: str | None,
    as_json: bool,
) -> int:
    """Say what downloading the rest of CONFIG (a TOML file) will cost.

    Tiles, requests, bytes, hours, and the share of a month's EECU-hours, each with where it comes from. Without
    --sample nothing is sent, and no account is needed.

    \b
    Examples:
      mmearth-core plan mydata.toml
      mmearth-core plan mydata.toml --sample 50
      mmearth-core plan mydata.toml --tier community --eecu-seconds-per-tile 0.4
      mmearth-core plan mydata.toml --concurrency 20 --latency 0.5 --json

    \b
    Exit status:
      0  the plan is told
      1  a tile of the sample has failed, or is left over
      2  nothing was begun: the error says what to mend
      3  the sample was stopped early
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from attrs import evolve
    from rich.console import Console

    from mmearth_core.cli.run import leave
    from mmearth_core.config.load import load_config
    from mmearth_core.download.prepare import prepare
    from mmearth_core.download.progress import ProgressView
    from mmearth_core.download.stop import Stop
    from mmearth_core.plan.estimate import Plan
    from mmearth_core.plan.sample import draw_sample
    from mmearth_core.plan.tell import tell
    from mmearth_core.plan.work import group_costs, without_centroid
    from mmearth_core.registry import discover

    options = load_config(config)
    if concurrency is not None:
        options = evolve(options, run=evolve(options.run, max_concurrent=concurrency))
    job = prepare(options, discover(), engine)
    plan = Plan(
        config=options,
        tiles=int(job.effective.tiles["count"]),
        groups=group_costs(job),
        without_centroid=without_centroid(job),
        given_latency=latency,
        eecu_seconds=eecu_seconds_per_tile,
        tier=tier,
    )
    if sample is not None:
        stop = Stop(options.run.grace_seconds)
        with stop.on_signals(), ProgressView(Console(stderr=True)) as view:
            taken = draw_sample(job, options, sample, view, stop)
        if taken.result.stopped:
            return leave(taken.result)
        plan = evolve(plan, sample=taken)
    if as_json:
        click.echo(json.dumps(plan.to_json(), indent=2, allow_nan=False))
    else:
        tell(plan, Console(soft_wrap=True, highlight=False))
    return 0 if plan.sample is None else int(plan.sample.result.exit_code)
