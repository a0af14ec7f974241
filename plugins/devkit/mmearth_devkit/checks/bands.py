"""Checks that a modality's image has the bands that it declares, and no others."""

from collections.abc import Iterator

from mmearth_core.contract.modality import Modality
from mmearth_core.text import did_you_mean
from mmearth_devkit.evidence import TrialRecord
from mmearth_devkit.finding import Finding


def bands(evidence: TrialRecord) -> Iterator[Finding]:
    """Every band wanted is there; a modality that does not say which bands it has, has exactly the declared ones."""
    if evidence.names is None:
        return
    names = evidence.names
    wanted = [each.band.name for each in evidence.wanted]
    for name in wanted:
        if name not in names:
            yield Finding(
                "bands",
                f"band {name}",
                f"The image lacks it; it has {', '.join(names) or 'no band'}.{did_you_mean(name, names)}",
                "Rename the image's bands as they are declared, e.g. image.select([...], [...]), or leave it out of "
                "present() where it is missing.",
            )
    # Beside a missing band, another one is rather the same under another name.
    extra = [name for name in names if name not in wanted] if set(wanted) <= set(names) else []
    if extra and type(evidence.modality).present is Modality.present:
        listed = ", ".join(extra[:8]) + (f" and {len(extra) - 8} more" if len(extra) > 8 else "")
        yield Finding(
            "bands",
            "image()",
            f"The image has bands that are not declared, and so not downloaded: {listed}.",
            "Declare them, or select only those that you want: image.select([...]).",
        )
