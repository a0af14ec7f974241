"""docs/faults.md: its configuration works, and it explains every kind, key, phase and counter that exists."""

import json
import re
import tomllib
from pathlib import Path

import attrs
from localearth.faults.control import Faults
from localearth.faults.kinds import Kind, Phase
from localearth.faults.rules import FaultRule, parse_rule
from mmearth_localearth.engine import LocalOptions

from mmearth_core.config.structure import structure

PAGE = (Path(__file__).resolve().parents[3] / "docs/faults.md").read_text(encoding="utf-8")


def test_the_configuration_says_what_the_command_says() -> None:
    table = tomllib.loads(re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL).group(1))["engines"]["local"]
    options = structure(table, LocalOptions, "engines.local", "docs/faults.md")
    shown = re.findall(r"--fault (\S+)", PAGE)
    assert options.faults == tuple(parse_rule(text) for text in shown)
    assert (options.latency, options.max_concurrent, options.max_per_second, options.fault_seed) == (0.3, 40, 100, 1)


def test_everything_is_explained() -> None:
    explained = set(re.findall(r"`([\w-]+)`", PAGE))
    assert {*Kind, *Phase, *(field.name for field in attrs.fields(FaultRule))} <= explained


def test_the_counters_are_those_that_are_shown() -> None:
    shown = json.loads(re.search(r"```json\n(.*?)```", PAGE, re.DOTALL).group(1))
    assert shown.keys() == Faults().snapshot().keys()
    assert [str(parse_rule(text)) for text in shown["faults"]] == list(shown["faults"])
