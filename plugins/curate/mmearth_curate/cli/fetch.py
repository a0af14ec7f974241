"""Fetch a published dataset: MMEarth, MMEarth64 or MMEarth100k."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmearth_core import text
from mmearth_core.cli.common import FOLDER, json_option, show
from mmearth_core.errors import RunStoppedError
from mmearth_core.files import FOLDER_FAULTS
from mmearth_curate.fetch.catalogue import PARTS, PUBLISHED, Published

if TYPE_CHECKING:
    from mmearth_curate.fetch.plan import Wanted


@click.command("fetch")
@click.argument("name", type=click.Choice(list(PUBLISHED)))
@click.argument("folder", type=FOLDER)
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="Fetch only this file; may be repeated.")
@click.option("--url", metavar="BASE", help="Fetch from this web folder, for example of a mirror.")
@click.option("--dry-run", is_flag=True, help="Request the sizes and print what would be fetched; fetch nothing.")
@json_option()
def command(name: str, folder: Path, only: tuple[str, ...], url: str | None, dry_run: bool, as_json: bool) -> None:
    """Fetch a published dataset into a new folder in FOLDER.

    MMEarth is 597 GB, MMEarth64 152 GB, MMEarth100k 48 GB. The disk space is checked first. After an interruption the
    same command continues; incomplete files end in `.part`. The data's licence is CC BY 4.0.

    \b
    Examples:
      mmearth-core fetch MMEarth100k data --dry-run
      mmearth-core fetch MMEarth100k data
      mmearth-core fetch MMEarth64 data --only splits --only band_stats
      mmearth-core fetch MMEarth data --url https://mirror.example.org/mmearth

    \b
    Exit status:
      0  all files are complete
      2  nothing can be fetched: no disk space, a wrong address, another file of that name
      3  stopped early: the downloaded parts are kept; rerun the command to continue
    """  # noqa: D301 - click takes the character itself as its mark for lines to keep
    from mmearth_curate.fetch.plan import check_room, plan, remark
    from mmearth_curate.fetch.server import new_session

    published = PUBLISHED[name]
    with new_session() as session:
        wanted = plan(published, folder, only, url or published.base, session)
        odd = remark(published, wanted)
        if odd:
            click.echo(f"Note: {odd}", err=True)
        if dry_run:
            _show_plan(published, folder, wanted, as_json)
            return
        check_room(published, wanted, folder)
        sizes = _fetch(wanted, session)
    lines = [f"{published.name} ({published.about}): {folder / published.stem}"]
    if not only:
        lines += [
            "Licence: CC BY 4.0, see LICENSE-data; please cite Nedungadi et al., 2024, arXiv:2405.02771.",
            f"Read it with torchgeo: MMEarth(root={str(folder)!r}, subset={name!r}); or with mmearth_core.torch: "
            f"Dataset({str(folder / published.stem)!r}), if the plugins of its layers are installed.",
        ]
    show(as_json, _summary(published, folder, wanted, sizes), lines)


def _show_plan(published: Published, folder: Path, wanted: "Sequence[Wanted]", as_json: bool) -> None:
    """Prints what would be fetched, and the free disk space."""
    from mmearth_curate.fetch.plan import room

    missing = sum(each.missing for each in wanted if not each.done)
    ground, free = room(folder)
    facts = {"missing_bytes": missing, "free_bytes": free, "free_at": str(ground)}
    lines = [f"{_state(each, {}):>9}  {_size(each):>9}  {each.url}" for each in wanted]
    lines.append(f"{text.size(missing)} to fetch into {folder / published.stem}; {text.size(free)} free at {ground}")
    show(as_json, {**_summary(published, folder, wanted, {}), **facts}, lines)


def _fetch(wanted: "Sequence[Wanted]", session: Any) -> dict[str, int]:
    """Fetches the missing files; returns the size of each."""
    from functools import partial

    from rich.console import Console

    from mmearth_curate.fetch.transfer import Transfer, bytes_bar

    sizes = {}
    with bytes_bar(Console(stderr=True)) as bar:
        for each in wanted:
            if each.done:
                continue
            try:
                transfer = Transfer(session, each.url, each.target, each.file, partial(bar, each.file.name))
                sizes[each.file.name] = transfer.run()
            except OSError as error:
                if error.errno not in FOLDER_FAULTS:
                    raise
                raise RunStoppedError(
                    f"{each.target.parent} cannot be written: {error.strerror}. Fix this and rerun the command: it "
                    "continues where it stopped."
                ) from error
    return sizes


def _state(wanted: "Wanted", sizes: Mapping[str, int]) -> str:
    if wanted.file.name in sizes:
        return "fetched"
    return "here" if wanted.done else "part here" if wanted.here else "missing"


def _size(wanted: "Wanted") -> str:
    return "?" if wanted.size is None else text.size(wanted.size)


def _summary(
    published: Published, folder: Path, wanted: "Sequence[Wanted]", sizes: Mapping[str, int]
) -> dict[str, Any]:
    """The state of each file; `were_here` is the number of bytes that were downloaded before."""
    files = [
        {
            "file": str(each.target),
            "url": each.url,
            "bytes": sizes.get(each.file.name, each.size),
            "were_here": each.here,
            "state": _state(each, sizes),
        }
        for each in wanted
    ]
    return {"dataset": published.name, "folder": str(folder / published.stem), "files": files}
