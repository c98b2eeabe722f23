"""What a run says aloud at its end: refusals, quarantines, and that nobody is left."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from pairloom.errors import QuarantineWarning, ReconciliationWarning, RefusalWarning, StrategyError

if TYPE_CHECKING:
    from pairloom.result import Result

__all__ = ["announce"]

# announce <- Engine._run <- Engine.backtest <- the line the user wrote, and of a combination
# announce <- Plan.backtest_aloud <- Combination.backtest <- that line
_USERS_LINE = 4


def announce(result: Result, stopped: int | None = None) -> None:
    """Warn once of refusals and once of quarantines.

    Raises ``StrategyError`` from the first original when every trader is quarantined. ``stopped`` says how many
    are so at the end, where people may have restarted some.
    """
    from pairloom._show.messages import difference_message, nobody_left_line, quarantine_message, refusal_message

    refused = refusal_message(result)
    if refused:
        warnings.warn(refused, RefusalWarning, stacklevel=_USERS_LINE)
    differs = difference_message(result)
    if differs:
        warnings.warn(differs, ReconciliationWarning, stacklevel=_USERS_LINE)
    records = result.quarantined
    if not records:
        return
    nobody_left = nobody_left_line(result, stopped)
    if nobody_left:
        first = records[0]
        raise StrategyError(nobody_left, code=f"strategy.{first.kind}", result=result) from first.error
    message = quarantine_message(result)
    if message:
        warnings.warn(message, QuarantineWarning, stacklevel=_USERS_LINE)
