"""`python -m mmearth_localearth.coverage`: the list of what is implemented, as Markdown, made from the registry."""

import sys
from importlib import import_module

from mmearth_localearth.registry import Registered, functions
from mmearth_localearth.signatures import REQUIRED, signatures


def _title(family: str) -> str:
    """What a family's module says it is, in its first docstring line."""
    documentation = import_module(f"mmearth_localearth.functions.{family}").__doc__ or family
    return documentation.splitlines()[0].rstrip(".").replace("|", "/")


def _line(name: str, entry: Registered) -> str:
    arguments = ", ".join(
        argument.name if argument.default is REQUIRED else f"{argument.name}?" for argument in entry.signature.arguments
    )
    first = entry.signature.description.replace("<p>", " ").split(". ")[0].rstrip(".").replace("|", "\\|")
    note = entry.note.replace("|", "\\|")
    return f"| `{name}({arguments})` | {first.strip()} | {note} |"


def markdown() -> str:
    """The list, by family, with Google's first sentence on each function and what is refused or assumed."""
    families: dict[str, dict[str, Registered]] = {}
    for name, entry in functions().items():
        families.setdefault(entry.family, {})[name] = entry
    total = len(functions())
    lines = [
        "# What the local Earth Engine knows",
        "",
        "Made by `python -m mmearth_localearth.coverage > docs/localearth-functions.md`; not written by hand.",
        "",
        f"{total} of the {len(signatures())} algorithms in Earth Engine's list are implemented. Any other one is an "
        "error that names it. A question mark follows an optional argument. The last column says which arguments are "
        "refused, and what is assumed where Google's documentation is silent.",
    ]
    for family in sorted(families, key=_title):
        lines += ["", f"## {_title(family)}", "", "| function | meaning | limits and assumptions |", "|---|---|---|"]
        lines += [_line(name, entry) for name, entry in sorted(families[family].items())]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Prints the list."""
    sys.stdout.write(markdown())


if __name__ == "__main__":
    main()
