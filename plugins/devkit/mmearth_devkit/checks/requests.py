"""Checks of how a modality asks: no call of its own, one question a tile, and the same graph every time."""

from collections.abc import Iterator

from mmearth_devkit.evidence import TrialRecord
from mmearth_devkit.finding import Finding

BATCH = 25
"""Tiles whose questions go into one request by default."""


LARGEST = 10_000_000
"""Bytes that a request may have (Earth Engine refuses larger payloads)."""


def network(evidence: TrialRecord) -> Iterator[Finding]:
    """No function of a modality sends anything."""
    for call in dict.fromkeys(evidence.calls):
        yield Finding(
            "network",
            f"{call.step}()",
            f"It sends {call.what} while it should only build a graph ({call.place}).",
            "Remove getInfo() and the like: put what you want to know into the object that locate() returns, and "
            "read the plain answer from `located`.",
        )


def requests(evidence: TrialRecord) -> Iterator[Finding]:
    """A tile costs one question in a batch and one request for pixels."""
    if evidence.asked_again:
        yield Finding(
            "requests",
            "relocate()",
            "It asks a second question for an ordinary tile; that is a request of its own for every tile.",
            "Put both questions into locate()'s one object, and return None from relocate() but in rare cases.",
        )
    for step, texts in evidence.graphs.items():
        size = len(texts[0]) * (BATCH if step == "locate" else 1)
        if size > LARGEST:
            many = f"for a batch of {BATCH} tiles " if step == "locate" else ""
            yield Finding(
                "requests",
                f"{step}()",
                f"Its graph is {size / 1e6:.0f} MB {many}and is refused; the batch is halved again and again.",
                "Let the server make lists and loops (ee.List.sequence, map), instead of writing them out.",
            )


def graph(evidence: TrialRecord) -> Iterator[Finding]:
    """The same tile makes the same graph, so that runs can be repeated and played back."""
    for step, texts in evidence.graphs.items():
        here, again, *elsewhere = texts
        if here != again:
            yield Finding(
                "graph",
                f"{step}()",
                "Called twice for one tile it builds two different graphs.",
                "Take nothing from a clock, a random number, a counter or an object's id; what varies by tile comes "
                "from the scene.",
            )
        elif any(text != here for text in elsewhere):
            yield Finding(
                "graph",
                f"{step}()",
                "Another process builds another graph for the same tile (its hash seed differs).",
                "Do not iterate over a set, or over hashes: sort what you take from one, or use a tuple.",
            )
