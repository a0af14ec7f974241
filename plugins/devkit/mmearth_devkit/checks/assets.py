"""Checks the asset ids in a modality's graphs: well formed, and known where it was tried."""

import difflib
import re
from collections.abc import Iterator

from mmearth_devkit.evidence import TrialRecord
from mmearth_devkit.finding import Finding

_ID = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+")


_NEAR = 0.8


def assets(evidence: TrialRecord) -> Iterator[Finding]:
    """Every id has the form of one and is there; an unknown one is compared with those that are."""
    for asset in evidence.assets:
        if not _ID.fullmatch(asset):
            yield Finding(
                "assets",
                repr(asset),
                "It is no asset id.",
                "An id is two or more parts of letters, digits, `_`, `-` and `.`, with single slashes between: "
                "`OWNER/PRODUCT/VERSION` or `projects/NAME/assets/PATH`.",
            )
        elif not evidence.stage.holds(asset):
            near = nearest(asset, evidence.stage.assets())
            if near:
                yield Finding("assets", repr(asset), "There is no such asset.", f"Did you mean {near!r}?")
            else:
                yield Finding(
                    "assets",
                    repr(asset),
                    "The engine of this check has no such asset, so the modality's pixels were not looked at.",
                    "If the id is right, try it on a world with a small raster under that id: "
                    "`--engine local:world.toml`, or `engine=` of check_modality (docs/worlds.md shows how).",
                )


def nearest(asset: str, known: object) -> str | None:
    """The known id that is nearest to a mistyped one, whatever its case."""
    by_folded = {str(each).casefold(): str(each) for each in sorted(known)}  # type: ignore[call-overload]
    close = difflib.get_close_matches(asset.casefold(), list(by_folded), n=1, cutoff=_NEAR)
    return by_folded[close[0]] if close else None
