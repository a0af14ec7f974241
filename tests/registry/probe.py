"""The plugins that the tests of the registry install, and the faults that the registry finds in it."""

from pathlib import Path
from textwrap import dedent

from mmearth_core.registry import PluginFault, discover

PROBE = (Path(__file__).parents[1] / "examples" / "probe.py").read_text()
HOOK = dedent("""
    @hookimpl
    def mmearth_modalities():
        return [Probe]
""")

ENGINE = dedent("""
    from mmearth_core import Connection, Engine, hookimpl

    class Nowhere(Engine):
        name = "nowhere"
        api_version = 1
        def connect(self, limits):
            return Connection("p", None)

    @hookimpl
    def mmearth_engines():
        return [Nowhere]
""")


def faults_of(distribution: str = "mmearth-probe") -> list[PluginFault]:
    return [fault for fault in discover().faults if fault.distribution == distribution]


def only_fault(distribution: str = "mmearth-probe") -> PluginFault:
    (fault,) = faults_of(distribution)
    assert fault.version == "1.0"
    # Only a clash is solved by uninstalling a plugin, and never the core.
    assert ("pip uninstall" in fault.remedy) == ("is also declared by" in fault.problem)
    assert "pip uninstall mmearth-core" not in fault.remedy
    return fault
