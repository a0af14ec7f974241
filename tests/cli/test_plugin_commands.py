"""Commands that installed distributions add to the command line."""

import subprocess
import sys

import pytest
from mmearth_devkit.testing import command_line

from mmearth_core.registry import discover
from mmearth_core.registry.commands import ELSEWHERE, offered

SOURCE = """
    import click
    from mmearth_core.errors import EngineError

    @click.group()
    def tools():
        '''Tools of the probe.'''

    @tools.command()
    @click.argument("word")
    def echo(word):
        click.echo(f"heard {word}")

    @tools.command()
    def fail():
        raise EngineError("the probe is not plugged in.")

    @click.command()
    def single():
        return 3

    no_command = 7
"""


def call(*args):
    return command_line.cli(*args, columns=200)


def put(install, name="mmearth-tools", source=SOURCE, **commands):
    module = name.replace("-", "_")
    install(name, source, entry_points={}, commands={key: f"{module}:{value}" for key, value in commands.items()})


def test_a_group_of_a_plugin_is_listed_and_runs(install):
    put(install, tools="tools")
    assert "from mmearth-tools" in next(line for line in call("--help").output.splitlines() if " tools " in line)
    assert "Tools of the probe." in call("tools", "--help").output
    result = call("tools", "echo", "this")
    assert (result.exit_code, result.output) == (0, "heard this\n")


def test_listing_does_not_import_the_plugin(install):
    put(install, source="raise RuntimeError('imported')", tools="tools")
    assert "from mmearth-tools" in call("--help").output
    assert "mmearth_tools" not in sys.modules


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ('"""Probe the soil.\n\nAt length."""\nraise RuntimeError', "Probe the soil."),
        ('"""Probe the soil."""\nimport nowhere', "Probe the soil."),
        ('"""Probe the soil."""\nx = (', "from mmearth-tools"),
        ("\0", "from mmearth-tools"),
        ("", "from mmearth-tools"),
    ],
)
def test_the_line_of_help_is_that_of_the_module_even_of_a_broken_one(install, source, line):
    put(install, source=source, tools="tools")
    (listed,) = [row for row in call("--help").output.splitlines() if row.startswith("  tools ")]
    assert listed.split(None, 1)[1] == line
    assert "mmearth_tools" not in sys.modules


def test_the_line_of_help_is_that_of_a_module_inside_a_package(install, tmp_path):
    install(
        "mmearth-deep", "", entry_points={}, commands={"one": "deep.cli.one:command", "two": "deep.cli.two:command"}
    )
    one, two = tmp_path / "site-packages/deep/cli/one.py", tmp_path / "site-packages/deep/cli/two/__init__.py"
    for path in (one, two):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'"""Probe {path.parent.name}."""\nraise RuntimeError')
    shown = " ".join(call("--help").output.split())
    assert " one Probe cli. " in shown
    assert " two Probe two. " in shown
    assert "deep" not in sys.modules


def test_listing_imports_no_plugin():
    code = (
        "import sys; from mmearth_core.cli import main\n"
        "try: main(['--help'])\n"
        "finally: print(*(name for name in sys.modules if name.startswith('mmearth_')), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    shown = [line.split(None, 1) for line in done.stdout.splitlines() if line.startswith("  ")]
    assert set(ELSEWHERE) < {line[0] for line in shown}
    assert {name.partition(".")[0] for name in done.stderr.split()} == {"mmearth_core"}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_command_that_is_not_installed_is_answered_with_its_distribution(hide, name):
    distribution = ELSEWHERE[name]
    hide(distribution)
    for arguments in ([name], [name, "--help"]):
        result = call(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        text = " ".join(result.stderr.split())
        assert (
            f"The command {name!r} is in {distribution}, which is not installed: `pip install {distribution}`" in text
        )
    assert f"  {name} " not in call("--help").output


def test_its_errors_and_exit_codes_are_the_cores(install):
    put(install, tools="tools", single="single")
    result = call("tools", "fail")
    assert (result.exit_code, result.stderr) == (2, "error: the probe is not plugged in.\n")
    assert call("single").exit_code == 3


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        (
            "raise RuntimeError('no luck')",
            "tools",
            "cannot be imported from 'mmearth_tools:tools': RuntimeError: no luck",
        ),
        (SOURCE, "absent", "cannot be imported from 'mmearth_tools:absent': AttributeError"),
        (SOURCE, "no_command", "'mmearth_tools:no_command' is 7, which is not a click command or group."),
    ],
)
def test_a_broken_command_is_told_with_its_distribution(install, source, target, said):
    put(install, source=source, tools=target)
    result = call("tools", "echo")
    assert result.exit_code == 2
    text = " ".join(result.stderr.split())
    assert "The command 'tools' of mmearth-tools 1.0" in text
    assert said in text
    assert "pip install --force-reinstall mmearth-tools" in text


def test_the_core_keeps_its_command_and_the_clash_is_told(install):
    put(install, plugins="single")
    assert call("plugins", "--json").exit_code == 0
    said = "The command 'plugins' is also declared by mmearth-core itself"
    assert said in call("--help").output
    (fault,) = discover().faults
    assert said in str(fault)
    assert fault.remedy == "Rename the command in mmearth-tools, or `pip uninstall mmearth-tools`."


def test_of_two_equal_names_none_is_used(install):
    put(install, "mmearth-one", tools="tools", single="single")
    put(install, "mmearth-two", tools="tools")
    result = call("tools", "echo", "this")
    assert result.exit_code == 2
    text = " ".join(result.stderr.split())
    assert "is also declared by mmearth-two 1.0" in text
    assert "is also declared by mmearth-one 1.0" in text
    assert text.count("Rename the command in mmearth-one or in mmearth-two, or `pip uninstall mmearth-one` or") == 2
    assert call("single").exit_code == 3
    offers = offered()
    assert "single" in offers.usable
    assert "tools" not in offers.usable
    assert {fault.distribution for fault in offers.faults} == {"mmearth-one", "mmearth-two"}


def test_an_unknown_command_stays_unknown(install):
    put(install, tools="tools")
    result = call("tuls")
    assert result.exit_code == 2
    assert "No such command 'tuls'" in result.output


def test_the_registry_and_the_command_line_can_be_imported_in_either_order():
    for first in ("mmearth_core.registry", "mmearth_core.cli", "mmearth_core.registry.commands"):
        subprocess.run([sys.executable, "-c", f"import {first}, mmearth_core.cli, mmearth_core.registry"], check=True)
