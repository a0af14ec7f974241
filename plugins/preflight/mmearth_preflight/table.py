"""Prints a plan as a table: each figure with its source."""

from rich.console import Console
from rich.table import Table

from mmearth_core.text import duration, size
from mmearth_preflight.estimate import HOUR, Plan, shares


def print_plan(plan: Plan, console: Console) -> None:
    """Prints a plan."""
    facts, source = plan.to_json(), plan.sources()
    requests, sizes, time = facts["requests"], facts["bytes"], facts["time"]
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    table.add_row("tiles", f"{plan.left:,}", f"left, of {plan.tiles:,}")
    if len(plan.groups) > 1:
        for group in plan.groups:
            table.add_row(f"  {group.name}", f"{group.left:,}", "left")
    each = "" if requests["a_tile"] is None else f"{requests['a_tile']:.2f} per tile; "
    table.add_row("requests", f"{requests['total']:,}", f"{each}{source['requests']}")
    for kind in ("centroids", "locate", "pixels"):
        table.add_row(f"  {kind}", f"{requests[kind]:,}", "")
    for name, text in (("wire", "transferred"), ("stacks", "stacks on disk"), ("hdf5", "HDF5, of all tiles")):
        table.add_row(text, size(sizes[name]), source[name])
    table.add_row("time", duration(time["hours"] * HOUR), _pace(plan))
    table.add_row("latency", f"{plan.latency:.2f} s", source["latency"])
    _eecu(plan, table)
    _endpoints(plan, table)
    table.add_row("workload tag", plan.config.workload_tag or "none", "label of the run in the Cloud project's metrics")
    console.print(table)
    if plan.sample is not None:
        sample = plan.sample.to_json()
        console.print(
            f"Sample: {sample['done']} done, {sample['skipped']} skipped, {sample['failed']} failed, {sample['left']} "
            f"left in {duration(sample['seconds'])}; {100 * sample['failed_share']:.1f} % failed or left.",
            style="bold",
        )
        for row in sample["reasons"][:5]:
            console.print(f"  {row['outcome']} {row['tiles']}: {row['reason']}", markup=False)
    if plan.seconds_per_tile is None:
        console.print(_how_to_measure(plan))


def _pace(plan: Plan) -> str:
    run = plan.config.run
    return f"{run.max_concurrent} concurrent requests, at most {run.requests_per_second:g}/s: {plan.per_second:.1f}/s"


def _eecu(plan: Plan, table: Table) -> None:
    seconds = plan.seconds_per_tile
    table.add_row("EECU-s per tile", "?" if seconds is None else _figure(seconds), plan.sources()["eecu"])
    for name, alone in plan.modalities.items():
        table.add_row(f"  {name}", _figure(alone), "downloaded alone")
    for share in shares(plan.left, seconds, plan.tier):
        fits = "" if share.affordable is None else f"; {_figure(share.affordable)} EECU-s per tile fit into one month"
        share_text = "?" if share.share is None else f"{_figure(100 * share.share)} %"
        table.add_row(f"{share.tier} tier", share_text, f"of a month's {share.hours:,.0f} EECU-hours{fits}")


def _endpoints(plan: Plan, table: Table) -> None:
    for number, (name, sample) in enumerate(plan.endpoints.items()):
        cost = sample.eecu_seconds
        text = "" if cost is None else f"{_figure(cost)} EECU-s per tile, "
        table.add_row(
            f"endpoint {name}", f"{sample.latency:.2f} s", f"{text}on {sample.tiles} {'other ' if number else ''}tiles"
        )
    if plan.sample is not None and not plan.endpoints:
        table.add_row("endpoint", "", "nothing to compare: the engine has one only, or `url` is an address")


def _how_to_measure(plan: Plan) -> str:
    if plan.sample is None:
        return "EECU-seconds per tile: run with --sample N to measure them."
    none = "EECU-seconds per tile: the engine's answers have no profile of their cost."
    if not plan.sample.workload_tag:
        return f"{none} Set `workload_tag` in [run], to find it in the project's metrics."
    return (
        f"{none} In the Cloud console's Metrics "
        "Explorer, resource Earth Engine Cloud Project, sum Completed EECU-seconds of workload_tag "
        f"{plan.sample.workload_tag!r}, divide by {plan.sample.tiles}, and pass it as --eecu-seconds-per-tile."
    )


def _figure(number: float) -> str:
    """Three digits; large numbers without an exponent."""
    return f"{number:.3g}" if number < 999.5 else f"{number:,.0f}"
