"""What a sweep gives back: its table, its heat map, and how it looks."""

from __future__ import annotations

import copy
import math
import pickle
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import pairloom
from pairloom import ConfigError, Engine, Signal, Strategy, SweepResult
from pairloom._show.numbers import money
from pairloom.stats import DESCRIPTIONS


class Held(Strategy):
    """Long for a part of the time, so that what comes out hangs on every parameter."""

    n: int = 2
    k: float = 1
    label: str = "a"
    flag: bool = False

    def setup(self, ctx: Any) -> None:
        self.seen = 0

    def generate_signal(self, ctx: Any) -> Signal:
        self.seen += 1
        if self.n == 9:
            raise ValueError("a < b & c")
        return Signal.LONG if self.seen % self.n < self.k else Signal.CLOSE


@pytest.fixture(scope="module")
def engine() -> Engine:
    made = Engine(cash={"USD": 1_000})
    made.trade("*", Held(), size={"quote": 100})
    return made


@pytest.fixture(scope="module")
def data() -> Any:
    return pairloom.synthetic(1, rows=120, interval="1h", seed=5)


@pytest.fixture(scope="module")
def sweep(engine: Engine, data: Any) -> SweepResult:
    with pytest.warns(pairloom.SweepWarning):
        return engine.sweep(data, n=[3, 5, 9], k=[1, 2], maximize="equity", progress=False)


def test_the_table_has_a_row_for_each(sweep: SweepResult) -> None:
    table = sweep.table
    assert len(table) == len(sweep) == 6
    assert table.columns == [
        *("n", "k", "equity"),
        *DESCRIPTIONS,
        *("orders", "fills", "refusals", "error", "digest"),
    ]
    assert sweep.columns == table.columns
    assert sweep.column("n").tolist() == [3, 3, 5, 5, 9, 9]
    assert sweep.column("n").dtype == np.int64
    assert sweep.column("orders").tolist()[:4] == [each.orders for each in sweep[:4]]
    assert sweep.column("equity")[0] == sweep[0].equity
    assert math.isnan(sweep.column("sharpe")[5])
    assert sweep.column("error")[0] is None and "a < b & c" in sweep.column("error")[5]
    frame = sweep.to_pandas()
    assert frame["digest"].tolist()[:4] == [each.digest for each in sweep[:4]]
    assert sweep.to_polars()["n"].to_list() == [3, 3, 5, 5, 9, 9]
    arrow = pa.table(table)
    assert arrow.column("n").type == pa.int64() and arrow.column("equity").type == pa.float64()


def test_parameters_of_any_kind_have_a_column(engine: Engine, data: Any) -> None:
    sweep = engine.sweep(data, n=[3], label=["a", "b"], flag=[True, False], options={"k": [1, 2.5]}, progress=False)
    assert sweep.column("label").tolist() == ["a", "a", "a", "a", "b", "b", "b", "b"]
    assert sweep.column("flag").tolist()[:4] == ["True", "True", "False", "False"]
    assert sweep.column("k").tolist()[:2] == [1.0, 2.5]


def test_a_parameter_named_like_a_statistic_is_told_apart(data: Any) -> None:
    class Odd(Strategy):
        trades: int = 1

        def generate_signal(self, ctx: Any) -> None:
            return None

    engine = Engine(cash={"USD": 10})
    engine.trade("*", Odd(), size=1)
    sweep = engine.sweep(data, trades=[7, 8], progress=False)
    assert sweep.column("parameter_trades").tolist() == [7, 8]
    assert sweep.column("trades").tolist() == [0, 0]


def test_a_heat_map_is_a_grid_of_what_the_sweep_maximizes(sweep: SweepResult) -> None:
    heat = sweep.heat_map()
    assert (heat.y_name, heat.y, heat.x_name, heat.x) == ("n", [3, 5, 9], "k", [1, 2])
    assert heat.values.shape == (3, 2)
    assert heat.values[:2].tolist() == [[sweep[0].equity, sweep[1].equity], [sweep[2].equity, sweep[3].equity]]
    assert np.isnan(heat.values[2]).all(), "those that failed"
    turned = sweep.heat_map("n", value="trades")
    assert (turned.x_name, turned.y_name) == ("n", "k")
    assert turned.values[1][0] == sweep[1].stats.trades
    assert sweep.heat_map(y="k", x="n").values.tolist()[0][0] == sweep[0].equity
    frame = heat.to_pandas()
    assert frame.loc[5, 2] == sweep[3].equity and frame.index.name == "n"


