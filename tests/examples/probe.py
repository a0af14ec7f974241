"""A sound modality, without its hook: the registry's tests put this, or a spoilt copy, into a distribution."""

import attrs

from mmearth_core import Band, Connection, Engine, Layer, Modality, hookimpl  # noqa: F401 - for what tests append


def layer(name):
    return (Layer(name, [Band("value", "int16", -1)]),)


@attrs.frozen
class Options:
    depth: int = 3


class Probe(Modality):
    name = "probe"
    api_version = 1
    layers = layer("probe")
    Options = Options
