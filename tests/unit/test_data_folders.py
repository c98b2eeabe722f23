"""What a folder holds and is not read is said."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pairloom._data import Loaded, load
from pairloom.errors import DataError

CSV = "ts,open,high,low,close\n60,1,1,1,1\n120,1,1,1,1\n"


def read(data: Any, **options: Any) -> Loaded:
    return load(data, **({"pairs": ["ETH/BTC"], "currency": "BTC"} | options))


def refused(data: Any, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(data, **options)
    return str(caught.value)


def fill(folder: Path) -> None:
    """One of everything that may lie beside tables."""
    (folder / "LTC_BTC.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    (folder / "XRP_BTC.jsonl").write_text('{"ts": 60}\n')
    (folder / "ADA_BTC.txt").write_text(CSV)
    parts = folder / "ZEC_BTC.parquet" / "year=2024"
    parts.mkdir(parents=True)
    pd.DataFrame({"ts": [60]}).to_parquet(parts / "part-0.parquet")
    (folder / "old").mkdir()
    (folder / "old" / "ETC_BTC.csv").write_text(CSV)
    for other in ("README.md", "notes.txt", ".hidden.csv", "Makefile"):
        (folder / other).write_text("no table, only, some words\n")
    (folder / "empty").mkdir()


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    (tmp_path / "ETH_BTC.csv").write_text(CSV)
    fill(tmp_path)
    for pairs in (["ETH/BTC"], ["*"]):
        loaded = read(tmp_path, pairs=pairs)
        assert loaded.pairs == ["ETH/BTC"]
        [said] = [line for line in loaded.assumptions if "left out" in line]
        assert f"left out of {tmp_path}: ADA_BTC.txt, LTC_BTC.csv.gz, XRP_BTC.jsonl, ZEC_BTC.parquet/, old/ (" in said


@pytest.mark.parametrize("name", ["LTC_BTC.csv.gz", "XRP_BTC.jsonl", "ADA_BTC.txt", "ZEC_BTC.parquet/"])
def test_a_pair_that_was_left_out_is_named_where_it_is_lacking(name: str, tmp_path: Path) -> None:
    (tmp_path / "ETH_BTC.csv").write_text(CSV)
    fill(tmp_path)
    error = refused(tmp_path, pairs=["ETH/BTC", name.split(".")[0].replace("_", "/")])
    assert "lack the pair" in error and f"; {name} (" in error and "was left out" in error
    assert "left out" not in refused(tmp_path, pairs=["ETC/BTC"])


def test_a_folder_of_nothing_else_says_what_it_has(tmp_path: Path) -> None:
    fill(tmp_path)
    error = refused(tmp_path)
    assert "no CSV, Parquet or Feather files" in error and "LTC_BTC.csv.gz" in error and "old" in error


def test_a_folder_of_tables_alone_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "ETH_BTC.csv").write_text(CSV)
    (tmp_path / "README.txt").write_text("Recorded in 2018, by hand, at night.\n")
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "one.png").write_bytes(b"")
    assert not [line for line in read(tmp_path).assumptions if "left out" in line]
    # Named, a text is a table.
    (tmp_path / "ADA_BTC.txt").write_text(CSV)
    assert read(tmp_path / "ADA_BTC.txt", pairs=["ADA/BTC"]).rows == 2
