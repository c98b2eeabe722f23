"""What a run on paper may have between itself and its broker: ``Faults``, and ``Reconcile`` for what follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pairloom._risk_process import socket_path
from pairloom._times import duration_ns
from pairloom._words import listing, nearest
from pairloom.errors import ConfigError
from pairloom.numbers import decimal_text, whole_number

if TYPE_CHECKING:
    from datetime import timedelta

    from pairloom.numbers import Number

    Span = Number | timedelta

__all__ = ["Faults", "Reconcile", "broker_settings", "refuse_faults"]

MOST_SEED = 2**64 - 1
CHANCES = ("lose_request", "lose_reply", "duplicate", "reorder", "reject", "fill_during_cancel")
SPANS = {"delay": "delay_ns", "disconnect": "outage_ns"}
UNKNOWN_ORDERS = ("cancel", "adopt")


class _Settings:
    """Settings that were checked, compared by value."""

    __slots__ = ("_values",)
    _values: dict[str, Any]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} does not change; make a new one")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self) or not isinstance(other, _Settings):
            return NotImplemented
        return self._values == other._values

    def __hash__(self) -> int:
        return hash((type(self), *sorted(self._values.items())))

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self._values))


def _rebuild(cls: type[_Settings], values: dict[str, Any]) -> _Settings:
    made = cls()
    object.__setattr__(made, "_values", values)
    return made


class Faults(_Settings):
    """What goes wrong between the engine and the paper broker, by a schedule that ``seed`` makes.

    Each argument is how likely a message meets the fault, from 0 to 1, and 0 where it is left out:

    - ``lose_request``: an order, a cancellation or a question never arrives, and nobody says so.
    - ``lose_reply``: it arrives, and what the venue says of it never does; or a fill is never told.
    - ``delay``: ``(probability, seconds)``; a message of either side arrives that much later.
    - ``duplicate``: a message arrives twice.
    - ``reorder``: a message arrives behind those that follow it.
    - ``reject``: the venue refuses an order.
    - ``disconnect``: ``(probability, seconds)``; the connection drops at a message, and the venue cannot be
      reached for that long. What was on its way to the engine is lost.
    - ``fill_during_cancel``: a limit order is filled at its limit when its cancellation arrives.

    Seconds are those of the run's own clock, so that on recorded data one seed gives one digest. The venue keeps
    its own truth meanwhile, and the engine reconciles with it. Wrong values raise ``ConfigError``.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        seed: int = 0,
        lose_request: Number = 0,
        lose_reply: Number = 0,
        delay: tuple[Number, Span] | None = None,
        duplicate: Number = 0,
        reorder: Number = 0,
        reject: Number = 0,
        disconnect: tuple[Number, Span] | None = None,
        fill_during_cancel: Number = 0,
    ) -> None:
        """Check every argument."""
        given = locals()
        values: dict[str, Any] = {"seed": whole_number(seed, "seed", least=0, most=MOST_SEED)}
        values.update({name: _chance(name, given[name]) for name in CHANCES})
        for name, span in SPANS.items():
            values[name], values[span] = _chance_and_span(name, given[name])
        object.__setattr__(self, "_values", values)

    def __repr__(self) -> str:
        """The faults as one would write them."""
        values = self._values
        shown = [f"seed={values['seed']}"]
        shown += [f"{name}={values[name]!r}" for name in CHANCES if values[name]]
        shown += [
            f"{name}=({values[name]!r}, {_seconds(values[span])})" for name, span in SPANS.items() if values[name]
        ]
        return f"Faults({', '.join(shown)})"


