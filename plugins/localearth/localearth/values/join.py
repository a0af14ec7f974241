"""Joins: how the matches of two collections become one collection."""

from attrs import frozen


@frozen
class Join:
    """A join.

    Attributes:
        kind: `simple`, `inverted`, `saveFirst`, `saveBest`, `saveAll` or `inner`.
        match_key: the property that gets the match, the matches, or the primary element of an inner join.
        second_key: the property that gets the secondary element of an inner join.
        ordering: the property by which matches are sorted.
        ascending: whether they are sorted in ascending order.
        measure_key: the property of each match that gets the measure of the condition.
        outer: whether elements without a match are kept.
    """

    kind: str
    match_key: str = ""
    second_key: str = ""
    ordering: str | None = None
    ascending: bool = True
    measure_key: str | None = None
    outer: bool = False

    def info(self) -> dict[str, str]:
        """As `getInfo` shows it, in part."""
        return {"type": f"Join.{self.kind}"}
