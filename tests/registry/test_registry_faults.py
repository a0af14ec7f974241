"""Each fault of a plugin is reported with its distribution, what was found, and the remedy."""

import pytest

from mmearth_core.registry import discover
from tests.registry.probe import ENGINE, HOOK, PROBE, only_fault

# Each row: what replaces the hook, and the words that the problem and the remedy must hold.
BROKEN = {
    "decorated but misspelt": (
        "@hookimpl\ndef mmearth_modalites():\n    return [Probe]",
        ["mmearth_modalites() is not a valid hook", "Did you mean 'mmearth_modalities'?"],
        "mmearth_modalities, mmearth_engines",
    ),
    "undecorated and misspelt": (
        "def mmearth_modality():\n    return [Probe]",
        ["mmearth_modality() looks like a misspelt hook", "'mmearth_modalities'"],
        "hookimpl",
    ),
    "undecorated": (
        "def mmearth_modalities():\n    return [Probe]",
        ["mmearth_modalities() has no decorator"],
        "Put @mmearth_core.hookimpl above it",
    ),
    "raises": (
        "@hookimpl\ndef mmearth_modalities():\n    return [Probe][1]",
        ["mmearth_modalities() failed: IndexError: list index out of range", "mmearth_probe.py, line"],
        "Repair that line",
    ),
    "raises while it yields": (
        "@hookimpl\ndef mmearth_modalities():\n    yield Probe\n    raise KeyError('later')",
        ["mmearth_modalities() failed: KeyError: 'later'", "mmearth_probe.py, line"],
        "Repair that line",
    ),
    "returns something else": (
        "@hookimpl\ndef mmearth_modalities():\n    return [42]",
        ["mmearth_modalities() returned 42, which is not a valid Modality"],
        "subclasses (or instances) of mmearth_core.Modality",
    ),
    "returns a modality where an engine is wanted": (
        "@hookimpl\ndef mmearth_engines():\n    return [Probe]",
        ["mmearth_engines() returned", "which is not a valid Engine"],
        "mmearth_core.Engine",
    ),
    "returns no list": (
        "@hookimpl\ndef mmearth_modalities():\n    return Probe",
        ["mmearth_modalities() returned", "which is not a list"],
        "even of a single class",
    ),
    "returns nothing": (
        "@hookimpl\ndef mmearth_modalities():\n    [Probe]",
        ["mmearth_modalities() returned nothing"],
        "Return a list of Modality classes",
    ),
    "takes an argument": (
        "@hookimpl\ndef mmearth_modalities(config):\n    return [Probe]",
        ["mmearth_modalities(config)", "can not be found in the hookspec."],
        "take no argument",
    ),
    "has no hook": ("", ["'mmearth_probe' has no hook"], "mmearth_core.hookimpl above it"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_hook(install, case):
    hook, problem, remedy = BROKEN[case]
    install("mmearth-probe", PROBE + "\n" + hook)
    fault = only_fault()
    for words in problem:
        assert words in fault.problem
    assert remedy in fault.remedy


# Each row: a part of the sound module, what it becomes, and the words of problem and remedy.
MISDECLARED = {
    "no api_version": ("api_version = 1", "pass", "has no api_version", "api_version = 1"),
    "newer api_version": ("api_version = 1", "api_version = 2", "was written for version 2", "--upgrade mmearth-core"),
    "odd api_version": ("api_version = 1", "api_version = '0'", "was written for version '0'", "newer version of the"),
    "no name": ('name = "probe"', "pass", "has no name", 'name = "..."'),
    "impossible name": ('name = "probe"', 'name = "pro be"', "'pro be'", "another name"),
    "no layers": ('layers = layer("probe")', "pass", "layers = None", "layers = (Layer(...),)"),
    "empty layers": ('layers = layer("probe")', "layers = ()", "declares no layer", "layers = (Layer(...),)"),
    "layers of text": (
        'layers = layer("probe")',
        'layers = ("probe",)',
        "not a tuple",
        "layers = (Layer(...),)",
    ),
    "one layer twice": ('= layer("probe")', '= layer("a") + layer("a")', "a layer twice: a, a", "Rename"),
    "a layer with the name of another one's statistics": (
        '= layer("probe")',
        '= layer("a") + layer("a_x")\n    variants = ("x",)',
        "a layer twice: a, a_x, a_x, a_x_x",
        "Rename",
    ),
    "a layer that is the table of tiles": ('= layer("probe")', '= layer("metadata")', "'metadata'", "Repair"),
    "variant_key of the tile ids": (
        "    Options = Options",
        '    variant_key = "tile_id"',
        "variant_key = 'tile_id'",
        "another name",
    ),
    "options not of attrs": (
        "    Options = Options",
        "    Options = dict",
        "not an attrs class",
        "@attrs.frozen",
    ),
    "option without default": ("depth: int = 3", "depth: int", "without a default: depth", "every field"),
    "one asset as text": ("    Options = Options", '    assets = "A/B"', "assets = 'A/B'", 'assets = ("ID",)'),
    "licence of bytes": ("    Options = Options", "    licence = b'CC'", "licence = b'CC'", "Use a string"),
    "constructor that fails": (
        "    Options = Options",
        "    def __init__(self): ...",
        "cannot be created",
        "Class(options)",
    ),
}


@pytest.mark.parametrize("case", MISDECLARED)
def test_misdeclared_modality(install, case):
    sound, broken, problem, remedy = MISDECLARED[case]
    assert sound in PROBE
    install("mmearth-probe", PROBE.replace(sound, broken) + HOOK)
    fault = only_fault()
    assert problem in fault.problem
    assert remedy in fault.remedy
    if "name" not in case and "table" not in case:
        assert "mmearth_probe.Probe" in fault.problem


def test_instance_without_options(install):
    install("mmearth-probe", PROBE + "    def __init__(self): ...\n" + HOOK.replace("[Probe]", "[Probe()]"))
    assert "whose `options` are not Options" in only_fault().problem


@pytest.mark.parametrize(
    ("sound", "broken", "problem"),
    [
        ("def connect(", "def conect(", "does not define connect()"),
        ("api_version = 1", "api_version = 1\n    shorthand = 'world'", "shorthand 'world'"),
        ("api_version = 1", "pass", "has no api_version"),
        ("return [Nowhere]", "return [Connection]", "which is not a valid Engine"),
    ],
)
def test_misdeclared_engine(install, sound, broken, problem):
    install("mmearth-probe", ENGINE.replace(sound, broken))
    assert problem in only_fault().problem


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "import attrs\n\nimport no_such_module_anywhere\n",
            ["ModuleNotFoundError", "no_such_module_anywhere", "line 3"],
        ),
        ("x = 1\ndef f(:\n", ["SyntaxError", "line 2"]),
        ("import sys\nsys.exit(4)\n", ["SystemExit: 4", "line 2"]),
        (PROBE.replace('"int16"', '"int64"'), ["DeclarationError: Band 'value': dtype 'int64'", "line"]),
    ],
)
def test_import_error_names_the_line_of_the_plugin(install, source, words):
    path = install("mmearth-probe", source)
    fault = only_fault()
    for word in [*words, str(path)]:
        assert word in fault.problem
    assert "pip install --force-reinstall mmearth-probe" in fault.remedy


def test_entry_point_to_a_missing_module(install):
    install("mmearth-probe", PROBE + HOOK, entry_points={"probe": "mmearth_moved"})
    assert "ModuleNotFoundError: No module named 'mmearth_moved'" in only_fault().problem


def test_one_broken_modality_hides_no_other_of_its_plugin(install):
    install("mmearth-probe", PROBE + HOOK.replace("[Probe]", "[Probe, 42]"))
    assert "probe" in discover().modalities
    assert "returned 42" in only_fault().problem
