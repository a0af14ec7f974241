"""Fair shares of slots among those who want them, and of the rate among slots."""

import math
from collections.abc import Sequence
from itertools import pairwise


def fair_shares(wants: Sequence[int], slots: int) -> list[int]:
    """How many slots each should have: they are poured out until all stand equally high or have enough.

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


def slot_rates(per_second: float, slots: int) -> list[float]:
    """How many requests a second go with each slot.

    Whole numbers, as only whole requests can be sent in every second: of 100 for 40 slots 2 with one and 3 with the
    next. If there is not one for each, all have the same fraction.

    Args:
        per_second: requests a second, for all slots together.
        slots: slots that there are.

    Returns:
        A rate for each slot; their sum is at most `per_second`, and less than one below it.
    """
    if per_second < slots:
        return [per_second / slots] * slots
    # Rates such as 3 * 100 / 30 must not fall below 10 by rounding.
    up_to = [math.floor(slot * per_second / slots * (1 + 1e-12)) for slot in range(slots + 1)]
    return [float(high - low) for low, high in pairwise(up_to)]
