"""What a folder holds and is not read is said."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from pairloom import Engine
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


UNREAD = """
    A.npy A.npz A.db A.sqlite A.duckdb A.ods A.msgpack A.mat A.rds A.dat A.tar.gz A.7z A.csv.gz A.csv~ A.dbn.zst A.gz
    A.xlsx ETH_BTC changes.npy
"""
NO_DATA = """
    README LICENSE README.gz notes.md.gz Makefile fetch.py fetch.ipynb config.toml uv.lock run.log A.zip.CHECKSUM
    A.sha256 one.png report.html report.pdf Thumbs.db _SUCCESS .DS_Store run.broker.db run.db-wal
"""


@pytest.mark.parametrize("name", UNREAD.split())
@pytest.mark.parametrize("folder", ["", "inside/"])
def test_a_form_that_nobody_has_listed_is_said_all_the_same(name: str, folder: str, tmp_path: Path) -> None:
    (tmp_path / "LTC_BTC.csv").write_text(CSV)
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / name).write_bytes(b"data")
    [said] = [line for line in read(tmp_path, pairs=["*"]).assumptions if "left out" in line]
    assert f": {folder or name} (" in said


def test_what_is_no_data_is_not_said(tmp_path: Path) -> None:
    (tmp_path / "LTC_BTC.csv").write_text(CSV)
    for folder in (tmp_path, tmp_path / "inside", tmp_path / "inside" / ".git"):
        folder.mkdir(exist_ok=True)
        for name in NO_DATA.split():
            (folder / name).write_bytes(b"data")
    (tmp_path / "inside" / ".git" / "objects").write_bytes(b"data")
    assert not [line for line in read(tmp_path, pairs=["*"]).assumptions if "left out" in line]


@pytest.mark.parametrize("name", ["LTC_BTC.npy", "LTC-BTC.tar.gz", "LTC_BTC.duckdb", "LTC_BTC"])
def test_a_pair_in_any_form_is_named_where_it_is_lacking(name: str, tmp_path: Path) -> None:
    (tmp_path / "ETH_BTC.csv").write_text(CSV)
    (tmp_path / name).write_bytes(b"data")
    assert f"; {name} (" in refused(tmp_path, pairs=["LTC/BTC"])


def test_the_journal_of_a_run_beside_its_data_is_no_data(tmp_path: Path) -> None:
    (tmp_path / "ETH_BTC.csv").write_text(CSV)
    made = []
    for _ in range(2):
        engine = Engine(cash={"BTC": 10}, journal=tmp_path / "run.db")
        engine.trade("ETH/BTC", "simple", size=1)
        made.append(engine.paper(tmp_path, progress=False))
    assert (tmp_path / "run.db").exists()
    assert made[0].assumptions == made[1].assumptions and made[0].digest == made[1].digest
    assert not [line for line in made[1].assumptions if "left out" in line]


def test_a_stream_is_read_by_its_own_ending(tmp_path: Path) -> None:
    data = pa.table({"ts": [60, 120], **{name: [1.0, 1.0] for name in ("open", "high", "low", "close")}})
    with pa.ipc.new_stream(tmp_path / "ETH_BTC.arrows", data.schema) as out:
        out.write_table(data)
    loaded = read(tmp_path, pairs=["*"])
    assert loaded.pairs == ["ETH/BTC"] and loaded.rows == 2
    assert not [line for line in loaded.assumptions if "left out" in line]
