"""``RiskLimits``: what the gate lets pass, beyond what needs no number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from pairloom._risk_values import LISTS_OF_PAIRS, READERS, for_core, names_of_controls, shown
from pairloom._words import nearest
from pairloom.errors import ConfigError

if TYPE_CHECKING:
    from datetime import timedelta

    from pairloom.numbers import Number
    from pairloom.schedule import Session

    ByPair: TypeAlias = Number | Mapping[str, Number]
    Seconds: TypeAlias = Number | timedelta
    Pace: TypeAlias = tuple[int, Seconds]

__all__ = ["RiskLimits", "limits_of"]

# What only the account as a whole has.
OF_THE_ACCOUNT = (
    "max_gross_exposure",
    "max_net_exposure",
    "max_daily_loss",
    "max_drawdown",
    "cancel_on_disconnect",
)


class RiskLimits:
    """The limits that orders meet before they leave: of the account, by pair, and by trader.

    Every argument is a keyword, and a control without a number is off; `Result.assumptions` names
    those. Limits are inclusive: what is exactly at its limit passes. Money is in the account's
    currency, quantities are in the pair's base currency, times in seconds or as a ``timedelta``,
    and a *pace* is a pair ``(count, seconds)``. Numbers are exact: a ``float`` means its shortest
    decimal. Where a dict by pair may stand, ``"*"`` is for all other pairs; without it a pair that
    has no number is refused (``missing_limit``).

    What an order meets unless it only makes its trader's position smaller:

    - ``max_order_quantity``: quantity, or a dict by pair.
    - ``max_order_notional``: quantity times limit, else the price expected; money, or a dict by pair.
    - ``max_position``: what the account's traders hold of a pair with all that works on that side;
      quantity, or a dict by pair. Of a trader, its own position.
    - ``max_gross_exposure``, ``max_net_exposure``: all positions at their last prices with all that
      works, whatever their side, or long less short; money.
    - ``max_daily_loss``: equity at the last midnight UTC less equity now; money.
    - ``max_drawdown``: highest equity of the run less equity now, as a fraction of the former.
    - ``max_data_age``: seconds since the market's last event, or a dict by pair.
    - ``max_price_gap``: change of the last price from the one before, as a fraction of it, or a dict
      by pair.
    - ``refuse_crossed_quotes``: True refuses while the last quote has its bid above its ask.
    - ``reduce_only``: True, or a list of pairs: positions may only become smaller.

    What every order meets, but what a person sends to make a position smaller:

    - ``price_collar``: distance of the limit, else of the price expected, from the last price, as a
      fraction of that, or a dict by pair.
    - ``price_band``: ``(low, high)`` for the same price, or a dict by pair.
    - ``max_order_rate``: pace of the orders that leave, or a dict by pair, each with its own.
    - ``max_repeats``: pace of one trader's orders on one side; one more stops it until `Run.enable`.
    - ``duplicate_window``: seconds in which a trader does not send the same side, quantity and limit
      again.
    - ``prevent_self_trade``: True refuses what would meet a working limit order of the account.
    - ``halted``, ``restricted``: True, or a list of pairs that are not traded.
    - ``known_instruments_only``: True refuses pairs without an entry in ``Engine(instruments=)``.
    - ``session``: a `Session` in which orders may be sent, or a dict by pair.

    ``cancel_on_disconnect``, True, takes all orders back when the connection to the venue is lost.
    ``max_cancel_rate`` is the one limit of cancellations by strategies: a pace, or a dict by pair, and the
    one that stops nothing on a pair that it does not name.
    ``per_trader`` maps a trader's name, or the name of a strategy for each of its traders, to more
    `RiskLimits`; those and the account's are both met, so that the tightest wins.

    Wrong values raise ``ConfigError`` at once. Limits do not change; make new ones, and
    `Run.set_limits` puts them in force.
    """

    __slots__ = ("_per_trader", "_values")

    def __init__(
        self,
        *,
        max_order_quantity: ByPair | None = None,
        max_order_notional: ByPair | None = None,
        price_collar: ByPair | None = None,
        price_band: tuple[Number, Number] | Mapping[str, tuple[Number, Number]] | None = None,
        max_position: ByPair | None = None,
        max_gross_exposure: Number | None = None,
        max_net_exposure: Number | None = None,
        max_order_rate: Pace | Mapping[str, Pace] | None = None,
        max_cancel_rate: Pace | Mapping[str, Pace] | None = None,
        max_repeats: Pace | None = None,
        duplicate_window: Seconds | None = None,
        prevent_self_trade: bool = False,
        max_daily_loss: Number | None = None,
        max_drawdown: Number | None = None,
        max_data_age: Seconds | Mapping[str, Seconds] | None = None,
        refuse_crossed_quotes: bool = False,
        max_price_gap: ByPair | None = None,
        known_instruments_only: bool = False,
        halted: bool | Iterable[str] = False,
        restricted: bool | Iterable[str] = False,
        session: Session | Mapping[str, Session] | None = None,
        reduce_only: bool | Iterable[str] = False,
        cancel_on_disconnect: bool = False,
        per_trader: Mapping[str, RiskLimits] | None = None,
    ) -> None:
        """Check every limit; raises ``ConfigError`` naming the one that is wrong."""
        given = {name: value for name, value in locals().items() if name in READERS and value is not None}
        values = {name: READERS[name](name, value) for name, value in given.items()}
        kept = {name: value for name, value in values.items() if value is not False}
        object.__setattr__(self, "_values", kept)
        object.__setattr__(self, "_per_trader", _per_trader(per_trader))

    _values: dict[str, Any]
    _per_trader: dict[str, RiskLimits]

    def _pairs(self) -> list[str]:
        """The pairs that these limits name, each once."""
        return list(dict.fromkeys(pair for _, pair in self._pairs_by_control()))

    def _pairs_by_control(self) -> Iterator[tuple[str, str]]:
        """The names of controls, each with a pair that it names."""
        for name, value in self._values.items():
            pairs = value if isinstance(value, dict) or (name in LISTS_OF_PAIRS and value is not True) else ()
            yield from ((name, pair) for pair in pairs if pair != "*")
        for limits in self._per_trader.values():
            yield from limits._pairs_by_control()

    def _between(self, first: int, last: int) -> dict[str, Any]:
        """Return the limits as the core takes them, with the sessions from ``first`` to ``last``, ns UTC."""
        return {
            "account": self._scope(first, last),
            "traders": [(name, limits._scope(first, last)) for name, limits in self._per_trader.items()],
        }

    def _scope(self, first: int, last: int) -> dict[str, Any]:
        return {name: for_core(name, value, first, last) for name, value in self._values.items()}

    def __setattr__(self, name: str, value: object) -> None:
        """Limits do not change."""
        raise AttributeError("RiskLimits do not change; make new ones")

    def __eq__(self, other: object) -> bool:
        """Limits are equal when all their numbers are."""
        if not isinstance(other, RiskLimits):
            return NotImplemented
        return self._values == other._values and self._per_trader == other._per_trader

    def __hash__(self) -> int:
        """Hash by value."""
        return hash(repr(self))

    def __reduce__(self) -> tuple[object, ...]:
        """Travel by value."""
        return (_rebuild, (self._values, self._per_trader))

    def __repr__(self) -> str:
        """The limits as one would write them."""
        given = [f"{name}={shown(name, value)}" for name, value in self._values.items()]
        if self._per_trader:
            given.append(f"per_trader={self._per_trader!r}")
        return f"RiskLimits({', '.join(given)})"


def limits_of(given: object, key: str = "risk") -> RiskLimits:
    """Return limits as they are, or made of a mapping as a config file has it; raises ``ConfigError``."""
    if isinstance(given, RiskLimits):
        return given
    if not isinstance(given, Mapping):
        raise ConfigError(
            f"{key}={given!r} are no limits; write RiskLimits(max_order_notional=1000)", code="config.risk"
        )
    known = (*READERS, "per_trader")
    for name in given:
        if name not in known:
            hint = nearest(name, known) or f"; there are {names_of_controls()}"
            raise ConfigError(f"{key}: {name!r} is no limit{hint}", code="config.risk")
    try:
        return RiskLimits(**given)
    except ConfigError as error:
        raise ConfigError(f"{key}.{error}", code=error.code) from None


def _rebuild(values: dict[str, Any], per_trader: dict[str, RiskLimits]) -> RiskLimits:
    limits = RiskLimits()
    object.__setattr__(limits, "_values", values)
    object.__setattr__(limits, "_per_trader", per_trader)
    return limits


def _per_trader(given: object) -> dict[str, RiskLimits]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ConfigError(
            f"per_trader={given!r} must be a dict of names: per_trader={{'SmaCross ETH/BTC': RiskLimits(...)}}",
            code="config.risk",
        )
    made = {}
    for name, limits in given.items():
        if not isinstance(name, str) or not name:
            raise ConfigError(f"per_trader: {name!r} is no trader's name", code="config.risk")
        made[name] = own = limits_of(limits, f"per_trader.{name}")
        if own._per_trader:
            raise ConfigError(f"per_trader.{name} has per_trader itself; leave it out", code="config.risk")
        for control in OF_THE_ACCOUNT:
            if control in own._values:
                raise ConfigError(
                    f"per_trader.{name}.{control} is a limit of the account alone; a trader has max_position and "
                    "max_order_notional",
                    code="config.risk",
                )
    return made
