"""The one table of what a config file may say.

The reader's checks, the JSON Schema and the documentation all come from it. The keys are
the Python arguments of the same names.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["SECTIONS", "Key", "Section"]


class Key(NamedTuple):
    """One key: its name, its JSON Schema, what it means, and whether it must be there."""

    name: str
    schema: dict[str, Any]
    meaning: str
    required: bool = False


class Section(NamedTuple):
    """One table of the file; ``repeated`` ones are written ``[[name]]``, once or more."""

    name: str
    meaning: str
    keys: tuple[Key, ...]
    repeated: bool = False
    required: bool = False

    @property
    def title(self) -> str:
        """The section as it stands in a file."""
        return f"[[{self.name}]]" if self.repeated else f"[{self.name}]"


# A text is exact where TOML's floats are not; both mean the same number.
NUMBER: dict[str, Any] = {"type": ["number", "string"]}
WHOLE: dict[str, Any] = {"type": "integer", "minimum": 0}
TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
# TOML's own dates and times are not JSON's, so the schema sees them as texts.
MOMENT: dict[str, Any] = {"type": "string", "minLength": 4}


def _one_of(*words: str) -> dict[str, Any]:
    return {"enum": list(words)}


def _table(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


CHANCE: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 1}
CHANCE_AND_SECONDS: dict[str, Any] = {"type": "array", "prefixItems": [CHANCE, NUMBER], "minItems": 2, "maxItems": 2}
FAULTS = _table(
    seed=WHOLE,
    lose_request=CHANCE,
    lose_reply=CHANCE,
    delay=CHANCE_AND_SECONDS,
    duplicate=CHANCE,
    reorder=CHANCE,
    reject=CHANCE,
    disconnect=CHANCE_AND_SECONDS,
    fill_during_cancel=CHANCE,
)
RECONCILE = _table(interval=NUMBER, unknown_orders=_one_of("cancel", "adopt"))

ENGINE = Section(
    "engine",
    "The account and how orders are filled: the arguments of Engine.",
    (
        Key(
            "cash",
            {"type": "object", "minProperties": 1, "additionalProperties": NUMBER},
            "The balances at the start, by currency.",
            required=True,
        ),
        Key("currency", TEXT, "The account's currency; needed when cash has several."),
        Key("account", _one_of("spot", "margin"), "The kind of account; spot cannot sell short."),
        Key("leverage", NUMBER, "On margin: the limit of exposure, in times the equity."),
        Key(
            "fee",
            {"anyOf": [NUMBER, {**_table(maker=NUMBER, taker=NUMBER), "required": ["maker", "taker"]}]},
            "The fee as a fraction of the notional, or { maker = ..., taker = ... }.",
        ),
        Key("fill", _one_of("next_open", "close"), "Where orders fill on candles; close is optimistic."),
        Key("slippage_bps", NUMBER, "Market orders fill worse by this many hundredths of a percent."),
        Key("latency", NUMBER, "Seconds until an order arrives; needs quotes or trades."),
        Key(
            "instruments",
            {
                "type": "object",
                "additionalProperties": _table(tick=NUMBER, lot=NUMBER, min_notional=NUMBER),
            },
            "By pair: the steps of prices and quantities, and the least notional.",
        ),
        Key("num_threads", {"type": "integer", "minimum": 1}, "Threads; all cores when not given."),
        Key("workers", WHOLE, "Processes for strategies that are Python classes; none by default."),
        Key(
            "time_limit",
            {"anyOf": [NUMBER, {"enum": ["auto", "off"]}]},
            'Seconds that a call may last in a worker; "auto" is 10, "off" sets no limit.',
        ),
        Key("memory_limit", {"type": ["integer", "string"]}, 'What a worker may allocate: bytes, or as in "512MB".'),
        Key("block", WHOLE, "Events evaluated ahead at most; 0 forbids it, and no result depends on it."),
        Key("on_error", _one_of("keep", "close"), "What happens to the position of a trader that erred."),
        Key("journal", TEXT, "A file that keeps what a run decides; a killed run goes on from it."),
        Key("risk_socket", TEXT, "Where pairloom risk listens: on paper no order leaves without its word."),
        Key("risk_timeout", NUMBER, "Seconds that it may take to answer; 1 by default."),
        Key("broker_socket", TEXT, "Where pairloom broker listens: the paper broker lives there."),
        Key("seed", WHOLE, "The seed of ctx.random."),
        Key("faults", FAULTS, "What goes wrong between the engine and the paper broker; refused in a backtest."),
        Key("reconcile", RECONCILE, "How the engine compares itself with its broker; refused in a backtest."),
    ),
    required=True,
)


def _by_pair(one: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [one, {"type": "object", "minProperties": 1, "additionalProperties": one}]}


PACE: dict[str, Any] = {"type": "array", "prefixItems": [WHOLE, NUMBER], "minItems": 2, "maxItems": 2}
BAND: dict[str, Any] = {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}
FLAG: dict[str, Any] = {"type": "boolean"}
PAIRS: dict[str, Any] = {"anyOf": [FLAG, TEXT, {"type": "array", "items": TEXT}]}
SESSION = _table(open=TEXT, close=TEXT, zone=TEXT, days=TEXT, holidays={"type": "array", "items": MOMENT})

LIMITS = (
    Key("max_order_quantity", _by_pair(NUMBER), "The base currency in one order, or a table of it by pair."),
    Key("max_order_notional", _by_pair(NUMBER), "What one order may be worth, or a table of it by pair."),
    Key("price_collar", _by_pair(NUMBER), "How far a price may lie from the last one, as a fraction."),
    Key("price_band", _by_pair(BAND), "The lowest and the highest price."),
    Key("max_position", _by_pair(NUMBER), "The base currency held, working orders included."),
    Key("max_gross_exposure", NUMBER, "What all positions may be worth, working orders included."),
    Key("max_net_exposure", NUMBER, "What long positions may be worth above short ones, or the other way."),
    Key("max_order_rate", _by_pair(PACE), "[count, seconds] of orders."),
    Key("max_cancel_rate", _by_pair(PACE), "[count, seconds] of cancellations."),
    Key("max_repeats", PACE, "[count, seconds] of one trader's orders on one side; one more stops it."),
    Key("duplicate_window", NUMBER, "Seconds in which the same order again is refused."),
    Key("prevent_self_trade", FLAG, "Refuse what would meet a working order of the account."),
    Key("max_daily_loss", NUMBER, "What may be lost since midnight UTC."),
    Key("max_drawdown", NUMBER, "How far equity may lie below its peak, as a fraction."),
    Key("max_data_age", _by_pair(NUMBER), "Seconds since the market's last event."),
    Key("refuse_crossed_quotes", FLAG, "Add nothing while the last quote is crossed."),
    Key("max_price_gap", _by_pair(NUMBER), "How far the last price may have jumped, as a fraction."),
    Key("known_instruments_only", FLAG, "Refuse pairs without an instrument."),
    Key("halted", PAIRS, "Pairs that are halted."),
    Key("restricted", PAIRS, "Pairs that may not be traded."),
    Key("session", _by_pair(SESSION), "When orders may be sent."),
    Key("reduce_only", PAIRS, "Pairs whose positions may only become smaller."),
    Key("cancel_on_disconnect", FLAG, "Take all orders back when the connection to the venue is lost."),
)

RISK = Section(
    "risk",
    "The limits that orders meet: the arguments of RiskLimits.",
    (
        *LIMITS,
        Key(
            "per_trader",
            {"type": "object", "additionalProperties": _table(**{key.name: key.schema for key in LIMITS})},
            "More limits by the name of a trader or a strategy.",
        ),
    ),
)

DATA = Section(
    "data",
    "The market data and how to read them: the arguments of Engine.backtest.",
    (
        Key("path", TEXT, "A CSV, Parquet or Feather file or a folder of them, relative to this file."),
        Key("start", MOMENT, "Trade from this time on; earlier rows warm up."),
        Key("end", MOMENT, "Neither see nor trade rows from this time on."),
        Key(
            "interval",
            {
                "anyOf": [
                    {"type": ["string", "number"]},
                    {"type": "object", "additionalProperties": {"type": ["string", "number"]}},
                ]
            },
            "The candles' length, or a table of it by pair.",
        ),
        Key("candle_time", _one_of("open", "close"), "Which end of a candle its time is."),
        Key("repair", _one_of("drop"), "Drop rows that are wrong, and say how many."),
    ),
)

TRADER = Section(
    "trader",
    "A strategy and its pairs: the arguments of Engine.trade.",
    (
        Key(
            "pairs",
            {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1}]},
            'A pair, a list of pairs, "*" or "*/BTC".',
            required=True,
        ),
        Key("strategy", TEXT, "FILE:CLASS, package.module:Class, or a built-in's name.", required=True),
        Key(
            "size",
            {
                "anyOf": [
                    NUMBER,
                    {
                        **_table(base=NUMBER, quote=NUMBER, equity=NUMBER),
                        "minProperties": 1,
                        "maxProperties": 1,
                    },
                ]
            },
            "An amount of the base currency, or { base | quote | equity = ... }.",
        ),
        Key("name", TEXT, "The trader's name; by default the strategy's and the pair's."),
        Key("options", {"type": "object"}, "The strategy's parameters."),
    ),
    repeated=True,
    required=True,
)

SECTIONS: dict[str, Section] = {section.name: section for section in (ENGINE, RISK, DATA, TRADER)}
