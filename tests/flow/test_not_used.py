"""What a run does not use is said, not passed over."""

from __future__ import annotations

import pytest

import pairloom
from pairloom import Engine, Instrument


@pytest.mark.parametrize("bounds", [{"start": "2030-01-01"}, {"end": "2000-01-01"}])
def test_bounds_that_leave_no_row_are_named_with_the_span_of_the_data(bounds: dict[str, str]) -> None:
    engine = Engine(cash={"USD": 100})
    engine.trade("A/USD", "simple", size=1)
    data = pairloom.synthetic(["A/USD"], rows=10, start="2024-01-01")
    result = engine.backtest(data, progress=False, **bounds)  # type: ignore[arg-type]
    (said,) = [line for line in result.assumptions if line.startswith("start and end")]
    assert "2024-01-01 00:01:00 UTC to 2024-01-01 00:10:00 UTC" in said


def test_an_instrument_of_another_pair_is_named() -> None:
    engine = Engine(cash={"USD": 100}, instruments={"B/USD": Instrument(tick="0.01")})
    engine.trade("A/USD", "simple", size=1)
    result = engine.backtest(pairloom.synthetic(["A/USD"], rows=10), progress=False)
    assert "instruments of pairs that this run does not trade: B/USD" in result.assumptions
