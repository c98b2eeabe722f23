"""Indicators: what a strategy asks for in ``setup`` and reads on every event.

``ctx.indicator(Sma(20))`` returns an indicator that is updated before every call of
``generate_signal``; ``Sma(20).compute(close=prices)`` runs the same implementation over
whole arrays. Periods count events of the input: candles, quotes or trades.

- ``on`` names the column that is read: by default ``close`` of candles, ``mid`` of quotes,
  ``price`` of trades. ``of`` is another indicator, one of its outputs (``of=macd.signal``)
  or a spec, read instead.
- ``keep`` is how many values can be looked back at, the current one included.
- Definitions and seeding are TA-Lib's where TA-Lib has the indicator. Sums over prices run
  on whole numbers, so that two averages that are equal are equal as floats.
- A number that is not finite is skipped: the indicator stays as it was.
- Kinds that read whole candles (``Atr``, ``Adx``, ``Stochastic``, ``Cci``, ``Obv``, ``Vwap``,
  ``HeikinAshi``) take one price for all four on quotes and trades; ``Obv`` and ``Vwap`` need
  volumes, which quotes do not have.
"""

from __future__ import annotations

import math
from functools import update_wrapper
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar

from pairloom.errors import ConfigError
from pairloom.numbers import float_or_none

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Adx",
    "Atr",
    "Bollinger",
    "Cci",
    "Ema",
    "HeikinAshi",
    "IndicatorSpec",
    "Macd",
    "Max",
    "Min",
    "Obv",
    "Rsi",
    "Sma",
    "Std",
    "Stochastic",
    "Vwap",
    "Wma",
]

# The same bound as in the core, which fits its sums into integers by it.
LONGEST = 1_000_000


class IndicatorSpec:
    """An indicator with its parameters, as ``ctx.indicator`` takes it. It never changes.

    ``kind`` is its name, ``outputs`` are the names of what it gives; the first is ``value``.
    """

    kind: ClassVar[str]
    outputs: ClassVar[tuple[str, ...]] = ("value",)
    columns: ClassVar[tuple[str, ...]] = ()
    """The columns that a kind needs which reads whole candles; empty for the others."""

    __slots__ = ("_keep", "_of", "_on", "_parameters")

    def __init__(self, parameters: dict[str, int | float], on: str | None, of: Any, keep: int) -> None:
        """Check what all kinds have in common; each kind checks its own parameters."""
        self._parameters = parameters
        self._on = _column(self, on)
        self._of: Any = _source(self, of)
        self._keep = _whole(self, "keep", keep, least=2)
        if on is not None and of is not None:
            raise ConfigError(
                f"{type(self).__name__}(on={on!r}, of=...): give either on, a column, or of, an indicator",
                code="indicator.input",
            )

    @property
    def parameters(self) -> dict[str, int | float]:
        """The parameters by name, defaults included."""
        return dict(self._parameters)

    @property
    def on(self) -> str | None:
        """The column that is read, or None for the usual one."""
        return self._on

    @property
    def of(self) -> Any:
        """The indicator, output or spec that is read instead of a column."""
        return self._of

    @property
    def keep(self) -> int:
        """How many values can be looked back at, the current one included."""
        return self._keep

    def compute(
        self,
        *,
        close: ArrayLike | None = None,
        high: ArrayLike | None = None,
        low: ArrayLike | None = None,
        open: ArrayLike | None = None,
        volume: ArrayLike | None = None,
    ) -> NDArray[np.float64] | dict[str, NDArray[np.float64]]:
        """Run the indicator over whole columns; NaN where it has no value yet.

        One array for a kind with one output, else a dict by output. A kind that reads one
        column takes ``close``, or the one that ``on`` names. Columns it does not read are ignored. Prices are
        decimals, and so exact; one column that no decimals of one length hold is computed in floats, and candles of
        such prices are refused.
        """
        from pairloom import _native

        given = {"close": close, "high": high, "low": low, "open": open, "volume": volume}
        columns = self._chosen({name: values for name, values in given.items() if values is not None})
        arrays = _native.compute_indicator(self.kind, list(self._parameters.items()), _float_columns(self, columns))
        return arrays[0] if len(self.outputs) == 1 else dict(zip(self.outputs, arrays, strict=True))

    def _chosen(self, given: dict[str, ArrayLike]) -> dict[str, ArrayLike]:
        name = type(self).__name__
        if self._of is not None:
            raise ConfigError(
                f"{name}.compute reads columns; for an indicator of another, compute that one first "
                f"and give its values as close=",
                code="indicator.input",
            )
        needed = self.columns or (self._on or "close",)
        missing = [column for column in needed if column not in given]
        if missing:
            arguments = ", ".join(f"{column}=..." for column in needed)
            raise ConfigError(
                f"{name}.compute needs {arguments}; missing: {', '.join(missing)}",
                code="indicator.columns",
            )
        return {column: given[column] for column in needed}

    def _key(self) -> tuple[object, ...]:
        return (self.kind, tuple(self._parameters.items()), self._on, self._keep)

    def __eq__(self, other: object) -> bool:
        """Tell whether both ask for the same thing."""
        if not isinstance(other, IndicatorSpec):
            return NotImplemented
        mine, theirs = self._of, other._of
        same_source = mine is theirs or (isinstance(mine, IndicatorSpec) and mine == theirs)
        return self._key() == other._key() and same_source

    def __hash__(self) -> int:
        """Agree with ``==``; the source is left out, since a handle need not be hashable."""
        return hash(self._key())

    def __repr__(self) -> str:
        """Return the call that makes this spec."""
        parts = [f"{name}={value!r}" for name, value in self._parameters.items()]
        if self._on is not None:
            parts.append(f"on={self._on!r}")
        if self._of is not None:
            parts.append(f"of={self._of!r}")
        if self._keep != 2:
            parts.append(f"keep={self._keep}")
        return f"{type(self).__name__}({', '.join(parts)})"


