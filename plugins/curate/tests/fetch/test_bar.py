"""The progress of a fetch: bars on a terminal, occasional lines elsewhere."""

import io

from mmearth_curate.fetch.transfer import bytes_bar
from rich.console import Console


def test_a_log_gets_a_line_every_while() -> None:
    out, now = io.StringIO(), [0.0]
    with bytes_bar(Console(file=out, width=100), clock=lambda: now[0]) as bar:
        for seconds, have in ((1, 10), (31, 2_000_000), (40, 3_000_000), (62, 4_000_000)):
            now[0] = seconds
            bar("x.h5", have, 48_000_000_000 if have < 3_000_000 else None)
    assert out.getvalue().splitlines() == ["x.h5: 2 MB of 48 GB", "x.h5: 4 MB"]


def test_a_terminal_gets_a_bar_a_file() -> None:
    out = io.StringIO()
    with bytes_bar(Console(file=out, force_terminal=True, width=100)) as bar:
        bar("[x].json", 0, 500)
        bar("[x].json", 500, 500)
        bar("y.h5", 24_000_000_000, 48_000_000_000)
    shown = out.getvalue()
    assert "[x].json" in shown
    assert "500/500 bytes" in shown
    assert "24.0/48.0 GB" in shown
