"""Text files that are not quite tables: the message names what is wrong, and its way out leads out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from data_reading import Reading

HEADER = "ts,open,high,low,close,volume"
ROWS = "60,1,2,0.5,1.5,1\n120,1,2,0.5,1.5,1\n"
DAYS = "2024-01-01 00:00:00,1,2,0.5,1.5,7\n2024-01-02 00:00:00,1,2,0.5,1.5,7\n"


DATA = Reading("ETH/BTC")
read = DATA.read
refused = DATA.refused


#: What a file holds, the code, and what the message says.
TEXTS: list[tuple[str, str, list[str]]] = [
    (f"{HEADER}\n{ROWS}".replace(",", "|"), "data.separator", ["separated by '|'", "sep='|'"]),
    (f"{HEADER}\n{ROWS}".replace(",", " "), "data.separator", ["separated by ' '"]),
    (
        f"https://an.exchange\n{HEADER}\n{ROWS}",
        "data.no_header",
        ["first line, 'https://an.exchange'", "before that: 1 line"],
    ),
    (
        f"# by hand, on Monday\n{HEADER}\n{ROWS}",
        "data.no_header",
        ["'# by hand, on Monday'", "'ts,open,high,low,close,volume' does"],
    ),
    (f"# a,b,c,d,e\n{HEADER}\n{ROWS}", "data.no_header", ["first line, '# a,b,c,d,e'"]),
    (f"# a,b,c,d,e,f\n{HEADER}\n{ROWS}", "data.no_header", ["first line, '# a,b,c,d,e,f'"]),
    (f"# one\n# two\n{HEADER}\n{ROWS}", "data.no_header", ["first line, '# one'", "before that: 2 lines"]),
    (DAYS, "data.no_header", ["has no header", "'2024-01-01 00:00:00,1,2,0.5,1.5,7'", "ts,open,high"]),
    (DAYS.replace(",", ";"), "data.no_header", ["has no header"]),
    (ROWS.replace(",1\n", ",ETH/BTC\n"), "data.no_header", ["has no header", "ETH/BTC"]),
    (f"{HEADER}\n{ROWS}180,1,2", "data.length", ["row 2 has 3 values"]),
    (f"when,how\n{ROWS}", "data.length", ["row 0 has 6 values"]),
]


@pytest.mark.parametrize(("text", "code", "named"), TEXTS, ids=range(len(TEXTS)))
@pytest.mark.parametrize("ending", ["csv", "txt"])
def test_a_first_line_that_is_no_header_is_the_fault(
    text: str, code: str, named: list[str], ending: str, tmp_path: Path
) -> None:
    path = tmp_path / f"ETH_BTC.{ending}"
    path.write_text(text)
    error = refused(path)
    assert error.code == code, error
    for part in [str(path), *named]:
        assert part in str(error), str(error)


def test_a_line_that_was_removed_was_the_fault(tmp_path: Path) -> None:
    path = tmp_path / "ETH_BTC.csv"
    for text in (f"{HEADER}\n{ROWS}", f"\n\n{HEADER}\n\n{ROWS}", f"\ufeff{HEADER}\r\n{ROWS}".replace(",", ";")):
        path.write_text(text, encoding="utf-8")
        assert read(path).rows == 2


def test_a_month_in_a_name_is_no_length_that_somebody_gave(tmp_path: Path) -> None:
    path = tmp_path / "ETH_BTC-1M.csv"
    months = pd.date_range("2024-01-01", periods=6, freq="MS")
    frame = pd.DataFrame({"ts": months, "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0})
    frame.to_csv(path, index=False)
    assert read(path).series[0].interval == 31 * 86_400 * 10**9
    frame[:1].to_csv(path, index=False)
    error = str(refused(path))
    assert f"{path}, pair ETH/BTC: the file's name says 1M" in error and "interval='1M'" not in error
    assert read(path, interval="31d").rows == 1


MARKS = {"1,000.5": 1_000.5, "100,0": 100.0, "1.000,5": 1_000.5, "1 000": 1_000.0, "1'000.5": 1_000.5, "-2,25": -2.25}


@pytest.mark.parametrize("text", MARKS)
def test_the_way_out_of_numbers_with_marks_leads_out(text: str) -> None:
    data = {"ts": [60, 120], "open": [1, 1], "high": [1, 1], "low": [1, 1], "close": [text, text]}
    error = str(refused(data))
    assert f"{text!r} is not a number" in error and ("groups thousands" in error or "marks decimals" in error)
    frame, column = pd.DataFrame(data), "close"
    way = error.split("frame[column]")[1].split(".astype(float)")[0]
    assert eval(f"frame[column]{way}.astype(float)", {"frame": frame, "column": column})[0] == MARKS[text]


def test_a_comma_that_may_be_either_is_said_to_be() -> None:
    error = str(refused({"ts": [60], "open": ["1,000"], "high": [1], "low": [1], "close": [1]}, interval=60))
    assert "if ',' groups thousands" in error and "if ',' marks decimals" in error
