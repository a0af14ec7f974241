"""Google's API samples on the local engine: how many answers match those that the real server printed.

    python benchmarks/api_samples.py FOLDER [--world synthetic] [--differ] [--refused] [--table FILE] [--json]

FOLDER is a checkout of github.com/google/earthengine-community. Its programs in samples/python/apidocs write the
server's answers into comments. Every program is run, statement by statement, with the real `ee` client. An answer
counts if its comment is a plain value and its graph reads no asset: assets of a local world have other values.
"""

import argparse
import ast
import contextlib
import json
import math
import re
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import ee
from attrs import asdict, field, frozen
from localearth import initialize

SECONDS = 30
"""After these, the rest of a program is refused."""

ASSET = re.compile(r'"(Image\.load|ImageCollection\.load|Collection\.loadTable|Collection\.loadFeatureView)"')
WORDS = {"true": True, "false": False, "null": None, "none": None, "nan": math.nan, "infinity": math.inf, "π": math.pi}
ERRATA = {
    "ee_date_format:32": "Etc/GMT+8 is 8 hours behind UTC all year",
    "ee_date_format:42": "the program formats another date",
    "ee_array_cat:50": "the comment has no bracket between its blocks",
    "ee_array_eigen:40": "the second row of the comment has two of three numbers",
}
"""Comments that contradict their own program."""
STARTS = {"Date": r"Date \(", "PixelType": "(int|float|double)", "ErrorMargin": "unit: "}
"""How comments begin that show values of a type."""
ABSENT = object()


@frozen
class Printed:
    """A call of `display` or `print`, and the answer in the comment beside it."""

    call: ast.Call
    text: str
    value: Any = field(default=ABSENT)


@frozen
class Result:
    """One answer.

    Attributes:
        place: the file and line.
        outcome: match, differ or refused.
        expected: the comment.
        found: the answer, or the message of the refusal.
        fact: the expression and the answer, for the table of the tests.
    """

    place: str
    outcome: str
    expected: str
    found: str
    fact: Any = None


def fact_of(computed: ee.ComputedObject, answer: Any) -> Any:
    """[expression, answer] for the table of the tests; None for expressions with functions of their own."""
    graph = json.loads(computed.serialize())
    values = graph["values"]

    def short(node: Mapping[str, Any]) -> Any:
        (kind, content), *_ = node.items()
        if kind == "valueReference":
            return short(values[content])
        if kind == "arrayValue":
            return [short(each) for each in content["values"]]
        if kind == "dictionaryValue":
            return {key: short(each) for key, each in content["values"].items()}
        if kind == "functionInvocationValue" and "functionName" in content:
            return {"()": content["functionName"]} | {key: short(each) for key, each in content["arguments"].items()}
        if kind == "constantValue":
            return content
        raise LookupError(kind)

    try:
        return [short(values[graph["result"]]), answer]
    except LookupError:
        return None


def plain(text: str) -> Any:
    """The value that a comment writes; ABSENT if it is prose."""
    text = re.sub(r"√(\d+)", r"\1**0.5", text.strip().rstrip(".;").replace("~", ""))
    text = re.sub(r"(?<=\d) \(.*\)$", "", text)
    try:
        return _value(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, TypeError):
        return ABSENT


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(each) for each in node.elts]
    if isinstance(node, ast.Dict):
        keys = [key.id if isinstance(key, ast.Name) else _value(key) for key in node.keys if key is not None]
        return dict(zip(map(str, keys), map(_value, node.values), strict=True))
    if isinstance(node, ast.Name) and node.id.lower() in WORDS:
        return WORDS[node.id.lower()]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return _value(node.left) / _value(node.right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return _value(node.left) ** _value(node.right)
    raise ValueError


def printed(source: str) -> Iterator[Printed]:
    """The calls that print, in order, with the comment behind them, on the next lines or on the lines before."""
    lines = source.splitlines()
    used: set[int] = set()
    calls = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("display", "print")
    ]
    for call in sorted(calls, key=lambda each: each.lineno):
        first, last = call.lineno - 1, (call.end_lineno or call.lineno) - 1
        behind = re.match(r"\s*[,)]*\s*#(.*)", lines[last].encode()[call.end_col_offset or 0 :].decode())
        if behind is not None:
            yield Printed(call, behind[1].strip(), plain(behind[1]))
            continue
        nearby = [*_blocks(lines, first - 1, -1), *_blocks(lines, last + 1, 1)]
        for numbers in nearby:
            text = " ".join(lines[each].strip().lstrip("#").strip() for each in numbers)
            if used.isdisjoint(numbers) and plain(text) is not ABSENT:
                used.update(numbers)
                yield Printed(call, text, plain(text))
                break


