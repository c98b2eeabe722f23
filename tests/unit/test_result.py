"""What a result gives, what it says about itself, and the texts of the warnings."""

from __future__ import annotations

import copy
import json
import pickle
import re
import subprocess
import sys
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pairloom
from pairloom._show import numbers
from pairloom._show.messages import HINTS, difference_message
from pairloom.errors import StrategyError
from pairloom.result import Result, quarantine_message, refusal_message, to_json
from unit.result_fakes import DAY, START, FakeOutput, fill, result, trade

CURVE = [(START + i * DAY, 10.0 + i) for i in range(5)]


def refused(**checks: int) -> list[dict[str, str]]:
    return [{"trader": "S", "check": check} for check, number in checks.items() for _ in range(number)]


def raised(error: BaseException) -> BaseException:
    """The error as it is after it was raised, with a traceback."""
    try:
        raise error
    except BaseException as caught:
        return caught


def record(error: BaseException, trader: str = "S ETH/BTC", ts: int = START) -> dict[str, object]:
    return {
        "trader": trader, "pair": "ETH/BTC", "strategy": "S", "ts": ts, "error": raised(error), "kind": "raised",
    }  # fmt: skip


class Unprintable(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


# Values


def test_numbers_and_tables_of_the_run() -> None:
    output = FakeOutput(curve=CURVE, assumptions=["about the run"])
    made = Result(output, ["about the data"], 0.125)  # type: ignore[arg-type]
    assert (made.equity, made.start_equity, made.fees, made.currency) == (14.0, 10.0, 0.25, "BTC")
    assert made.total_return == pytest.approx(0.4)
    assert made.cash == {"BTC": Decimal("9.500000000000000001")}
    assert made.positions == {"ETH/BTC": Decimal("-0.5")}
    assert made.assumptions == ["about the data", "about the run"]
    assert (made.load_s, made.setup_s, made.finish_s, made.elapsed) == (0.125, 0.01, 0.002, 0.5)
    assert (made.events, made.steps, made.events_per_s) == (1000, 1000, 2000.0)
    assert (made.digest, made.lanes, made.traders) == ("ab" * 32, {"python": 1}, [("S ETH/BTC", "ETH/BTC")])
    for name, table in output.tables.items():
        assert getattr(made, name) is table


def test_what_a_result_hands_out_is_the_callers_own() -> None:
    made = result(assumptions=["one"])
    made.assumptions.append("two")
    made.lanes["native"] = 5
    made.cash["USD"] = Decimal(1)
    assert (made.assumptions, made.lanes, list(made.cash)) == (["one"], {"python": 1}, ["BTC"])


def test_an_interrupted_run_says_so_once() -> None:
    assert any("interrupted" in text for text in result(interrupted=True).assumptions)
    said = "interrupted at 2020-01-02"
    assert result(interrupted=True, assumptions=[said]).assumptions == [said]


def test_importing_results_does_not_import_numpy() -> None:
    code = "import sys, pairloom.result, pairloom.stats, pairloom._show.text, pairloom._show.html; "
    code += "sys.exit('numpy' in sys.modules or 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}, check=False)
    assert done.returncode == 0


# Refusals


def test_nothing_refused_nothing_said() -> None:
    assert refusal_message(result()) is None


def test_refusals_of_one_check() -> None:
    assert refusal_message(result(tables={"refusals": refused(short_sale=1204)})) == (
        "1,204 orders refused: short_sale 1,204; account='spot' cannot sell short, use account='margin'"
    )
    assert (refusal_message(result(tables={"refusals": refused(cash=1)})) or "").startswith("1 order refused: cash 1;")


def test_refusals_come_commonest_first_and_each_with_its_hint() -> None:
    message = refusal_message(result(tables={"refusals": refused(margin=2, cash=7, below_lot=2)}))
    assert message is not None
    assert message.startswith("11 orders refused: cash 7, below_lot 2, margin 2; ")
    assert message.index(HINTS["cash"]) < message.index(HINTS["below_lot"]) < message.index(HINTS["margin"])


@pytest.mark.parametrize(
    "check",
    [
        "cash",
        "margin",
        "short_sale",
        "no_size",
        "no_price",
        "below_lot",
        "not_finite",
        "not_positive",
        "overflow",
        "reduce_only",
        "min_notional",
    ],
)
def test_every_check_has_a_hint(check: str) -> None:
    message = refusal_message(result(tables={"refusals": refused(**{check: 1})}))
    assert message == f"1 order refused: {check} 1; {HINTS[check]}"


def test_a_check_without_a_hint_points_at_the_table() -> None:
    assert "result.refusals" in (refusal_message(result(tables={"refusals": refused(unheard_of=1)})) or "")


def test_cuts_are_announced_apart_from_refusals() -> None:
    tables = {"refusals": refused(cash_at_fill=3, no_size=2)}
    made = result(tables=tables, cut_at_fill=3)
    lines = (refusal_message(made) or "").splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("2 orders refused: no_size 2; ")
    assert lines[1].startswith("3 fills cut to the free cash (cash_at_fill)")
    assert "0, 0 fills, 2 refusals" in str(made)
    only = result(tables={"refusals": refused(cash_at_fill=1)}, cut_at_fill=1)
    assert (refusal_message(only) or "").startswith("1 fill cut to the free cash")


# Quarantine


def test_a_quarantined_record_keeps_the_error_and_its_traceback() -> None:
    error = ValueError("no such level")
    made = result(quarantined=[record(error)])
    (found,) = made.quarantined
    assert (found.trader, found.pair, found.strategy, found.ts) == ("S ETH/BTC", "ETH/BTC", "S", START)
    assert found.error is error
    assert found.kind == "raised"
    assert "in raised\n    raise error" in found.traceback
    assert found.traceback.endswith("ValueError: no such level\n")
    assert repr(found) == (
        "<Quarantined 'S ETH/BTC' (S on ETH/BTC) at 2020-01-01 00:00 UTC, raised: ValueError: no such level>"
    )
    assert made.quarantined is made.quarantined


def test_raise_for_quarantine_raises_from_the_first_original() -> None:
    first, second = ValueError("no such level"), KeyError("x")
    made = result(quarantined=[record(first), record(second, "S LTC/BTC")])
    with pytest.raises(StrategyError, match="ValueError: no such level") as caught:
        made.raise_for_quarantine()
    assert caught.value.__cause__ is first
    assert caught.value.code == "strategy.raised"
    assert caught.value.result is made


def test_raise_for_quarantine_does_nothing_when_all_went_well() -> None:
    made = result()
    made.raise_for_quarantine()
    assert (made.quarantined, quarantine_message(made)) == ([], None)


def test_the_quarantine_message_counts_and_names_the_first() -> None:
    traders = [(f"S P{i}/BTC", f"P{i}/BTC") for i in range(9)]
    records = [record(ZeroDivisionError(f"number {i}"), f"S P{i}/BTC") for i in range(5)]
    message = quarantine_message(result(traders=traders, quarantined=records)) or ""
    assert message.startswith(
        "5 of 9 traders quarantined: S P0/BTC at 2020-01-01 00:00 UTC: ZeroDivisionError: number 0; "
    )
    assert "number 2; and 2 more" in message
    assert "number 3" not in message


def test_an_error_that_cannot_be_printed_is_still_reported() -> None:
    made = result(quarantined=[record(Unprintable())])
    assert "Unprintable: (its text is not available: SystemExit)" in str(made)
    assert "Unprintable" in made.quarantined[0].traceback
    assert "Unprintable" in json.dumps(to_json(made))
    with pytest.raises(StrategyError):
        made.raise_for_quarantine()


# Text


def test_the_summary_says_what_went_wrong_first() -> None:
    made = result(
        curve=CURVE,
        cut_at_fill=1,
        quarantined=[record(ValueError("bad"))],
        tables={"refusals": refused(cash=2, cash_at_fill=1), "fills": [fill(1, 1)]},
    )
    lines = str(made).splitlines()
    assert lines[0].startswith("! 1 of 1 trader quarantined: ")
    assert lines[1].startswith("! 2 orders refused: cash 2; ")
    assert lines[2].startswith("! 1 fill cut ")
    assert lines[3] == ""
    assert lines[4] == "Result of 1 trader on ETH/BTC"


def test_the_summary_of_a_good_run() -> None:
    trades = [trade(START, START + DAY, 2.0), trade(START + DAY, START + 2 * DAY, -1.0), trade(START, None)]
    text = str(result(curve=CURVE, tables={"trades": trades}, assumptions=["the interval is 1d"]))
    assert text.splitlines()[0] == "Result of 1 trader on ETH/BTC"
    for part in (
        "Period        2020-01-01 00:00 UTC to 2020-01-05 00:00 UTC, 4.0 days",
        "Equity        10 -> 14 BTC",
        "Return        40.00%, CAGR ",
        "Max drawdown  0.00%, longest 0.0 days",
        "Orders        0, 0 fills, 0 refusals",
        "Trades        3 (1 open), win rate 50.00%, profit factor 2.00",
        "Fees          0.25 BTC",
        "Speed         1,000 events in 500 ms (2.0 k events/s)",
        "Lanes         python 1",
        "- the interval is 1d",
    ):
        assert part in text
    assert text.isascii()


@pytest.mark.parametrize("span", [{"start": "2030-01-01"}, {"end": "2000-01-01"}])
def test_a_span_outside_of_the_data_is_said_first(span: dict[str, str]) -> None:
    engine = pairloom.Engine(cash={"USD": 1_000})
    engine.trade("*", "simple", size=1)
    outside = engine.backtest(pairloom.synthetic(1, rows=50, seed=1), progress=False, **span)
    assert str(outside).startswith("! no step was made: there was no row to trade on")


def test_the_summary_of_a_run_without_steps() -> None:
    text = str(result(traders=[], elapsed=0.0, events=0, steps=0))
    assert "Period        no steps" in text
    assert "! no step was made: there was no row to trade on" in text
    assert "Result of 0 traders on 0 pairs" in text
    assert "win rate n/a" in text
    assert "(n/a events/s)" in text


def test_many_assumptions_are_shortened_but_not_lost() -> None:
    made = result(assumptions=[f"assumption {i}" for i in range(30)])
    assert "and 23 more in result.assumptions" in str(made)
    assert "assumption 7" not in str(made)
    assert len(made.assumptions) == 30


def test_names_and_messages_cannot_steer_a_terminal() -> None:
    made = result(
        traders=[("\x1b[2Jx\ny", "ETH/BTC")],
        quarantined=[record(ValueError("line\nbreak \x1b]0;title\x07" + "x" * 1000), "\x1b[2Jx\ny")],
        assumptions=["one\rtwo"],
    )
    for text in (str(made), repr(made), repr(made.quarantined), repr(made.stats.traders)):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
    assert len(str(made).splitlines()[0]) < 400


def test_the_repr_is_one_line_and_computes_no_statistics() -> None:
    made = result(curve=CURVE)
    assert repr(made) == "<Result 14 BTC, 40.00%, 0 trades, digest abababababab>"
    assert "stats" not in vars(made)


def test_statistics_show_units_and_meanings() -> None:
    text = repr(result(curve=CURVE).stats)
    assert re.search(r"^total_return +40\.00%  end / start - 1$", text, re.M)
    assert re.search(r"^win_rate +n/a  ", text, re.M)
    assert re.search(r"^max_drawdown_duration +0\.0 days  ", text, re.M)


def test_the_table_of_traders_is_cut_at_twenty() -> None:
    traders = [(f"S P{i}/BTC", f"P{i}/BTC") for i in range(25)]
    text = repr(result(curve=CURVE, traders=traders).stats.traders)
    assert len(text.splitlines()) == 22
    assert text.endswith("and 5 more; .to_pandas() has them all")
    assert "more" not in repr(result(curve=CURVE, traders=traders[:20]).stats.traders)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (numbers.money(1234567.891), "1,234,567.89"),
        (numbers.money(12.5), "12.5"),
        (numbers.money(0.00012345678), "0.00012346"),
        (numbers.money(Decimal("0.000000012345")), "1.2345e-08"),
        (numbers.money(0), "0"),
        (numbers.money(100), "100"),
        (numbers.money(1e20), "1e+20"),
        (numbers.money(float("nan")), "n/a"),
        (numbers.fraction(-0.1234), "-12.34%"),
        (numbers.fraction(-1e-9), "0.00%"),
        (numbers.ratio(float("inf")), "inf"),
        (numbers.ratio(1e300), "1e+300"),
        (numbers.days(45.25), "45.2 days"),
        (numbers.days(0.5), "12.0 hours"),
        (numbers.days(0.01), "14.4 minutes"),
        (numbers.seconds(0.0123), "12.3 ms"),
        (numbers.seconds(12.345), "12.3 s"),
        (numbers.seconds(1234.5), "1,234 s"),
        (numbers.rate(12_345_678), "12.3 M"),
        (numbers.rate(999), "999"),
        (numbers.instant(START), "2020-01-01 00:00 UTC"),
        (numbers.instant(START + 1_500_000_000), "2020-01-01 00:00:01.5 UTC"),
        (numbers.instant(-1), "1969-12-31 23:59:59.999999999 UTC"),
        (numbers.described(KeyError()), "KeyError"),
    ],
)
def test_numbers_as_people_read_them(shown: str, expected: str) -> None:
    assert shown == expected