def test_a_heat_map_of_more_or_fewer_parameters(engine: Engine, data: Any) -> None:
    more = engine.sweep(data, label=["x"], n=[3, 5], k=[1, 2], flag=[True, False], maximize="equity", progress=False)
    heat = more.heat_map()
    assert (heat.y_name, heat.x_name) == ("n", "k"), "those with several values come first"
    best = max(each.equity for each in more if each.parameters.n == 3 and each.parameters.k == 2)
    assert heat.values[0][1] == best
    one = engine.sweep(data, n=[3, 5], maximize="equity", progress=False)
    assert one.heat_map().values.tolist() == [[one[0].equity], [one[1].equity]]
    assert "equity" in str(one.heat_map())
    assert one.heat_map(x="n").y_name == "n"
    assert one.heat_map().to_pandas().columns.tolist() == ["equity"]


def test_wrong_axes_are_refused_with_the_nearest(sweep: SweepResult) -> None:
    with pytest.raises(ConfigError, match="x='m' is no parameter of this sweep; there are n, k"):
        sweep.heat_map("m")
    with pytest.raises(ConfigError, match="x and y are both 'n'"):
        sweep.heat_map("n", "n")
    with pytest.raises(ConfigError, match="maximize='sharp' is no statistic"):
        sweep.heat_map(value="sharp")
    with pytest.raises(ConfigError, match="maximize='equty' is no statistic; did you mean 'equity'"):
        sweep.best("equty")


def test_print_shows_what_went_wrong_first_and_then_the_best(sweep: SweepResult) -> None:
    lines = str(sweep).splitlines()
    assert lines[0].startswith("! 2 of 6 combinations failed; first n=9, k=1: ")
    assert "Sweep of 6 combinations of n (3) x k (2), by equity" in lines
    best = sweep.best()
    assert f"  Best   {best.parameters}: equity {money(best.equity)}" in lines
    assert "and 2 more in .table" in lines
    assert max(len(line) for line in lines) < 200
    assert repr(sweep) == "<SweepResult 6 combinations of n (3) x k (2), by equity>"
    assert repr(sweep[0]).startswith("<Combination n=3, k=1: equity ")
    assert repr(sweep[5]).startswith("<Combination n=9, k=2: failed: ")
    assert repr(sweep.heat_map()) == "<HeatMap of equity, n x k: 3 x 2>"


def test_the_heat_map_as_text_has_a_star_at_the_best(sweep: SweepResult) -> None:
    lines = str(sweep.heat_map()).splitlines()
    assert lines[0] == "equity"
    assert lines[1].split() == ["n", "\\", "k", "1", "2"]
    assert str(sweep.heat_map()).count("*") == 1
    assert lines[-1].split() == ["9", "n/a", "n/a"]


@pytest.mark.parametrize("values", [[1.0, math.inf, 5.0, math.inf], [2.0, 3.0, 3.0, 1.0], [-math.inf] * 4])
@pytest.mark.parametrize("axes", [("n", "k"), ("k", "n")])
def test_star_and_colour_are_those_of_the_best(
    engine: Engine, data: Any, values: list[float], axes: tuple[str, str]
) -> None:
    given = {(3, 1): values[0], (3, 2): values[1], (5, 1): values[2], (5, 2): values[3]}

    def chosen(combination: Any) -> float:
        return given[combination.parameters.n, combination.parameters.k]

    sweep = engine.sweep(data, n=[3, 5], k=[1, 2], maximize=chosen, progress=False)
    best = sweep.best().parameters
    heat = sweep.heat_map(*axes)
    assert (heat.y[heat.best[0]], heat.x[heat.best[1]]) == (best[axes[1]], best[axes[0]])
    rows = [line.split()[1:] for line in str(heat).splitlines()[2:]]
    assert [(y, x) for y, row in enumerate(rows) for x, cell in enumerate(row) if cell.endswith("*")] == [heat.best]
    colours = re.findall(r"rgba\(30,140,80,([\d.]+)\)", heat._repr_html_())
    shares = dict(zip([(y, x) for y in heat.y for x in heat.x], map(float, colours), strict=True))
    if max(values) > -math.inf:
        assert shares[best[axes[1]], best[axes[0]]] == max(shares.values()) == 0.65


