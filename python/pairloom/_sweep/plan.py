"""What all runs of a sweep share: settings, traders, and the data, read and checked once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pairloom import _native
from pairloom._announce import announce
from pairloom._interrupts import heard
from pairloom._not_used import never_called
from pairloom._span import span
from pairloom._traders import check_start, traders

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pairloom._data import Loaded
    from pairloom._native import MarketData
    from pairloom._traders import Assignment
    from pairloom.result import Result

__all__ = ["Plan"]

Run = dict[str, Any]


class Plan:
    """An engine's settings and traders over data that are there already."""

    def __init__(
        self, settings: dict[str, Any], assignments: Sequence[Assignment], loaded: Loaded, market: MarketData
    ) -> None:
        """Hold what the runs share."""
        self.settings = settings
        self.assignments = list(assignments)
        self.loaded = loaded
        self.market = market
        self.has_called_python = False
        """Whether any combination so far had a strategy that runs in Python, and so on the calling thread."""
        self._known = {name for each in self.assignments for name in each.names}

    def traders(self, parameters: Mapping[str, Any], run: Run) -> list[dict[str, Any]]:
        """Return the traders of one combination as the core takes them; wrong parameters raise ``ConfigError``."""
        varied = [each.varied(parameters, self._known) for each in self.assignments]
        check_start(varied, self.settings["account"])
        described = traders(
            varied,
            self.loaded.pairs,
            self.settings["currency"],
            lambda pairs: span(self.loaded, pairs, run["start"], run["end"]),
        )
        self.has_called_python |= any("factory" in each and "compiled" not in each for each in described)
        return described

    def backtest(self, parameters: Mapping[str, Any], run: Run) -> Result:
        """Run one combination alone, for all of its tables."""
        from pairloom.result import Result

        described = self.traders(parameters, run)
        with heard():
            output = _native.backtest(self.settings, described, self.market, run, None)
        unasked = never_called(self.loaded, described, run, output)
        return Result(output, [*self.loaded.assumptions, *unasked])

    def backtest_aloud(self, parameters: Mapping[str, Any], run: Run) -> Result:
        """Run one combination alone, and say what ``Engine.backtest`` says of such a run."""
        result = self.backtest(parameters, run)
        announce(result)
        return result