@given(st.text(), st.integers(4, 60))
def test_cleaned_text_is_one_printable_line(text: str, limit: int) -> None:
    shown = numbers.clean(text, limit)
    assert len(shown) <= limit
    assert shown.isprintable()


# HTML


class Balanced(HTMLParser):
    """Collects the text and fails where a tag is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def parsed(html: str) -> Balanced:
    parser = Balanced()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser


def test_html_is_balanced_and_everything_in_it_is_escaped() -> None:
    evil = '<script>alert("1")</script><img src=x onerror=y>&amp;'
    made = result(
        curve=CURVE,
        traders=[(evil, evil)],
        quarantined=[{**record(ValueError(evil)), "trader": evil}],
        tables={"refusals": [{"check": evil}]},
        assumptions=[evil],
        lanes={evil: 1},
        digest=evil,
    )
    for html in (made._repr_html_(), made.stats._repr_html_(), made.stats.traders._repr_html_()):
        page = parsed(html)
        assert not page.tags & {"script", "img"}
        assert "<script" not in html
    assert "".join(parsed(made._repr_html_()).texts).count('<script>alert("1")</script>') >= 5


def test_html_says_what_the_text_says_in_colours_for_light_and_dark() -> None:
    made = result(curve=CURVE, quarantined=[record(ValueError("bad"))], tables={"refusals": refused(cash=2)})
    html = made._repr_html_()
    texts = "".join(parsed(html).texts)
    assert texts.index("quarantined") < texts.index("2 orders refused") < texts.index("Result of")
    for part in ("10 -> 14 BTC", "40.00%", "python 1"):
        assert part in texts
    # An opaque colour would be illegible on one of the two.
    assert not re.search(r"#[0-9a-f]{3}|color:\s*(?!inherit)\w|rgb\(", html)


# JSON


def test_json_has_exactly_the_fields_of_the_command_line() -> None:
    made = result(
        curve=CURVE,
        quarantined=[record(ValueError("bad"))],
        tables={"refusals": refused(cash=2), "fills": [fill(1, 1)], "orders": [{"order_id": 1}] * 3},
        assumptions=["one"],
    )
    document = to_json(made)
    assert list(document) == [
        "equity",
        "total_return",
        "fees",
        "orders",
        "fills",
        "trades",
        "refusals",
        "quarantined",
        "events",
        "elapsed_s",
        "events_per_s",
        "threads",
        "lanes",
        "digest",
        "stats",
        "assumptions",
        "refusals_by_check",
    ]
    assert document["refusals_by_check"] == {"cash": 2}
    assert [document[name] for name in ("orders", "fills", "trades", "refusals")] == [3, 1, 0, 2]
    assert document["quarantined"] == [
        {
            "trader": "S ETH/BTC", "pair": "ETH/BTC", "strategy": "S", "ts": START, "kind": "raised",
            "error": "ValueError: bad",
        }
    ]  # fmt: skip
    assert (document["threads"], to_json(made, threads=8)["threads"]) == (2, 8)
    assert document["stats"]["trades"] == 0
    assert document["stats"]["total_return"] == pytest.approx(0.4)
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_numbers_that_json_lacks_are_null() -> None:
    document = to_json(result(start=0.0, elapsed=0.0, counters={}))
    assert document["total_return"] is None
    assert document["events_per_s"] is None
    assert document["threads"] is None
    assert document["stats"]["sharpe"] is None
    winning = {"trades": [trade(START, START + DAY, 1.0)]}
    assert to_json(result(curve=CURVE, tables=winning))["stats"]["profit_factor"] is None


# Differences from the venue


def test_what_halted_a_pair_comes_first() -> None:
    difference = {"ts": 1, "pair": "A/USD", "kind": "position", "what": "the position is 1 here", "halted": True}
    foreign = {**difference, "kind": "foreign_order", "what": "an order", "halted": False}
    everything = {**difference, "pair": None, "kind": "cash", "what": "the cash"}
    made = result(differences=[difference, foreign, everything])
    message = difference_message(made)
    assert message is not None and "A/USD: the position is 1 here; all pairs: the cash" in message
    assert message in str(made).splitlines()[0]
    assert difference_message(result(differences=[foreign])) is None


def test_a_result_does_not_travel_and_says_what_does() -> None:
    for travel in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match=r"pickled or copied; take what you need of it, as result\.equity"):
            travel(result(curve=CURVE))
