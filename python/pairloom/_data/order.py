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
    if bool((steps >= 0 if repeats else steps > 0).all()):
        return kept
    disputed = np.flatnonzero(_disputed(values, repeats=repeats))
    kept[disputed] = False
    kept[disputed[_longest_chain(values[disputed].tolist(), repeats=repeats)]] = True
    return kept


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
