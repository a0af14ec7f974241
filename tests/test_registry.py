"""The registry: sound plugins of every form, and each fault reported with its distribution and remedy."""

from textwrap import dedent

import attrs
import pytest

from mmearth_core import Modality
from mmearth_core.errors import PluginError
from mmearth_core.registry import PluginFault, Registry, discover, installed

HEAD = dedent("""
    import attrs
    from mmearth_core import Band, Connection, Engine, Layer, Modality, hookimpl

    def layer(name):
        return (Layer(name, [Band("value", "int16", -1)]),)

""")
PROBE = HEAD + dedent("""
    @attrs.frozen
    class Options:
        depth: int = 3

    class Probe(Modality):
        name = "probe"
        api_version = 1
        layers = layer("probe")
        Options = Options

""")
HOOK = dedent("""
    @hookimpl
    def mmearth_modalities():
        return [Probe]
""")


def faults_of(distribution: str = "mmearth-probe") -> list[PluginFault]:
    return [fault for fault in discover().faults if fault.distribution == distribution]


def only_fault(distribution: str = "mmearth-probe") -> PluginFault:
    (fault,) = faults_of(distribution)
    assert fault.version == "1.0"
    assert f"pip uninstall {distribution}" in fault.remedy
    return fault


def test_class_is_made_with_options(install):
    install("mmearth-probe", PROBE + HOOK, version="2.3")
    probe = discover().modality("probe")
    assert (probe.distribution, probe.version, probe.entry_point) == ("mmearth-probe", "2.3", "probe")
    assert probe.make().options.depth == 3
    assert probe.make(probe.options_class(depth=7)).options.depth == 7
    assert probe.default_options == probe.options_class()
    assert isinstance(probe.make(), Modality)


def test_instance_keeps_its_own_options_until_others_are_given(install):
    install("mmearth-probe", PROBE + HOOK.replace("[Probe]", "[Probe(Options(depth=5))]"))
    probe = discover().modality("probe")
    assert probe.default_options.depth == 5
    assert probe.make().options.depth == 5
    assert probe.make(probe.options_class(depth=7)).options.depth == 7
    assert probe.make().options.depth == 5, "making one must not change another"


def test_two_modalities_and_an_engine_in_one_distribution(install):
    install(
        "mmearth-probe",
        PROBE
        + dedent("""
    class Second(Probe):
        name = "second"
        layers = layer("second")

    class Local(Engine):
        name = "nowhere"
        api_version = 1
        Options = Options
        shorthand = "depth"
        def connect(self, limits):
            return Connection("p", None)

    @hookimpl
    def mmearth_modalities():
        yield Probe
        yield Second()

    @hookimpl
    def mmearth_engines():
        return [Local]
    """),
    )
    registry = discover()
    assert faults_of() == []
    assert {"probe", "second"} <= set(registry.modalities)
    engine = registry.engine("nowhere")
    assert engine.make(engine.options_class(depth=1)).options.depth == 1


def test_engine_instance_takes_options(install):
    install(
        "mmearth-probe",
        HEAD
        + dedent("""
    @attrs.frozen
    class Options:
        depth: int = 3

    class Local(Engine):
        name = "nowhere"
        api_version = 1
        Options = Options
        def connect(self, limits):
            return Connection("p", None)

    @hookimpl
    def mmearth_engines():
        return (Local(Options(4)),)
    """),
    )
    engine = discover().engine("nowhere")
    assert engine.make().options.depth == 4
    assert engine.make(engine.options_class(9)).options.depth == 9


def test_anchor_needs_no_layer(install):
    source = PROBE.replace('layers = layer("probe")', "layers = ()\n    def anchor(self, scene, located): ...")
    install("mmearth-probe", source + HOOK)
    assert discover().modality("probe").declared.can_anchor()


