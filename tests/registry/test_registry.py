"""The registry: sound plugins of every form, clashes between plugins, and what is said about names."""

from textwrap import dedent

import attrs
import pytest

from mmearth_core import Modality
from mmearth_core.contract.hooks import GROUP
from mmearth_core.errors import PluginError
from mmearth_core.registry import Registry, discover
from mmearth_core.registry.load import find_offers
from tests.registry.probe import ENGINE, HOOK, PROBE, faults_of, only_fault


def test_class_is_made_with_options(install):
    install("mmearth-probe", PROBE + HOOK, version="2.3")
    probe = discover().modality("probe")
    assert attrs.astuple(probe.origin) == ("mmearth-probe", "2.3", "probe")
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
        PROBE
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


def test_finding_imports_nothing(install):
    install("mmearth-probe", "raise RuntimeError('imported')")
    assert ("mmearth-probe", "1.0", "probe") in [attrs.astuple(offer.origin) for offer in find_offers(GROUP)]


def test_one_broken_plugin_hides_no_other(install):
    install("mmearth-broken", "raise ValueError('no')")
    install("mmearth-probe", PROBE + HOOK)
    registry = discover()
    assert "probe" in registry.modalities
    assert [fault.distribution for fault in registry.faults if "ValueError: no" in fault.problem] == ["mmearth-broken"]


def test_modality_name_used_twice(install):
    install("mmearth-probe", PROBE + HOOK)
    install("mmearth-other", PROBE.replace('layer("probe")', 'layer("other")') + HOOK)
    assert "probe" not in discover().modalities
    assert "The modality 'probe' is also declared by mmearth-other 1.0" in only_fault().problem
    assert "The modality 'probe' is also declared by mmearth-probe 1.0" in only_fault("mmearth-other").problem
    remedy = "Rename the modality in mmearth-other or in mmearth-probe, or `pip uninstall mmearth-other` or "
    assert only_fault().remedy == f"{remedy}`pip uninstall mmearth-probe`."


def test_layer_name_used_twice(install):
    install("mmearth-probe", PROBE + HOOK)
    install("mmearth-other", PROBE.replace('name = "probe"', 'name = "other"') + HOOK)
    assert not {"probe", "other"} & set(discover().modalities)
    assert "The layer 'probe' is also declared by mmearth-other 1.0" in only_fault().problem
    assert "The layer 'probe' is also declared by mmearth-probe 1.0" in only_fault("mmearth-other").problem


def test_layer_with_the_name_of_another_plugins_statistics(install):
    """band_stats.json would have one entry for both."""
    install("mmearth-probe", PROBE + '    variants = ("day",)\n' + HOOK)
    install("mmearth-other", PROBE.replace('"probe"', '"probe_day"') + HOOK)
    assert not {"probe", "probe_day"} & set(discover().modalities)
    assert "The layer 'probe_day' is also declared by mmearth-other 1.0" in only_fault().problem


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
    assert "The entry point 'probe' is also declared by mmearth-other 1.0; this" in only_fault().problem
    assert "The entry point 'probe' is also declared by mmearth-probe 1.0; this" in only_fault("mmearth-other").problem


def test_a_clash_with_the_core_never_ends_in_uninstalling_it(install):
    install("mmearth-probe", PROBE.replace('name = "probe"', 'name = "file"') + HOOK)
    for distribution in ("mmearth-probe", "mmearth-core"):
        (fault,) = faults_of(distribution)
        assert fault.hides == "file"
        assert fault.remedy == "Rename the modality in mmearth-probe, or `pip uninstall mmearth-probe`."


def test_a_clash_inside_one_distribution_is_only_renamed(install):
    install("mmearth-probe", PROBE + HOOK.replace("[Probe]", "[Probe, Probe]"))
    assert [fault.remedy for fault in faults_of()] == ["Rename the modality in mmearth-probe."] * 2


def test_what_is_used_is_refused_with_its_faults_only(install):
    """By the name of the entry point, of the clashing modality, or of the distribution that has it or had it."""
    install("mmearth-broken", "raise ValueError('no')")
    install("mmearth-one", PROBE + HOOK)
    install("mmearth-two", PROBE.replace('name = "probe"', 'name = "other"') + HOOK)
    registry = discover()
    for name, plugin, words in [
        ("broken", "", "ValueError: no"),
        ("snow", "mmearth-broken 1.0", "ValueError: no"),
        ("probe", "", "The layer 'probe' is also declared by mmearth-two 1.0"),
        ("other", "", "The layer 'probe' is also declared by mmearth-one 1.0"),
    ]:
        with pytest.raises(PluginError, match=rf"^The modality '{name}' cannot be used\.") as caught:
            registry.modality(name, plugin)
        assert words in str(caught.value)
        assert str(caught.value).count("(entry point") == 1


def test_unknown_names_are_answered_with_the_installed_ones(install):
    install("mmearth-probe", PROBE + HOOK)
    install("mmearth-broken", "raise ValueError('no')")
    registry = discover()
    with pytest.raises(PluginError, match=r"No modality 'prob' is installed\. Did you mean 'probe'\?") as caught:
        registry.modality("prob")
    assert "mmearth-prob" not in str(caught.value).replace("mmearth-probe", "")
    assert str(caught.value).endswith("`pip install 'mmearth-core[all]'` has the plugins of this repository.")
    assert "Broken, and so not listed: mmearth-broken" in str(caught.value)
    with pytest.raises(PluginError, match="No engine 'prob' is installed"):
        registry.engine("prob")
    with pytest.raises(PluginError, match="Installed: none"):
        Registry({}, {}).engine("any")


def test_registry_cannot_be_changed(install):
    install("mmearth-probe", PROBE + HOOK)
    with pytest.raises(TypeError):
        discover().modalities["x"] = None
