"""What ``backtest``, ``paper`` and ``start`` are given, checked and in the core's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pairloom._inside import refuse_while_loading
from pairloom._settings import choice
from pairloom._span import span
from pairloom._times import moment_ns
from pairloom.errors import ConfigError
from pairloom.numbers import decimal_text, whole_number

if TYPE_CHECKING:
    from pairloom._data import Loaded

__all__ = ["no_latency", "refuse_in_real_time", "run_options", "speed_text", "whole_span"]

MOST_SPEED = 1_000_000
HANDOVERS = ("auto", "always", "never")


def run_options(start: object, end: object, handover: str, shuffle_seed: int | None) -> dict[str, Any]:
    # Every run passes here, before it does anything.
    refuse_while_loading()
    first, last = moment_ns("start", start), moment_ns("end", end)
    if first is not None and last is not None and first >= last:
        raise ConfigError(f"start={start!r} is not before end={end!r}", code="config.time")
    if shuffle_seed is not None:
        whole_number(shuffle_seed, "_shuffle_seed", least=0, most=2**64 - 1)
    return {
        "start": first,
        "end": last,
        "_handover": choice("_handover", handover, HANDOVERS),
        "_shuffle_seed": shuffle_seed,
    }


def whole_span(loaded: Loaded, described: list[dict[str, Any]]) -> tuple[int, int]:
    """From when to when the traded data run; the sessions of limits are laid out over it."""
    return span(loaded, {each["pair"] for each in described}, None, None) or (0, 0)


def refuse_in_real_time(given: dict[str, bool]) -> None:
    """Refuse arguments that mean something for recorded data alone."""
    for key, is_given in given.items():
        if is_given:
            raise ConfigError(
                f"{key} has no meaning for a feed in real time; leave it out, or give recorded data",
                code="config.real_time",
            )


def no_latency(pair: str) -> ConfigError:
    return ConfigError(
        f"latency has no meaning for {pair}, which has candles alone; use latency=0, or give quotes or trades",
        code="config.latency",
    )


def speed_text(speed: object) -> str | None:
    """Return a multiple of real time as text; ``None`` for as fast as it goes."""
    if isinstance(speed, str) and speed == "max":
        return None
    way_out = 'give "max" or a multiple of real time, as in speed=10'
    return decimal_text(speed, "speed", above=0, below=MOST_SPEED, way_out=way_out)