def test_optional_hook_and_specname_are_pluggys_own_way(install):
    install(
        "mmearth-probe",
        PROBE
        + dedent("""
    @hookimpl(specname="mmearth_modalities")
    def contribute():
        return [Probe]

    @hookimpl(optionalhook=True)
    def mmearth_of_the_future():
        return []

    def mmearth_year_of(date):
        return date.year
    """),
    )
    assert "probe" in discover().modalities
    assert faults_of() == []


def test_installed_imports_nothing(install):
    install("mmearth-probe", "raise RuntimeError('imported')")
    assert ("mmearth-probe", "1.0", "probe") in [attrs.astuple(origin) for origin in installed()]


# Each row: what replaces the hook, and the words that the problem and the remedy must hold.
BROKEN = {
    "decorated but misspelt": (
        "@hookimpl\ndef mmearth_modalites():\n    return [Probe]",
        ["mmearth_modalites() is no hook", "Did you mean 'mmearth_modalities'?"],
        "mmearth_modalities, mmearth_engines",
    ),
    "undecorated and misspelt": (
        "def mmearth_modality():\n    return [Probe]",
        ["mmearth_modality() looks like a misspelt hook", "'mmearth_modalities'"],
        "hookimpl",
    ),
    "undecorated": (
        "def mmearth_modalities():\n    return [Probe]",
        ["mmearth_modalities() lacks its decorator"],
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
        ["mmearth_modalities() returned 42, which is no Modality"],
        "subclasses (or instances) of mmearth_core.Modality",
    ),
    "returns a modality where an engine is wanted": (
        "@hookimpl\ndef mmearth_engines():\n    return [Probe]",
        ["mmearth_engines() returned", "which is no Engine"],
        "mmearth_core.Engine",
    ),
    "returns no list": (
        "@hookimpl\ndef mmearth_modalities():\n    return Probe",
        ["mmearth_modalities() returned", "which is no list"],
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
    "offers no hook": ("", ["'mmearth_probe' offers no hook"], "mmearth_core.hookimpl above it"),
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
    "no api_version": ("api_version = 1", "pass", "states no api_version", "api_version = 1"),
    "newer api_version": ("api_version = 1", "api_version = 2", "was written for version 2", "--upgrade mmearth-core"),
    "odd api_version": ("api_version = 1", "api_version = '0'", "was written for version '0'", "newer version of the"),
    "no name": ('name = "probe"', "pass", "has no name", 'name = "..."'),
    "impossible name": ('name = "probe"', 'name = "pro be"', "'pro be'", "another name"),
    "no layers": ('layers = layer("probe")', "pass", "layers = None", "layers = (Layer(...),)"),
    "empty layers": ('layers = layer("probe")', "layers = ()", "declares no layer", "layers = (Layer(...),)"),
    "layers of text": ('layers = layer("probe")', 'layers = ("probe",)', "no tuple of Layer", "layers = (Layer(...),)"),
    "one layer twice": ('= layer("probe")', '= layer("a") + layer("a")', "a layer twice: a, a", "Rename"),
    "options not of attrs": ("    Options = Options", "    Options = dict", "which is no attrs class", "@attrs.frozen"),
    "option without default": ("depth: int = 3", "depth: int", "without a default: depth", "every field"),
    "constructor that fails": (
        "    Options = Options",
        "    def __init__(self): ...",
        "cannot be made",
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
    if "name" not in case:
        assert "mmearth_probe.Probe" in fault.problem


def test_instance_without_options(install):
    install("mmearth-probe", PROBE + "    def __init__(self): ...\n" + HOOK.replace("[Probe]", "[Probe()]"))
    assert "whose `options` are no Options" in only_fault().problem


ENGINE = HEAD + dedent("""
    class Local(Engine):
        name = "nowhere"
        api_version = 1
        def connect(self, limits):
            return Connection("p", None)

    @hookimpl
    def mmearth_engines():
        return [Local]
""")


@pytest.mark.parametrize(
    ("sound", "broken", "problem"),
    [
        ("def connect(", "def conect(", "does not define connect()"),
        ("api_version = 1", "api_version = 1\n    shorthand = 'world'", "shorthand 'world'"),
        ("api_version = 1", "pass", "states no api_version"),
        ("return [Local]", "return [Connection]", "which is no Engine"),
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


def test_one_broken_plugin_hides_no_other(install):
    install("mmearth-broken", "raise ValueError('no')")
    install("mmearth-probe", PROBE + HOOK)
    registry = discover()
    assert "probe" in registry.modalities
    assert [fault.distribution for fault in registry.faults if "ValueError: no" in fault.problem] == ["mmearth-broken"]


def test_one_broken_modality_hides_no_other_of_its_plugin(install):
    install("mmearth-probe", PROBE + HOOK.replace("[Probe]", "[Probe, 42]"))
    assert "probe" in discover().modalities
    assert "returned 42" in only_fault().problem


def test_modality_name_used_twice(install):
    install("mmearth-probe", PROBE + HOOK)
    install("mmearth-other", PROBE.replace('layer("probe")', 'layer("other")') + HOOK)
    assert "probe" not in discover().modalities
    assert "The modality 'probe' is also declared by mmearth-other 1.0" in only_fault().problem
    assert "The modality 'probe' is also declared by mmearth-probe 1.0" in only_fault("mmearth-other").problem
    assert "Keep one" in only_fault().remedy


def test_layer_name_used_twice(install):
    install("mmearth-probe", PROBE + HOOK)
    install("mmearth-other", PROBE.replace('name = "probe"', 'name = "other"') + HOOK)
    assert not {"probe", "other"} & set(discover().modalities)
    assert "The layer 'probe' is also declared by mmearth-other 1.0" in only_fault().problem
    assert "The layer 'probe' is also declared by mmearth-probe 1.0" in only_fault("mmearth-other").problem


def test_engine_name_used_twice(install):
    install("mmearth-probe", ENGINE)
    install("mmearth-other", ENGINE)
    assert "nowhere" not in discover().engines
    assert "The engine 'nowhere' is also declared by mmearth-other 1.0" in only_fault().problem
    assert "The engine 'nowhere' is also declared by mmearth-probe 1.0" in only_fault("mmearth-other").problem


def test_entry_point_name_used_twice(install):
    install("mmearth-probe", PROBE + HOOK)
    install(
        "mmearth-other",
        PROBE.replace('"probe"', '"other"') + HOOK,
        entry_points={"probe": "mmearth_other"},
    )
    assert not {"probe", "other"} & set(discover().modalities)
    assert "The entry point 'probe' is also declared by mmearth-other 1.0; none" in only_fault().problem
    assert "The entry point 'probe' is also declared by mmearth-probe 1.0; none" in only_fault("mmearth-other").problem


def test_require_lists_every_fault(install):
    install("mmearth-probe", PROBE)
    install("mmearth-broken", "raise ValueError('no')")
    with pytest.raises(PluginError) as caught:
        discover().require()
    assert "mmearth-probe 1.0 (entry point 'probe'): Its entry point" in str(caught.value)
    assert "mmearth-broken 1.0 (entry point 'broken'): It cannot be imported" in str(caught.value)
    assert str(caught.value).count("pip uninstall") == 2


def test_require_accepts_a_sound_registry():
    Registry({}, {}).require()


def test_unknown_names_are_answered_with_the_installed_ones(install):
    install("mmearth-probe", PROBE + HOOK)
    install("mmearth-broken", "raise ValueError('no')")
    registry = discover()
    with pytest.raises(PluginError, match=r"No modality 'prob' is installed\. Did you mean 'probe'\?") as caught:
        registry.modality("prob")
    assert "pip install mmearth-prob`" in str(caught.value)
    assert "Broken plugins are not counted: mmearth-broken" in str(caught.value)
    with pytest.raises(PluginError, match="No engine 'prob' is installed"):
        registry.engine("prob")
    with pytest.raises(PluginError, match="Installed: none"):
        Registry({}, {}).engine("any")


def test_registry_cannot_be_changed(install):
    install("mmearth-probe", PROBE + HOOK)
    with pytest.raises(TypeError):
        discover().modalities["x"] = None
