"""Files, lines of code, and how the parts of a package import each other.

    python benchmarks/structure.py [PACKAGE]

A part is a folder or a file directly in the package. Lines of code are those without comments, docstrings and blanks.
Imports inside functions count.
"""

import ast
import io
import sys
import tokenize
from collections.abc import Container, Iterator
from functools import cache
from pathlib import Path

from attrs import frozen

BLANK = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
"""Tokens that make no line of code."""


@frozen
class Structure:
    """The measures of a package.

    Attributes:
        files: how many Python files it has.
        sloc: lines of code.
        dependencies: pairs of parts, the first of which imports the second.
        layers: how many layers the parts make, each above all that it imports; a cycle ends the count.
    """

    files: int
    sloc: int
    dependencies: set[tuple[str, str]]
    layers: int


def measure(package: Path) -> Structure:
    """Measures a package."""
    imports = file_imports(package)
    dependencies = {
        (part_of(file, package), part_of(other, package)) for file, others in imports.items() for other in others
    }
    dependencies = {(importer, imported) for importer, imported in dependencies if importer != imported}
    layers = count_layers({part_of(file, package) for file in imports}, dependencies)
    return Structure(len(imports), sum(map(lines_of_code, imports)), dependencies, layers)


def part_of(file: Path, package: Path) -> str:
    """The folder or file directly in the package that a file belongs to."""
    return file.relative_to(package).parts[0]


def file_imports(package: Path) -> dict[Path, set[Path]]:
    """The files of a package, each with those that it imports from."""
    files = sorted(package.rglob("*.py"))
    modules = {module_name(file, package): file for file in files}
    return {file: {modules[name] for name in imported_modules(file, modules) if name in modules} for file in files}


def imported_modules(file: Path, modules: Container[str]) -> set[str]:
    """The names of the modules that a file imports from; `modules` are those that may be taken from a package."""
    names = ((each.module, f"{each.module}.{each.name}") for each in imports_of(file))
    return {inner if inner in modules else module for module, inner in names}


def module_name(file: Path, package: Path) -> str:
    """By what name Python imports a file."""
    parts = file.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


@frozen
class Import:
    """One name that a file imports.

    Attributes:
        module: that it is taken from.
        name: of what is taken; "" for the module itself.
        within: the innermost function that holds the import, "TYPE_CHECKING" for one that type checkers alone see,
            or "" for one that is done whenever the file is imported.
    """

    module: str
    name: str
    within: str


@cache
def imports_of(file: Path) -> tuple[Import, ...]:
    """Every name that a file imports."""
    return tuple(imports_below(ast.parse(file.read_text(encoding="utf-8")), ""))


def imports_below(node: ast.AST, within: str) -> Iterator[Import]:
    """The imports of a part of a syntax tree, which is within such a function."""
    if isinstance(node, ast.ImportFrom) and node.module:
        yield from (Import(node.module, alias.name, within) for alias in node.names)
    elif isinstance(node, ast.Import):
        yield from (Import(alias.name, "", within) for alias in node.names)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        within = node.name
    elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        within = within or "TYPE_CHECKING"
    for child in ast.iter_child_nodes(node):
        yield from imports_below(child, within)


def lines_of_code(file: Path) -> int:
    """A file's lines without comments, docstrings and blanks."""
    text = file.read_text(encoding="utf-8")
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if documented and ast.get_docstring(node) is not None:
            docstrings.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    rows = {row for token in tokens if token.type not in BLANK for row in range(token.start[0], token.end[0] + 1)}
    return len(rows - docstrings)


def count_layers(parts: set[str], dependencies: set[tuple[str, str]]) -> int:
    """Layers of parts that import nothing but lower layers; those of a cycle, and all above, count as one."""
    layers, rest = 0, set(parts)
    while rest:
        above = {importer for importer, imported in dependencies if imported in rest}
        rest -= (rest - above) or rest
        layers += 1
    return layers


def import_cycles(package: Path) -> list[list[str]]:
    """Groups of files each of which imports all the others, directly or through files of the group.

    Returns:
        For each cycle its files' names relative to the package, sorted.
    """
    imports = file_imports(package)
    reached = {file: reachable(file, imports) for file in imports}
    cycles = {
        tuple(sorted(str(other.relative_to(package)) for other in reached[file] if file in reached[other]))
        for file in imports
        if file in reached[file]
    }
    return sorted(map(list, cycles))


def reachable(file: Path, imports: dict[Path, set[Path]]) -> set[Path]:
    """All files that a file imports, directly or through others."""
    found: set[Path] = set()
    rest = [file]
    while rest:
        new = imports[rest.pop()] - found
        found |= new
        rest.extend(new)
    return found


def main(package: Path) -> None:
    """Prints the measures of a package in one line."""
    found = measure(package)
    print(
        f"{found.files} files, {found.sloc} SLOC, {len(found.dependencies)} dependencies between packages, "
        f"{found.layers} layers"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "mmearth_core"))
