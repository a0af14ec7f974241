"""A finding: one thing that is wrong with a modality, and what to do about it."""

from attrs import frozen


@frozen
class Finding:
    """What a check has found.

    Attributes:
        check: the check's name, which `ignore` takes.
        where: the layer, band, option or function at fault.
        problem: what was found, as whole sentences.
        remedy: what to do, as whole sentences.
    """

    check: str
    where: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"[{self.check}] {self.where}: {self.problem} {self.remedy}"
