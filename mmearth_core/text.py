"""Parts of messages: counts, sizes, durations, suggestions, and text that is safe to print."""

import difflib
import json
from collections.abc import Iterable


def whole(number: float) -> float:
    """The same number, as an int if it is whole, so that it is written without a decimal point."""
    return int(number) if float(number).is_integer() else float(number)


def counted(number: int, what: str) -> str:
    """`1 tile`, `2 tiles`, `1,200,000 tiles`; the plural is made with an s."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def printable(text: str, keep: str = "") -> str:
    """Text of a file or a server for a terminal or a picture: control and bidirectional characters become escapes.

    Args:
        text: any text.
        keep: characters to leave as they are.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep else ascii(one)[1:-1] for one in text)


def tag_text(text: str) -> str:
    """Text for a tag of a stack, as JSON if a reader would take it for a number or an array: rioxarray parses tags.

    An id such as `000` becomes `"000"`, with the quotes; most texts stay as they are.
    """
    try:
        float(text)
    except ValueError:
        if text.isprintable() and not text.startswith(("{", '"')):
            return text
    return json.dumps(text)


def size(count: float) -> str:
    """Bytes in decimal units: `812 bytes`, `41.9 MB`, `1.25 TB`."""
    if count < 1000:
        return counted(round(count), "byte")
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 999.5:
            return f"{count:.3g} {unit}"
    return f"{count / 1000:,.2f} TB"


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """A sentence that suggests the most similar allowed word, with a leading space; empty when none is similar."""
    near = difflib.get_close_matches(word, list(allowed), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""


def duration(seconds: float | None) -> str:
    """Seconds as hours, minutes and seconds: `0:42`, `3:07:12`, `2 d 4:00:00`."""
    if seconds is None:
        return "?"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    clock = f"{hour}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
    return f"{days} d {clock}" if days else clock
