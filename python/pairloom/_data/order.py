"""Which rows stand out of the order of time, the fewest that can be meant."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pairloom._data.series import Array, Ints


def in_order(values: Ints, *, repeats: bool) -> Array:
    """Which rows to keep, as booleans, so that values rise (with ``repeats``: never fall) and the fewest are left out.

    Of several such choices it is the one that keeps the earliest rows, so of two candles at one time the first.
    """
    import numpy as np

    kept = np.ones(len(values), dtype=bool)
    steps = np.diff(values)
    falls = np.flatnonzero(steps < 0 if repeats else steps <= 0)
    if len(falls) == 0:
        return kept
    alone = _single_slips(values, falls, repeats=repeats)
    if alone is not None:
        kept[alone] = False
        return kept
    disputed = np.flatnonzero(_disputed(values, repeats=repeats))
    kept[disputed] = False
    kept[disputed[_longest_chain(values[disputed].tolist(), repeats=repeats)]] = True
    return kept


def _single_slips(values: Ints, falls: Ints, *, repeats: bool) -> Array | None:
    """The row to leave out at each fall, where one is enough and no fall has to do with another; else ``None``.

    The longest chain finds the same, but takes as long as all rows behind one that lies far ahead.
    """
    import numpy as np

    if bool((np.diff(falls) < 3).any()):
        return None
    last = len(values) - 1

    def rises(before: Ints, after: Ints) -> Array:
        least, most = values[np.maximum(before, 0)], values[np.minimum(after, last)]
        found: Array = (least <= most) if repeats else (least < most)
        return found | (before < 0) | (after > last)

    # Without the row behind the fall, the one before it meets the next; so the earlier row stays where it can.
    later = rises(falls, falls + 2)
    earlier = rises(falls - 1, falls + 1)
    if not bool((later | earlier).all()):
        return None
    return np.where(later, falls + 1, falls)


def _disputed(values: Ints, *, repeats: bool) -> Array:
    """Rows that do not agree with all before and all after them; the others are in every longest chain."""
    import numpy as np

    highest = np.maximum.accumulate(values)[:-1]
    lowest = np.minimum.accumulate(values[::-1])[::-1][1:]
    after = values[1:] < highest if repeats else values[1:] <= highest
    before = values[:-1] > lowest if repeats else values[:-1] >= lowest
    disputed = np.zeros(len(values), dtype=bool)
    disputed[1:] |= after
    disputed[:-1] |= before
    return disputed


def _longest_chain(values: list[int], *, repeats: bool) -> list[int]:
    """The rows of a longest rising (with ``repeats``: never falling) chain, by patience sorting from the end."""
    place = bisect_right if repeats else bisect_left
    # For each length the greatest value with which a chain of that length can begin, with its sign turned.
    heads: list[int] = []
    lengths = []
    for value in reversed(values):
        length = place(heads, -value)
        if length == len(heads):
            heads.append(-value)
        else:
            heads[length] = -value
        lengths.append(length + 1)
    lengths.reverse()
    chain: list[int] = []
    wanted = len(heads)
    for row, (value, length) in enumerate(zip(values, lengths, strict=True)):
        fits = not chain or value > values[chain[-1]] or (repeats and value == values[chain[-1]])
        if length == wanted and fits:
            chain.append(row)
            wanted -= 1
    return chain
