"""The arguments of ``Engine``, checked and made into the core's settings.

Each check is a small function that raises ``ConfigError`` naming the key, the value and
the way out; none of them has any effect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pairloom._risk_process import process_settings
from pairloom._words import listing, nearest
from pairloom._workers import worker_settings
from pairloom.errors import ConfigError
from pairloom.instruments import Fees, Instrument
from pairloom.numbers import FINEST_MONEY, MOST_MONEY, decimal_text, whole_number

if TYPE_CHECKING:
    from pairloom.risk import RiskLimits

__all__ = ["engine_settings", "size_setting"]

FILLS = ("next_open", "close")
ACCOUNTS = ("spot", "margin")
ON_ERROR = ("keep", "close")
SIZE_UNITS = ("base", "quote", "equity")

MOST_THREADS = 1024
MOST_BLOCK = 1_000_000
MOST_SEED = 2**64 - 1
MOST_LATENCY_S = 86_400

_CODE = re.compile(r"[^\s/*]+")
_PAIR = re.compile(r"([^\s/*]+)/([^\s/*]+)")


def engine_settings(  # one parameter for each argument of Engine, in its order
    *,
    cash: object,
    currency: object,
    account: object,
    leverage: object,
    fee: object,
    fill: object,
    slippage_bps: object,
    latency: object,
    instruments: object,
    risk: object,
    num_threads: object,
    workers: object,
    time_limit: object,
    memory_limit: object,
    block: object,
    on_error: object,
    risk_socket: object,
    risk_timeout: object,
    seed: object,
) -> dict[str, Any]:
    """Check every argument and return the settings that the core takes."""
    balances = _cash(cash)
    home = _currency(currency, balances)
    kind = choice("account", account, ACCOUNTS)
    fees = _fees(fee)
    return {
        "currency": home,
        "cash": balances,
        "account": kind,
        "leverage": _leverage(leverage, kind),
        "maker_fee": fees.maker,
        "taker_fee": fees.taker,
        "fill": choice("fill", fill, FILLS),
        "slippage_bps": decimal_text(slippage_bps, "slippage_bps", at_least=0, below=10_000),
        "latency": _latency(latency),
        "instruments": _instruments(instruments),
        "risk": _risk(risk),
        "num_threads": None
        if num_threads is None
        else whole_number(num_threads, "num_threads", least=1, most=MOST_THREADS),
        **worker_settings(workers, time_limit, memory_limit),
        "block": None if block is None else whole_number(block, "block", least=0, most=MOST_BLOCK),
        "on_error": choice("on_error", on_error, ON_ERROR),
        **process_settings(risk_socket, risk_timeout),
        "seed": whole_number(seed, "seed", least=0, most=MOST_SEED),
    }


def choice(key: str, value: object, known: tuple[str, ...]) -> str:
    """Return a value that is one of the known words, else raise ``ConfigError``."""
    if isinstance(value, str) and value in known:
        return value
    hint = nearest(value, known) or f"; it is one of {listing(repr(word) for word in known)}"
    raise ConfigError(f"{key}={value!r} is unknown{hint}", code=f"config.{key}")


def split_pair(pair: object, key: str = "pairs") -> tuple[str, str]:
    """Return the base and quote of ``"ETH/BTC"``, else raise ``ConfigError``."""
    match = _PAIR.fullmatch(pair) if isinstance(pair, str) else None
    if match is None:
        raise ConfigError(f"{key}: {pair!r} is no market pair; write BASE/QUOTE, as in 'ETH/BTC'", code="config.pair")
    return match[1], match[2]


def size_setting(size: object) -> dict[str, str] | None:
    """Return a trader's size as the core takes it: ``{"base" | "quote" | "equity": text}``."""
    if size is None:
        return None
    if not isinstance(size, Mapping):
        return {"base": decimal_text(size, "size", above=0)}
    if len(size) != 1:
        raise ConfigError(
            f"size={dict(size)!r} must have one key: write size={{'base': 1.5}}, {{'quote': 100}} or {{'equity': 0.1}}",
            code="config.size",
        )
    ((unit, amount),) = size.items()
    if unit not in SIZE_UNITS:
        hint = nearest(unit, SIZE_UNITS) or f"; it is one of {listing(SIZE_UNITS)}"
        raise ConfigError(f"size: {unit!r} is unknown{hint}", code="config.size")
    return {unit: decimal_text(amount, f"size.{unit}", above=0)}


