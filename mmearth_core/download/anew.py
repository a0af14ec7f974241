"""Beginning anew: what binds a run to what was begun before it, and what can be done when it wants otherwise."""

from collections.abc import Collection

from mmearth_core.config.effective import Effective, load_effective
from mmearth_core.config.schema import Config
from mmearth_core.download.endings import read_endings
from mmearth_core.download.group import BASE
from mmearth_core.download.journal import Outcome
from mmearth_core.errors import DatasetError
from mmearth_core.folder import DatasetFolder


def load_begun(folder: DatasetFolder, wanted: Collection[str]) -> Effective | None:
    """A dataset's effective configuration; None when there is none yet.

    A group that was added, and whose journals are not there, was never begun, or somebody has deleted them to begin
    it anew. It does not bind a run that wants its modalities.

    Args:
        folder: the dataset.
        wanted: the run's modalities.

    Raises:
        DatasetError: when the file is there and cannot be understood.
    """
    effective = load_effective(folder.config)
    if effective is None:
        return None
    return effective.without(
        [
            name
            for name, members in effective.groups.items()
            if name != BASE and set(members) & set(wanted) and not folder.journal(name, 0).parent.is_dir()
        ]
    )


def joined(recorded: Effective, wanted: Effective, folder: DatasetFolder, config: Config) -> Effective:
    """What is recorded, with the groups that a run adds.

    Raises:
        DatasetError: when the run wants something otherwise; says what can be done.
    """
    differences = recorded.differences(wanted)
    if differences:
        raise DatasetError(
            f"{folder.root} holds a dataset built from something else than {config.source} says: "
            f"{'; '.join(differences)}. {_remedy(recorded, wanted, folder, config)}"
        )
    return recorded.with_groups(wanted)


def _remedy(recorded: Effective, wanted: Effective, folder: DatasetFolder, config: Config) -> str:
    done = {group for group in recorded.groups if _is_done(folder, group)}
    if not done:
        where = str(folder.root)
        if any(source.is_relative_to(folder.root) for source in (config.source, config.tiles)):
            # Nothing of the user's own is to go with it.
            where = f"{folder.config}, {folder.tiles} and {folder.root / 'journal'}"
        return f"No tile is done there yet: delete {where}, and the same command begins anew."
    changed = [group for group, members in recorded.groups.items() if _differ(recorded, wanted, members)]
    if not done.intersection(changed) and not recorded.without(changed).differences(wanted):
        journals = " and ".join(str(folder.journal(group, 0).parent) for group in changed)
        return f"No tile has these modalities yet: delete {journals}, and the same command begins them anew."
    return "Give this one another `name` or `path` in [dataset], or put the configuration back."


def _differ(recorded: Effective, wanted: Effective, members: Collection[str]) -> bool:
    both = [name for name in members if name in recorded.modalities and name in wanted.modalities]
    return any(recorded.modalities[name] != wanted.modalities[name] for name in both)


def _is_done(folder: DatasetFolder, group: str) -> bool:
    """Whether some tile of a group is done."""
    return any(
        ending.outcome is Outcome.DONE
        for path in sorted(folder.journal(group, 0).parent.glob("*.jsonl"))
        for ending in read_endings(path).values()
    )
