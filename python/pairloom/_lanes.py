"""Which lanes a run used, and how evaluating ahead went."""

from __future__ import annotations

__all__ = ["Lanes"]

AHEAD = ("blocks", "roll_backs", "fallbacks")


class Lanes(dict[str, int]):
    """The number of traders by lane.

    It also tells how evaluating ahead went, by attribute or by key, though these are no lanes
    and not counted among them: ``blocks`` is how many times a trader took in several events
    at once, ``roll_backs`` how often one had to go back, ``fallbacks`` how often traders were
    made to go event by event for a while.
    """

    def __init__(self, lanes: dict[str, int], counters: dict[str, int]) -> None:
        """Take the lanes and, of the counters, those of evaluating ahead."""
        super().__init__(lanes)
        self._ahead = {name: counters.get(name, 0) for name in AHEAD}

    def __missing__(self, name: str) -> int:
        """Read a count of evaluating ahead by its name."""
        return self._ahead[name]

    @property
    def blocks(self) -> int:
        """How many times a trader took in several events at once."""
        return self._ahead["blocks"]

    @property
    def roll_backs(self) -> int:
        """How often a trader had to go back to where its block began."""
        return self._ahead["roll_backs"]

    @property
    def fallbacks(self) -> int:
        """How often traders were made to go event by event for a while."""
        return self._ahead["fallbacks"]