def _blocks(lines: list[str], start: int, step: int) -> Iterator[list[int]]:
    """The lines of a comment that begins beside a call: one, two ... of them."""
    numbers: list[int] = []
    while 0 <= start < len(lines) and re.match(r"\s*#(?! \[(START|END))", lines[start]):
        numbers.append(start)
        yield sorted(numbers)
        start += step


def equal(expected: Any, found: Any, tolerance: float = 0.0) -> bool:
    """Whether an answer is the expected one, to the printed digits or to a tolerance."""
    # Some comments put a number into brackets, or leave out those of a list of one.
    if isinstance(expected, list) and len(expected) == 1 and not isinstance(found, list):
        return equal(expected[0], found, tolerance)
    if isinstance(found, list) and len(found) == 1 and not isinstance(expected, list):
        return equal(expected, found[0], tolerance)
    if isinstance(expected, list):
        pairs = isinstance(found, list) and len(found) == len(expected)
        return pairs and all(equal(*pair, tolerance) for pair in zip(expected, found, strict=True))
    if isinstance(expected, dict):
        return (
            isinstance(found, dict)
            and expected.keys() == found.keys()
            and all(equal(each, found[key], tolerance) for key, each in expected.items())
        )
    if isinstance(expected, bool) or expected is None or isinstance(expected, str):
        return bool(expected == found)
    if found in ("NaN", "Infinity", "-Infinity"):
        found = float(found)
    return isinstance(found, int | float) and (_near(expected, found) or abs(expected - found) < tolerance)


def _near(expected: float, found: float) -> bool:
    if math.isnan(expected):
        return math.isnan(found)
    if abs(expected) >= 1e16 and math.isfinite(expected):
        # Such a number is printed with an exponent, as 9.3e+155; the digits before it are compared.
        decimals = len(repr(expected).split("e")[0]) - 2
        return float(f"{found:.{decimals}e}") == expected
    if float(expected).is_integer():
        return abs(expected - found) < 1e-12 * max(abs(expected), 1)
    digits = len(str(expected).split("e")[0].rpartition(".")[2])
    return abs(expected - found) <= 1.01 * 10**-digits if digits < 12 else abs(expected / found - 1) < 1e-9


def written(value: Any) -> str:
    """An answer as the code editor writes it."""
    if isinstance(value, Mapping) and value.get("type") == "Date":
        return ee.Date(value["value"]).format("'Date ('YYYY-MM-dd HH:mm:ss')'").getInfo() or ""
    if isinstance(value, Mapping) and value.get("type") == "PixelType":
        limits = f" ∈ [{value['min']}, {value['max']}]" if "min" in value else ""
        arrays = f", {value['dimensions']} dimensions" if "dimensions" in value else ""
        return str(value["precision"]) + limits + arrays
    if isinstance(value, Mapping) and value.get("type") == "ErrorMargin":
        return " ".join(f"{key}: {value[key]}" for key in ("unit", "value") if key in value)
    return value if isinstance(value, str) else json.dumps(value)


def judge(expected: Printed, value: Any) -> str | None:
    """The outcome of an answer; None if the comment cannot be compared with it."""
    text = written(value)
    # "~ 1" in a comment is a rounded value; "π" is exact, but arrays have single precision.
    tolerance = 1e-3 if "~" in expected.text else 1e-6 if "π" in expected.text else 0.0
    if text == expected.text or any(
        equal(one, other, tolerance) for one in (expected.text, expected.value) for other in (value, plain(text))
    ):
        return "match"
    if isinstance(value, Mapping) and value.get("type") in STARTS:
        return "differ" if re.match(STARTS[value["type"]], expected.text) else None
    if isinstance(value, str):
        # A short comment without sentences is the expected text; others are prose.
        return "differ" if expected.value is not ABSENT or re.fullmatch(r"\S+", expected.text) else None
    return "differ" if expected.value is not ABSENT else None