def _wrong(spec: IndicatorSpec, name: str, value: object, rule: str) -> ConfigError:
    return ConfigError(f"{type(spec).__name__}({name}={value!r}): {name} must be {rule}", code=f"indicator.{name}")


def _whole(spec: IndicatorSpec, name: str, value: object, *, least: int = 1) -> int:
    number = float_or_none(value)
    if number is None or not (least <= number <= LONGEST and number.is_integer()):
        raise _wrong(spec, name, value, f"a whole number from {least} to {LONGEST:,}")
    return int(number)


def _column(spec: IndicatorSpec, on: object) -> str | None:
    if on is None:
        return None
    if spec.columns:
        raise ConfigError(
            f"{type(spec).__name__} reads {', '.join(spec.columns)}; it takes no on=", code="indicator.input"
        )
    if not isinstance(on, str) or not on:
        raise _wrong(spec, "on", on, 'the name of a column, such as "high"')
    return on


def _source(spec: IndicatorSpec, of: Any) -> Any:
    if of is None:
        return None
    if spec.columns:
        raise ConfigError(
            f"{type(spec).__name__} reads {', '.join(spec.columns)}; it takes no of=", code="indicator.input"
        )
    # Handles and their outputs are known by what they can do; a plain number is neither.
    if isinstance(of, type) or not (isinstance(of, IndicatorSpec) or hasattr(of, "crossed_above")):
        raise _wrong(spec, "of", of, "an indicator that ctx.indicator() returned, its output, or a spec")
    return of


def _float_columns(spec: IndicatorSpec, columns: dict[str, ArrayLike]) -> list[tuple[str, NDArray[np.float64]]]:
    import numpy as np

    arrays = []
    for name, values in columns.items():
        try:
            array = np.ascontiguousarray(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"{type(spec).__name__}.compute: {name} is no column of numbers: {error}",
                code="indicator.columns",
            ) from None
        if array.ndim != 1:
            raise ConfigError(
                f"{type(spec).__name__}.compute: {name} must have one dimension, not {array.ndim}",
                code="indicator.columns",
            )
        arrays.append((name, array))
    return arrays


class _Period(IndicatorSpec):
    """A kind whose only parameter is a period and which reads one series."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        """Give a kind a copy of ``__init__`` of its own: Python's errors say the name of the class that it is in."""
        shared = _Period.__init__
        if cls.__init__ is shared:
            own = FunctionType(shared.__code__, shared.__globals__, shared.__name__, None, shared.__closure__)
            update_wrapper(own, shared)
            own.__kwdefaults__ = shared.__kwdefaults__
            own.__qualname__ = f"{cls.__qualname__}.__init__"
            cls.__init__ = own  # type: ignore[method-assign]

    def __init__(self, period: int, *, on: str | None = None, of: Any = None, keep: int = 2) -> None:
        """Ask for the indicator over ``period`` events."""
        super().__init__({"period": _whole(self, "period", period)}, on, of, keep)