def test_html_is_escaped_and_has_the_heat_map(sweep: SweepResult) -> None:
    html = sweep._repr_html_()
    assert "a &lt; b &amp; c" in html and "a < b" not in html
    assert "rgba(30,140,80,0.65)" in html, "the best cell is the strongest"
    assert html.count("<div") == html.count("</div>") and html.count("<table") == html.count("</table>")


def test_a_combination_has_all_its_numbers(sweep: SweepResult) -> None:
    one = sweep[0]
    assert one.start_equity == 1_000
    assert one.total_return == pytest.approx(one.equity / 1_000 - 1)
    assert one.stats.total_return == one.total_return
    assert isinstance(one.stats.trades, int)
    assert one.value("fees") == one.fees == one.stats.fees
    assert one.events == 120
    assert one.elapsed > 0
    assert sweep[4].value("fees") != sweep[4].value("fees")
    assert [each.parameters.n for each in sweep[1:3]] == [3, 5]
    assert sweep.parameters == {"n": [3, 5, 9], "k": [1, 2]}


def test_what_cannot_be_pickled_says_what_can_be_taken(sweep: SweepResult) -> None:
    for call in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"a SweepResult cannot be pickled or copied.*sweep\.to_pandas\(\)"):
            call(sweep)
        with pytest.raises(TypeError, match=r"a Combination cannot be pickled or copied.*combination\.equity"):
            call(sweep[0])
    taken = pickle.loads(pickle.dumps((dict(sweep[0].parameters), sweep[0].stats, sweep.heat_map())))
    assert taken[1].fees == sweep[0].fees and str(taken[2]) == str(sweep.heat_map())


def test_a_function_that_gives_nan_for_all_is_told_of_in_words(engine: Engine, data: Any) -> None:
    sweep = engine.sweep(data, n=[3, 5], maximize=lambda combination: math.nan, progress=False)
    with pytest.raises(pairloom.PairloomError, match=r"^maximize gave NaN for every combination; let the function"):
        sweep.best()


def test_the_types_of_columns_do_not_depend_on_what_came_out(engine: Engine, data: Any) -> None:
    asked: dict[str, Any] = {"k": [1, 2.5], "label": ["a", "b"], "maximize": "equity", "progress": False}
    with pytest.warns(pairloom.SweepWarning):
        some = engine.sweep(data, n=[9, 3], **asked)
        none = engine.sweep(data, n=[9, 8], where=lambda n: n == 9, **asked)
    short = {pair: {name: column[:3] for name, column in columns.items()} for pair, columns in data.items()}
    results = [some, none, engine.sweep(data, n=[3, 5], **asked), engine.sweep(short, n=[3, 5], **asked)]
    assert all(math.isnan(each.stats.sharpe) for each in (*none, *results[3]))
    for sweep in results:
        schema = pa.table(sweep.table).schema
        assert all(schema.field(name).type == pa.float64() for name in ("equity", "k", *DESCRIPTIONS))
        assert all(schema.field(name).type == pa.int64() for name in ("n", "orders", "fills", "refusals"))
        texts = {str(schema.field(name).type) for name in ("error", "label", "digest")}
        assert texts == {str(pa.table(some.table).schema.field("error").type)} and "string" in texts.pop()
        assert sweep.column("sharpe").dtype == np.float64 and sweep.column("error").dtype == object
    far = engine.sweep(data, options={"k": [1, 10**400]}, maximize=lambda each: 1, progress=False)
    assert far.column("k").tolist() == ["1", str(10**400)]
    assert none.to_polars()["sharpe"].to_list() == [None] * 4
    assert some.column("n").tolist() == [9, 9, 9, 9, 3, 3, 3, 3]
