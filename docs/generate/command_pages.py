"""The page of each command, also of plugins: usage, help, options and examples, from click's tree of commands."""

import inspect
from collections.abc import Iterator

import click
from configuration_page import table
from mmearth_devkit.command_tree import walk

from mmearth_core.cli import main


def command_pages() -> dict[str, str]:
    """A page for each command of `mmearth-core` with its subcommands, by its path under docs/."""
    pages: dict[str, list[str]] = {}
    for ctx in walk(main):
        words = ctx.command_path.split()
        name = words[1] if len(words) > 1 else "mmearth-core"
        pages.setdefault(f"commands/{name}.md", []).extend(_section(ctx, level=max(1, len(words) - 1)))
    return {place: "\n".join(lines) for place, lines in pages.items()}


def _section(ctx: click.Context, level: int) -> Iterator[str]:
    yield from (f"{'#' * level} {ctx.command_path}", "")
    yield from _help(ctx.command)
    usage = " ".join(ctx.command.collect_usage_pieces(ctx))
    yield from ("```text", f"{ctx.command_path} {usage}", "```", "")
    records = [parameter.get_help_record(ctx) for parameter in ctx.command.get_params(ctx)]
    # An argument without a help text is described in the text above.
    rows = [(f"`{record[0]}`", record[1]) for record in records if record and record[1]]
    if rows:
        yield from table(("option", "what it does"), *rows)


def _help(command: click.Command) -> Iterator[str]:
    r"""The paragraphs of a docstring; those that click does not wrap (marked with \b) as blocks of text."""
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        mark, _, kept = paragraph.partition("\b\n")
        if kept and not mark.strip():
            title, *lines = kept.splitlines()
            yield from (title, "", "```text", *(line[2:] for line in lines), "```", "")
        else:
            yield from (paragraph, "")