class _CandlePeriod(IndicatorSpec):
    """A kind whose only parameter is a period and which reads whole candles."""

    columns = ("high", "low", "close")
    __slots__ = ()

    def __init__(self, period: int, *, keep: int = 2) -> None:
        """Ask for the indicator over ``period`` events."""
        super().__init__({"period": _whole(self, "period", period)}, None, None, keep)


class Sma(_Period):
    """Simple moving average: the mean of the last ``period`` values, in the input's unit.

    Over prices it is the exact fraction, rounded once. TA-Lib: SMA.
    """

    kind = "sma"
    __slots__ = ()


class Ema(_Period):
    """Exponential moving average with the factor 2 / (period + 1), in the input's unit.

    It starts at event ``period`` with the simple average. TA-Lib: EMA.
    """

    kind = "ema"
    __slots__ = ()


class Wma(_Period):
    """Linearly weighted moving average, in the input's unit: the newest value weighs ``period``, the oldest 1.

    TA-Lib: WMA.
    """

    kind = "wma"
    __slots__ = ()


class Rsi(_Period):
    """Relative strength index, 0 to 100, after J. Welles Wilder, New Concepts in Technical Trading Systems (1978).

    The share of average gains in average gains and losses, both smoothed after Wilder and seeded with
    the plain averages of the first ``period`` changes; 0 where nothing moved. TA-Lib: RSI.
    """

    kind = "rsi"
    __slots__ = ()

    def __init__(self, period: int = 14, *, on: str | None = None, of: Any = None, keep: int = 2) -> None:
        """Ask for the index over ``period`` changes."""
        super().__init__(period, on=on, of=of, keep=keep)


class Macd(IndicatorSpec):
    """Moving average convergence/divergence after Gerald Appel, in the input's unit.

    ``macd`` (also ``value``) is the fast less the slow exponential average, ``signal`` its own exponential
    average, ``histogram`` the difference of the two. The fast average is seeded where the slow one is.
    TA-Lib: MACD.
    """

    kind = "macd"
    outputs = ("macd", "signal", "histogram")
    __slots__ = ()

    def __init__(
        self,
        fast: int = 12,
        slow: int = 26,
        signal: int = 9,
        *,
        on: str | None = None,
        of: Any = None,
        keep: int = 2,
    ) -> None:
        """Ask for the averages over ``fast`` and ``slow`` events; ``fast`` is the shorter."""
        periods = {"fast": fast, "slow": slow, "signal": signal}
        checked: dict[str, int | float] = {name: _whole(self, name, value) for name, value in periods.items()}
        if checked["fast"] >= checked["slow"]:
            raise _wrong(self, "fast", fast, f"less than slow={slow}")
        super().__init__(checked, on, of, keep)


class Bollinger(IndicatorSpec):
    """Bollinger bands after John Bollinger, in the input's unit.

    ``middle`` (also ``value``) is the simple average, ``upper`` and ``lower`` lie so many population standard
    deviations away from it. TA-Lib: BBANDS.
    """

    kind = "bollinger"
    outputs = ("middle", "upper", "lower")
    __slots__ = ()

    def __init__(
        self,
        period: int = 20,
        deviations: float = 2.0,
        *,
        on: str | None = None,
        of: Any = None,
        keep: int = 2,
    ) -> None:
        """Ask for the bands over ``period`` events."""
        width = float_or_none(deviations)
        if width is None or not (math.isfinite(width) and width > 0):
            raise _wrong(self, "deviations", deviations, "a finite number above 0")
        super().__init__({"period": _whole(self, "period", period), "deviations": width}, on, of, keep)


class Std(_Period):
    """Population standard deviation of the last ``period`` values, in the input's unit. TA-Lib: STDDEV."""

    kind = "std"
    __slots__ = ()


class Min(_Period):
    """Least of the last ``period`` values, as the data spell it. TA-Lib: MIN."""

    kind = "min"
    __slots__ = ()


class Max(_Period):
    """Greatest of the last ``period`` values, as the data spell it. TA-Lib: MAX."""

    kind = "max"
    __slots__ = ()


