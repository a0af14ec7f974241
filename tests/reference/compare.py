"""Stored references, and where today's results differ from them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def load(name: str, folder: Path = HERE) -> dict[str, Any]:
    """A reference: `commands`, `outcomes` or `products`."""
    content: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return content


def store(name: str, content: Mapping[str, Any], folder: Path = HERE) -> None:
    """Writes a reference."""
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def differences(stored: Any, now: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Each place where two results differ, and how; a place is the keys that lead to it, joined by blanks."""
    if not (isinstance(stored, dict) and isinstance(now, dict)):
        if stored != now:
            yield place, f"was {stored!r}, is {now!r}"
        return
    for key in sorted({*stored, *now}):
        below = f"{place} {key}".strip()
        if key not in now:
            yield below, "was removed"
        elif key not in stored:
            yield below, "was added"
        else:
            yield from differences(stored[key], now[key], below)


def unexpected(stored: Any, now: Any, changed: Mapping[str, str]) -> list[str]:
    """The differences that are not allowed, and the allowed ones that do not exist.

    Args:
        stored: the reference.
        now: today's result.
        changed: places that may differ, with all below them, and the reason for each.
    """
    found, needed = [], set()
    for place, text in differences(stored, now):
        allowed = {prefix for prefix in changed if f"{place} ".startswith(f"{prefix} ")}
        needed |= allowed
        if not allowed:
            found.append(f"{place}: {text}")
    return found + [f"{prefix}: is in CHANGED, but is as it was" for prefix in changed if prefix not in needed]
