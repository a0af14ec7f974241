"""Checks that every step could be done, and that there was something to look at."""

from collections.abc import Iterator

from mmearth_devkit.evidence import TrialRecord
from mmearth_devkit.finding import Finding


def steps(evidence: TrialRecord) -> Iterator[Finding]:
    """No function failed, no answer was refused, and the tile has data."""
    # What an unknown asset brings down is told with the asset.
    unknown = [asset for asset in evidence.assets if not evidence.stage.holds(asset)]
    for step, problem in evidence.failures:
        if not any(asset in problem for asset in unknown):
            where = step if " " in step else f"{step}()"
            yield Finding(
                "steps",
                where,
                f"It fails: {problem.rstrip('.')}.",
                "Repair it, or choose a tile and day at which there is data (`scene=` of check_modality).",
            )
    if evidence.failures:
        return
    if any(layer.is_map for layer in evidence.modality.layers) and evidence.names is None:
        yield Finding(
            "steps",
            "image()",
            "The tile has no image, so none of its pixels were looked at.",
            "Choose a tile and day at which there is data (`scene=` of check_modality); if there is data here, "
            "present() or image() misses it.",
        )
    elif evidence.raw and not any(raw.values.size for raw in evidence.raw):
        yield Finding(
            "steps",
            "image()",
            "Every pixel of the tile is masked, so no value was looked at.",
            "Choose a tile at which there is data, or look for a mask that hides everything.",
        )
