"""Fair shares: slots poured over those who want them until all stand equally high or have enough."""

from collections.abc import Sequence


def fair_shares(wants: Sequence[int], slots: int) -> list[int]:
    """How many slots each should have.

    Nobody gets more than he wants; what one leaves, the others share. What cannot be divided goes to those
    who come first, so with more of them than slots the first have one each.

    Args:
        wants: slots that each could use, first come first.
        slots: slots that there are.

    Returns:
        A share for each, in the same order; their sum is the lesser of `slots` and the sum of `wants`.
    """
    shares = [0] * len(wants)
    hungry = [index for index, want in enumerate(wants) if want > 0]
    while slots and hungry:
        each = max(1, slots // len(hungry))
        for index in hungry[:slots]:
            more = min(each, wants[index] - shares[index])
            shares[index] += more
            slots -= more
        hungry = [index for index in hungry if shares[index] < wants[index]]
    return shares
