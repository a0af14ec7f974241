"""`python -m mmearth_devkit.beliefs.beliefs`: docs/fidelity.md, every belief about Earth Engine, from one table."""

import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from mmearth_devkit.beliefs.belief import Belief, Status
from mmearth_devkit.beliefs.beliefs_pixels import MASKS, REQUESTS, TYPES
from mmearth_devkit.beliefs.beliefs_places import PLACES
from mmearth_devkit.beliefs.beliefs_rasters import COMPOSITES, SAMPLING, TERRAIN
from mmearth_devkit.beliefs.beliefs_values import COLLECTIONS, METADATA

SECTIONS: Mapping[str, tuple[Belief, ...]] = MappingProxyType(
    {
        "Collections and filters": COLLECTIONS,
        "Metadata, dates and geometries": METADATA,
        "Places": PLACES,
        "Masks and footprints": MASKS,
        "Types and files": TYPES,
        "Grids and resampling": SAMPLING,
        "Composites": COMPOSITES,
        "Terrain": TERRAIN,
        "Requests": REQUESTS,
    }
)


BELIEFS: tuple[Belief, ...] = tuple(belief for beliefs in SECTIONS.values() for belief in beliefs)
"""All of them, in the order of the document."""


_HEAD = """\
# What we believe about Earth Engine

Made by `python -m mmearth_devkit.beliefs.beliefs > docs/fidelity.md`; not written by hand.

The plugins and the local engine come from one hand, so that a false belief about Earth Engine would stand in both, and
no test on the local engine would find it. Therefore every rule that the core, the plugins or the local engine rely on
stands here: **documented** by Google, with the page, or **assumed**, with what that rests on. A rule with a tick is
tested by

    mmearth-core engine check                       # asks Google, with your account: a few dozen tiny requests
    mmearth-core engine check --engine local        # asks the local engine; all agree, and a test keeps it so

which says *agree* or *differ* for each. No request names an asset. If one differs on Google, that is worth an issue:
`--engine record:FOLDER` keeps the answers, without credentials.
"""


def markdown() -> str:
    """The document."""
    count = {status: sum(belief.status is status for belief in BELIEFS) for status in Status}
    checked = sum(belief.check is not None for belief in BELIEFS)
    lines = [
        _HEAD,
        f"{len(BELIEFS)} rules: {count[Status.DOCUMENTED]} documented, {count[Status.ASSUMED]} assumed; {checked} are "
        "checked.",
    ]
    for title, beliefs in SECTIONS.items():
        lines += ["", f"## {title}", "", "| rule | status | source | check |", "|---|---|---|---|"]
        lines += [_row(belief) for belief in beliefs]
    return "\n".join([*lines, "", *_reasons()]) + "\n"


def _row(belief: Belief) -> str:
    source = f"[{belief.source.rsplit('/', 1)[-1]}]({belief.source})" if _is_page(belief) else belief.source
    cells = (f"**{belief.key}**: {belief.rule}", f"{belief.status}", source, "✓" if belief.check else "")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _is_page(belief: Belief) -> bool:
    return belief.status is Status.DOCUMENTED


def _reasons() -> Iterator[str]:
    yield "## Assumed and not checked"
    yield ""
    for belief in BELIEFS:
        if belief.unchecked:
            yield f"- **{belief.key}**: {belief.unchecked}"


def main() -> None:
    """Prints the document."""
    sys.stdout.write(markdown())


if __name__ == "__main__":
    main()