class Reconcile(_Settings):
    """How the engine compares itself with its venue; where it is given, or `Faults` are, the paper broker answers.

    ``interval`` is how many seconds of the run's clock lie between two comparisons, besides those at the start,
    after each reconnect and whenever something is in doubt. ``unknown_orders`` says what becomes of an order of this
    run that works at the venue and had ended here: ``"cancel"`` cancels it, ``"adopt"`` lets it work again. Wrong
    values raise ``ConfigError``.
    """

    __slots__ = ()

    def __init__(self, *, interval: Span = 30, unknown_orders: Literal["cancel", "adopt"] = "cancel") -> None:
        """Check both."""
        if unknown_orders not in UNKNOWN_ORDERS:
            hint = nearest(unknown_orders, UNKNOWN_ORDERS) or f"; it is {' or '.join(map(repr, UNKNOWN_ORDERS))}"
            raise ConfigError(f"unknown_orders={unknown_orders!r} is unknown{hint}", code="config.reconcile")
        if interval is None:
            raise ConfigError("interval=None is no time; write seconds, as in interval=30", code="config.reconcile")
        values = {"interval": duration_ns("interval", interval), "unknown_orders": unknown_orders}
        object.__setattr__(self, "_values", values)

    def __repr__(self) -> str:
        """The settings as one would write them."""
        values = self._values
        return f"Reconcile(interval={_seconds(values['interval'])}, unknown_orders={values['unknown_orders']!r})"


def broker_settings(faults: object, reconcile: object, journal: object, broker_socket: object) -> dict[str, Any]:
    """Return what the core takes of these, without what was not given; raises ``ConfigError``."""
    found: dict[str, Any] = {}
    if broker_socket is not None:
        found["broker_socket"] = socket_path("broker_socket", broker_socket, name="broker")
        if faults is not None or reconcile is not None:
            raise ConfigError(
                "broker_socket: faults and reconcile are for the paper broker in the engine's own process; "
                "give one or the other",
                code="config.broker_socket",
            )
    if faults is not None:
        found["faults"] = _made("faults", faults, Faults)
    if reconcile is not None:
        found["reconcile"] = _made("reconcile", reconcile, Reconcile)
        if journal is not None and found["reconcile"]["unknown_orders"] == "adopt":
            raise ConfigError(
                "unknown_orders='adopt' with a journal, which keeps one end of each order; use 'cancel'",
                code="config.reconcile",
            )
    return found


def refuse_faults(settings: Mapping[str, Any], what: str) -> None:
    """Refuse these where there is no connection that could have any."""
    for key in ("faults", "reconcile", "broker_socket"):
        if key in settings:
            raise ConfigError(
                f"{key} has no meaning in {what}, whose venue has no connection; use paper or start, "
                f"or Engine({key}=None)",
                code=f"config.{key}",
            )


def _made(key: str, given: object, kind: type[Faults] | type[Reconcile]) -> dict[str, Any]:
    if isinstance(given, Mapping):
        known = ("seed", *CHANCES, *SPANS) if kind is Faults else ("interval", "unknown_orders")
        for name in given:
            if name not in known:
                hint = nearest(name, known) or f"; there are {listing(known, most=20)}"
                raise ConfigError(f"{key}: {name!r} is unknown{hint}", code=f"config.{key}")
        try:
            given = kind(**given)
        except ConfigError as error:
            raise ConfigError(f"{key}.{error}", code=error.code) from None
    if not isinstance(given, kind):
        example = "Faults(seed=1, lose_reply=0.1)" if kind is Faults else "Reconcile(interval=10)"
        raise ConfigError(f"{key}={given!r} is none; write {key}={example}", code=f"config.{key}")
    return dict(given._values)


def _seconds(nanos: int) -> str:
    """A time in seconds, with all its digits."""
    whole, rest = divmod(nanos, 10**9)
    return f"{whole}.{rest:09d}".rstrip("0") if rest else str(whole)


def _chance(key: str, value: object) -> float:
    chance = float(decimal_text(value, key, at_least=0))
    if chance > 1:
        raise ConfigError(f"{key}={value!r} is a probability; it must be from 0 to 1", code="config.faults")
    return chance


def _chance_and_span(key: str, value: object) -> tuple[float, int]:
    if value is None:
        return 0.0, 0
    if not isinstance(value, tuple | list) or len(value) != 2 or value[1] is None:
        raise ConfigError(
            f"{key}={value!r} must be a probability and a time: {key}=(0.1, 2), two seconds in a tenth of the messages",
            code="config.faults",
        )
    return _chance(f"{key}[0]", value[0]), duration_ns(f"{key}[1]", value[1]) or 0
