"""What is given as a frame says which library it needs, and that its absence harms nothing else."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import pairloom
from pairloom import Engine


@pytest.fixture(scope="module")
def engine() -> Engine:
    made = Engine(cash={"USD": 1_000})
    made.trade("A/USD", "sma_cross", size=0.1, side="long")
    return made


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_library_that_is_not_there_is_named_with_the_way_to_have_it(
    engine: Engine, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = pairloom.synthetic(["A/USD"], rows=200)
    result = engine.backtest(data, progress=False)
    sweep = engine.sweep(data, fast=[3, 5], progress=False)
    monkeypatch.setitem(sys.modules, library, None)
    given: list[Any] = [result.returns, result.trades, sweep]
    given += [result.stats, result.stats.traders, sweep.heat_map()] if library == "pandas" else []
    for each in given:
        with pytest.raises(ImportError) as caught:
            getattr(each, f"to_{library}")()
        assert str(caught.value) == f"to_{library}() needs {library}: pip install {library}"


def test_a_library_that_lacks_another_says_so_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "polars.py").write_text("import no_such_module_at_all")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "polars", raising=False)
    data = pairloom.synthetic(["A/USD"], rows=50)
    engine = Engine(cash={"USD": 1_000})
    engine.trade("A/USD", "simple", size=0.1)
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
        engine.backtest(data, progress=False).returns.to_polars()