class Atr(_CandlePeriod):
    """Average true range after Wilder (1978), in the quote currency.

    The greatest of high - low and the distances of high and low from the close before, smoothed after
    Wilder and seeded with the plain average of the first ``period``. TA-Lib: ATR.
    """

    kind = "atr"
    __slots__ = ()

    def __init__(self, period: int = 14, *, keep: int = 2) -> None:
        """Ask for the average over ``period`` ranges."""
        super().__init__(period, keep=keep)


class Adx(_CandlePeriod):
    """Average directional index after Wilder (1978), 0 to 100.

    ``adx`` (also ``value``) says how directed the movement is, ``plus_di`` and ``minus_di`` how much of it goes up
    and down. TA-Lib: ADX, PLUS_DI, MINUS_DI.
    """

    kind = "adx"
    outputs = ("adx", "plus_di", "minus_di")
    __slots__ = ()

    def __init__(self, period: int = 14, *, keep: int = 2) -> None:
        """Ask for the index over ``period`` movements; it takes twice as many candles to start."""
        super().__init__(period, keep=keep)


class Stochastic(IndicatorSpec):
    """Slow stochastic oscillator after George Lane, 0 to 100.

    ``k`` (also ``value``) is where the close lies between the lowest low and the highest high of ``k`` candles,
    averaged over ``smooth``; ``d`` is its average over ``d``. A range of zero counts as 0. TA-Lib: STOCH.
    """

    kind = "stochastic"
    outputs = ("k", "d")
    columns = ("high", "low", "close")
    __slots__ = ()

    def __init__(self, k: int = 14, smooth: int = 3, d: int = 3, *, keep: int = 2) -> None:
        """Ask for the range over ``k`` candles and its two averages."""
        periods = {"k": k, "smooth": smooth, "d": d}
        super().__init__({name: _whole(self, name, value) for name, value in periods.items()}, None, None, keep)


class Cci(_CandlePeriod):
    """Commodity channel index after Donald Lambert, without unit.

    The distance of (high + low + close) / 3 from its average, in mean absolute distances times 0.015; 0 where
    nothing moved. TA-Lib: CCI.
    """

    kind = "cci"
    __slots__ = ()

    def __init__(self, period: int = 20, *, keep: int = 2) -> None:
        """Ask for the index over ``period`` candles."""
        super().__init__(period, keep=keep)


class Obv(IndicatorSpec):
    """On-balance volume after Joseph Granville, in the base currency.

    Starts at the first volume; a higher close adds the volume, a lower one takes it off. TA-Lib: OBV.
    """

    kind = "obv"
    columns = ("close", "volume")
    __slots__ = ()

    def __init__(self, *, keep: int = 2) -> None:
        """Ask for the running volume."""
        super().__init__({}, None, None, keep)


class Vwap(IndicatorSpec):
    """Average of (high + low + close) / 3 weighted with volume, in the quote currency.

    Of the last ``period`` events, or without a period of all since the first; NaN where there was no volume.
    """

    kind = "vwap"
    columns = ("high", "low", "close", "volume")
    __slots__ = ()

    def __init__(self, period: int | None = None, *, keep: int = 2) -> None:
        """Ask for the average over ``period`` events, or over all."""
        parameters: dict[str, int | float] = {}
        if period is not None:
            parameters["period"] = _whole(self, "period", period)
        super().__init__(parameters, None, None, keep)


class HeikinAshi(IndicatorSpec):
    """Heikin-Ashi candles: ``open``, ``high``, ``low``, ``close``, in the quote currency.

    The close is the mean of the candle's four prices, the open the middle of the Heikin-Ashi candle before; the
    first opens in the middle of its own open and close. Read the outputs by name; ``value`` is the open.
    """

    kind = "heikin_ashi"
    outputs = ("open", "high", "low", "close")
    columns = ("open", "high", "low", "close")
    __slots__ = ()

    def __init__(self, *, keep: int = 2) -> None:
        """Ask for the candles."""
        super().__init__({}, None, None, keep)


def __getattr__(name: str) -> Any:
    """Name the indicator that somebody meant who spells it as other libraries do."""
    same = [known for known in __all__ if known.casefold() == name.replace("_", "").casefold()]
    meant = f"; it is called {same[0]}" if same else ""
    raise AttributeError(f"pairloom.indicators has no {name!r}{meant}", name=name)
