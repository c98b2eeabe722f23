"""The errors and warnings of Pairloom.

Every error has a ``code``: a stable ``snake_case`` string (``"config.unknown_key"``,
``"data.time_backwards"``) for programs, beside the message for people, which names
the file, pair, row, key or value concerned and the way out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pairloom.result import Result

__all__ = [
    "BrokerError",
    "ConfigError",
    "DataError",
    "JournalError",
    "PairloomError",
    "ParameterError",
    "QuarantineWarning",
    "RefusalWarning",
    "RiskError",
    "StrategyError",
    "SweepWarning",
]


class PairloomError(Exception):
    """The parent of every error that Pairloom raises on purpose.

    ``code`` is a stable string for programs; without one, the class's own.
    """

    default_code: ClassVar[str] = "error"

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        """Make the error with its text for people and, if there is one, its own code."""
        super().__init__(message)
        self.code: str = self.default_code if code is None else code


class ConfigError(PairloomError):
    """A setting, argument or config file is wrong; nothing has been run."""

    default_code = "config"


class ParameterError(ConfigError, TypeError):
    """A strategy was given a parameter that it does not have, or lacks one.

    It is also a ``TypeError``, as Python raises for a wrong keyword argument.
    """

    default_code = "strategy.parameter"


class DataError(PairloomError):
    """Market data are missing or wrong; names the file, pair, row and column."""

    default_code = "data"


class StrategyError(PairloomError):
    """Every trader of a run was quarantined.

    ``result`` holds the result so far, ``__cause__`` the first original error.
    """

    default_code = "strategy"

    def __init__(self, message: str = "", *, code: str | None = None, result: Result | None = None) -> None:
        """Make the error with the result so far, if the run got that far."""
        super().__init__(message, code=code)
        self.result: Result | None = result


class RiskError(PairloomError):
    """The risk stage cannot do its work, so nothing passes it."""

    default_code = "risk"


class BrokerError(PairloomError):
    """A broker refused, failed or contradicted what is known."""

    default_code = "broker"


class JournalError(PairloomError):
    """A journal cannot be written, read or continued.

    Where a run does not repeat its journal, ``details`` says where it first differs: ``step, trader,
    table, column, journal`` (what is there) and ``now``.
    """

    default_code = "journal"

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        """Make the error, with no details yet."""
        super().__init__(message, code=code)
        self.details: dict[str, str] = {}


class RefusalWarning(UserWarning):
    """Orders were refused in a run; the text counts them by check."""


class QuarantineWarning(UserWarning):
    """Some traders erred and were stopped; the others were not disturbed."""


class ReconciliationWarning(UserWarning):
    """The venue and the engine differed in a way that nobody can explain; the pairs concerned were halted."""


class SweepWarning(UserWarning):
    """Some combinations of a sweep, or tests of its folds, failed or had orders refused."""