def _cash(cash: object) -> dict[str, str]:
    if not isinstance(cash, Mapping):
        raise ConfigError(
            f"cash must name its currency: write cash={{'USDT': {cash!r}}}"
            if isinstance(cash, int | float | str | Decimal)
            else f"cash={cash!r} must name its currency: write cash={{'USDT': 1000}}",
            code="config.cash",
        )
    if not cash:
        raise ConfigError("cash={} is empty: write cash={'USDT': 1000}", code="config.cash")
    balances = {}
    for name, amount in cash.items():
        if not isinstance(name, str) or not _CODE.fullmatch(name):
            raise ConfigError(
                f"cash: {name!r} is no currency; write its code, as in {{'USDT': 1000}}", code="config.cash"
            )
        text = decimal_text(amount, f"cash.{name}", at_least=0, places=FINEST_MONEY)
        balances[name] = decimal_text(text, f"cash.{name}", below=MOST_MONEY, places=FINEST_MONEY)
    return balances


def _currency(currency: object, cash: dict[str, str]) -> str:
    if currency is None:
        if len(cash) > 1:
            raise ConfigError(
                f"cash has {listing(cash)}, so currency must say which one the account is counted in: "
                f"currency={next(iter(cash))!r}",
                code="config.currency",
            )
        currency = next(iter(cash))
    if not isinstance(currency, str) or currency not in cash:
        hint = nearest(currency, cash)
        raise ConfigError(f"currency={currency!r} has no cash; cash has {listing(cash)}{hint}", code="config.currency")
    if cash[currency] == "0":
        raise ConfigError(
            f"cash.{currency}=0: the account's currency needs more than 0 to trade with", code="config.cash"
        )
    return currency


def _leverage(leverage: object, account: str) -> str:
    text = decimal_text(leverage, "leverage", above=0)
    if account == "spot" and text != "1":
        raise ConfigError(
            f"leverage={leverage!r} on a spot account; use account='margin' or leverage=1",
            code="config.leverage",
        )
    return text


def _fees(fee: object) -> Fees:
    if isinstance(fee, Fees):
        return fee
    if isinstance(fee, Mapping):
        if set(fee) != {"maker", "taker"}:
            raise ConfigError(
                f"fee={dict(fee)!r} must have maker and taker: fee=Fees(maker=0.0002, taker=0.0005)",
                code="config.fee",
            )
        return Fees(**fee)
    text = decimal_text(fee, "fee", at_least=0, below=1)
    return Fees(maker=text, taker=text)


def _latency(latency: object) -> int:
    text = decimal_text(latency, "latency", at_least=0, below=MOST_LATENCY_S)
    nanoseconds = Decimal(text) * 10**9
    if nanoseconds != int(nanoseconds):
        raise ConfigError(
            f"latency={latency!r} is finer than a nanosecond; it is given in seconds", code="config.latency"
        )
    return int(nanoseconds)


def _risk(risk: object) -> RiskLimits | None:
    if risk is None:
        return None
    from pairloom.risk import limits_of

    return limits_of(risk)


def _instruments(instruments: object) -> dict[str, dict[str, str | None]]:
    if instruments is None:
        return {}
    if not isinstance(instruments, Mapping):
        raise ConfigError(
            f"instruments={instruments!r} must be a dict of pairs: "
            "instruments={'ETH/BTC': Instrument(tick=0.00001, lot=0.001)}",
            code="config.instruments",
        )
    return {"/".join(split_pair(pair, "instruments")): _instrument(pair, given) for pair, given in instruments.items()}


def _instrument(pair: str, given: object) -> dict[str, str | None]:
    known = Instrument.__slots__
    if isinstance(given, Mapping):
        for key in given:
            if key not in known:
                hint = nearest(key, known) or f"; it is one of {listing(known)}"
                raise ConfigError(f"instruments.{pair}: {key!r} is unknown{hint}", code="config.instruments")
        try:
            given = Instrument(**given)
        except ConfigError as error:
            raise ConfigError(f"instruments.{pair}.{error}", code=error.code) from None
    if not isinstance(given, Instrument):
        raise ConfigError(
            f"instruments.{pair}={given!r} is no instrument; write Instrument(tick=0.00001, lot=0.001)",
            code="config.instruments",
        )
    return {"tick": given.tick, "lot": given.lot, "min_notional": given.min_notional}
