"""Groups: the modalities that are downloaded together, into one stack and one journal a tile.

The first run makes the group `base`, with the anchor in it; modalities added later get a
group of their own, so that nothing old is asked for or rewritten.
"""

from collections.abc import Mapping, Sequence

from attrs import frozen

from mmearth_core.contract.modality import Modality

BASE = "base"


@frozen
class Group:
    """Modalities downloaded together.

    Attributes:
        name: `base`, or the names of the modalities added later.
        modalities: in the order of the configuration.
        anchor: the dataset's anchor; located here only if the group is `base`.
    """

    name: str
    modalities: tuple[Modality, ...]
    anchor: Modality

    @property
    def is_base(self) -> bool:
        """Whether this group locates the anchors."""
        return self.name == BASE


def plan_groups(
    recorded: Mapping[str, Sequence[str]], wanted: Sequence[str], anchor: str
) -> dict[str, tuple[str, ...]]:
    """Decides which groups a run works.

    Args:
        recorded: the dataset's groups so far, `{group: modalities}`.
        wanted: modalities to download.
        anchor: the anchor's name; always part of `base`.

    Returns:
        `{group: modalities}`, in the order to be worked; a new group is the last.
    """
    if not recorded:
        return {BASE: tuple(dict.fromkeys([anchor, *wanted]))}
    work = {name: tuple(members) for name, members in recorded.items() if set(members) & set(wanted)}
    known = {member for members in recorded.values() for member in members}
    new = tuple(name for name in wanted if name not in known)
    if new:
        work["+".join(new)] = new
    return work
