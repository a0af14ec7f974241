"""Numbers in words, as all commands and pages say them."""


def counted(number: int, what: str) -> str:
    """`1 tile`, `2 tiles`, `1,200,000 tiles`; the plural is made with an s."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def size(count: float) -> str:
    """Bytes in decimal units: `812 bytes`, `41.9 MB`, `1.25 TB`."""
    if count < 1000:
        return counted(round(count), "byte")
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 999.5:
            return f"{count:.3g} {unit}"
    return f"{count / 1000:,.2f} TB"