class Program:
    """One program."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.source = file.read_text()
        self.waiting = {each.call.lineno: each for each in printed(self.source)}
        self.results: list[Result] = []

    def run(self) -> list[Result]:
        """Runs every statement; one that fails refuses the answers that it would print."""
        scope: dict[str, Any] = {"ee": ee, "geemap": MagicMock(), "display": self.display, "print": self.display}
        first_error = ""
        for statement in ast.parse(self.source).body:
            code = compile(ast.Module([statement], []), str(self.file), "exec")
            lines = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
            try:
                exec(code, scope)
            except TimeoutError:
                self._refuse(range(statement.lineno, 10**6), "Too slow")
                break
            except Exception as error:  # noqa: BLE001 - a program may fail in any way
                if not isinstance(error, NameError):
                    first_error = str(error)
                self._refuse(lines, first_error or str(error))
        return self.results

    def display(self, *values: Any, **_options: Any) -> None:
        """Takes the place of `display` and `print`."""
        frame = sys._getframe(1)
        expected = self.waiting.get(frame.f_lineno)
        if expected is None or not values:
            return
        value, fact = values[-1], None
        if isinstance(value, ee.ComputedObject):
            if ASSET.search(value.serialize()):
                del self.waiting[expected.call.lineno]
                return
            value, computed = value.getInfo(), value
            fact = fact_of(computed, value)
        if self.waiting.pop(expected.call.lineno, None) is not None:
            outcome = judge(expected, value)
            if outcome is not None:
                self._note(expected, outcome, written(value), fact)

    def _refuse(self, lines: range, message: str) -> None:
        for number in [each for each in self.waiting if each in lines]:
            expected = self.waiting.pop(number)
            if expected.value is not ABSENT and "not found (does not exist" not in message:
                self._note(expected, "refused", message)

    def _note(self, expected: Printed, outcome: str, found: str, fact: Any = None) -> None:
        place = f"{self.file.stem}:{expected.call.lineno}"
        if place not in ERRATA:
            self.results.append(Result(place, outcome, expected.text, found, fact))


def function_of(message: str) -> str:
    """The function that a refusal names."""
    known = re.findall(r"\b((?:[A-Z][A-Za-z]+\.)?[A-Za-z0-9_]+)(?:: |, argument)", message)
    return known[0] if known else message.splitlines()[0][:60]


def run_all(folder: Path, world: str) -> list[Result]:
    """The answers of all programs."""
    initialize(world)
    programs = sorted((folder.resolve() / "samples" / "python" / "apidocs").glob("*.py"))
    if not programs:
        raise SystemExit(f"{folder} has no samples/python/apidocs: give a checkout of google/earthengine-community.")

    def late(_signal: int, _frame: Any) -> None:
        raise TimeoutError

    for name in ("pandas", "altair", "requests", "matplotlib", "matplotlib.pyplot", "geemap", "geemap.core"):
        sys.modules[name] = MagicMock()
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, late)
    results = []
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):  # some programs write files
        for file in programs:
            signal.alarm(SECONDS)
            results += Program(file).run()
    signal.alarm(0)
    return results


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--world", default="synthetic")
    parser.add_argument("--differ", action="store_true", help="list the answers that differ")
    parser.add_argument("--refused", action="store_true", help="list the refusals by function")
    parser.add_argument("--table", type=Path, help="write the answers that match, for tests/test_api_samples.py")
    parser.add_argument("--json", action="store_true", help="print all answers as JSON")
    chosen = parser.parse_args()
    results = run_all(chosen.folder, chosen.world)
    if chosen.table:
        facts = sorted(json.dumps(each.fact) for each in results if each.outcome == "match" and "()" in str(each.fact))
        chosen.table.write_text("[\n" + ",\n".join(dict.fromkeys(facts)) + "\n]\n")
    if chosen.json:
        print(json.dumps([asdict(each) for each in results], indent=1))
        return
    figures = Counter(each.outcome for each in results)
    print(f"{len(results)} answers: {', '.join(f'{figures[name]} {name}' for name in ('match', 'differ', 'refused'))}")
    if chosen.differ:
        for each in results:
            if each.outcome == "differ":
                print(f"{each.place}: expected {each.expected}, found {each.found}")
    if chosen.refused:
        refusals = Counter(function_of(each.found) for each in results if each.outcome == "refused")
        for name, count in refusals.most_common():
            print(f"{count:5} {name}")


if __name__ == "__main__":
    main()
