"""Numbers in words: one and many, and bytes across every unit's border; and text that is safe to print."""

import pytest

from mmearth_core.text import counted, printable, size


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 tiles"), (1, "1 tile"), (2, "2 tiles"), (1_200_000, "1,200,000 tiles")]
)
def test_one_and_many(number, said):
    assert counted(number, "tile") == said


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (41_900_000, "41.9 MB"),
        (597e9, "597 GB"),
        (1.25e12, "1.25 TB"),
        (3.2e15, "3,200.00 TB"),
    ],
)
def test_bytes_of_every_size(count, said):
    assert size(count) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Größe 東 $x_1$ \\n", "Größe 東 $x_1$ \\n"),
        ("a\x1b[31mb\x7f", r"a\x1b[31mb\x7f"),
        ("a\r\nb\t\x85\u2028", r"a\r\nb\t\x85\u2028"),
        ("\u202eab\u200b", r"\u202eab\u200b"),
        ("\udcff", r"\udcff"),
        ("", ""),
    ],
)
def test_text_that_is_safe_to_print(text, said):
    assert printable(text) == said
    assert printable(said) == said


def test_what_is_kept():
    assert printable("a\n\x1bb", keep="\n") == "a\n\\x1bb"
