"""Integers in compiled strategies: written out, shifted and raised to powers, within 64 bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import pairloom
from compiled_files import imported
from pairloom import compiled, uncompiled

pytest.importorskip("numba")
pytestmark = pytest.mark.usefixtures("compiled_cache")

HEAD = """
from pairloom import Signal, Strategy

def helped(k):
    return {expression}

class Inside(Strategy):
    def setup(self, ctx):
        self.k = 0

    def generate_signal(self, ctx):
        self.k += 1
        k = self.k
        return Signal.target(self.k * 2 + float(({expression}) % 97))

class Helped(Strategy):
    def setup(self, ctx):
        self.k = 0

    def generate_signal(self, ctx):
        self.k += 1
        return Signal.target(self.k * 2 + float(helped(self.k) % 97))
"""


def module(tmp_path: Path, expression: str) -> Any:
    return imported(tmp_path, HEAD.format(expression=expression))


def backtest(traded: Any) -> pairloom.Result:
    engine = pairloom.Engine(cash={"USD": 10**7}, account="margin")
    engine.trade("S0001/USD", traded, size=0.1)
    engine.trade("S0001/USD", "sma_cross", size=0.1, name="beside it")
    return engine.backtest(pairloom.synthetic(1, rows=90, seed=3), progress=False)


@pytest.mark.parametrize(
    "expression",
    [
        "2 ** -3",
        "k * 2 ** -3 + (-2) ** -3 - 10 ** -2",
        "k ** -2 + k ** 2",
        "(1 << 63) - 1 - k",
        "(1 << 200) >> 199",
        "2**300 % 97 + k",
        "-9223372036854775808 + k",
        "~(1 << 62) + 7 // 2 * k",
        "(k >> k) + (-k >> k) + (-1 >> 64) + (k >> 70)",
        "k << (k % 50)",
        "k << 3 >> 1",
        "(k << 60 + k % 20) & 0xFFFFFFFFFFFF",
    ],
)
def test_integers_are_those_of_python(tmp_path: Path, expression: str) -> None:
    found = module(tmp_path, expression)
    for strategy in map(compiled, (found.Inside, found.Helped)):
        result = backtest(strategy)
        assert not result.quarantined
        assert len(result.orders) > 20
        assert result.digest == backtest(uncompiled(strategy)).digest


@pytest.mark.filterwarnings("ignore::pairloom.QuarantineWarning")
@pytest.mark.parametrize(
    ("expression", "error"),
    [("1 << -1", ValueError), ("k << 20 - k", ValueError), ("k >> 20 - k", ValueError), ("0 ** -1", ZeroDivisionError)],
)
def test_what_raises_in_python_raises(tmp_path: Path, expression: str, error: type[Exception]) -> None:
    strategy = compiled(module(tmp_path, expression).Inside)
    result, plain = backtest(strategy), backtest(uncompiled(strategy))
    assert result.digest == plain.digest
    for found in (result, plain):
        (failed,) = found.quarantined
        assert isinstance(failed.error, error)


@pytest.mark.parametrize(
    "expression",
    [
        "(1 << 63) + k",
        "k & 2**63",
        "k * 10**20",
        "0xFFFFFFFFFFFFFFFF & k",
        "2 ** 10**9 - k",
        "k + (2 ** 10**9 >> 10**9)",
    ],
)
def test_integers_beyond_64_bits_that_are_written_out_are_refused(tmp_path: Path, expression: str) -> None:
    found = module(tmp_path, expression)
    for strategy in (found.Inside, found.Helped):
        with pytest.raises(pairloom.ConfigError, match="an integer of more than 64 bits") as caught:
            backtest(compiled(strategy))
        assert f"{found.__file__}, line " in str(caught.value)
        assert f"{expression}" in str(caught.value)


def test_shifts_in_their_place(tmp_path: Path) -> None:
    made = imported(
        tmp_path,
        """
import numpy as np
from pairloom import Signal, Strategy

class S(Strategy):
    def setup(self, ctx):
        self.k = 1
        self.a = np.ones(3, dtype=np.int64)

    def generate_signal(self, ctx):
        x, y = 5, self.k % 7
        x <<= y
        x >>= 1
        self.k <<= y % 2
        self.k = self.k % 1000 + 1
        self.a <<= 1
        self.a >>= y % 3
        self.a |= 1
        return Signal.target((x + self.k + int(self.a[1])) % 97)
""",
    )
    strategy = compiled(made.S)
    result = backtest(strategy)
    assert len(result.orders) > 20
    assert result.digest == backtest(uncompiled(strategy)).digest
