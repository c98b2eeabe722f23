"""What pair a name means: a key, a word in a ``pair`` column, a file's name."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

#: Currencies in which pairs are usually quoted; they end names such as ``BTCUSDT``.
QUOTES = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "DAI", "USD", "EUR", "GBP", "JPY", "BTC", "ETH")

#: Parts of file names that say what is in the file, not of which market.
KIND_WORDS = frozenset(
    [
        *("trade", "trades", "candle", "candles", "quote", "quotes"),
        *("ohlcv", "kline", "klines", "spot", "ticks"),
    ]
)

_INTERVAL = re.compile(r"\d+(ms|s|m|min|h|d|w)", re.IGNORECASE)
_PAIR = re.compile(r"[^/:\s]+/[^/:\s]+")


class Names:
    """Resolves names for one run and collects what it had to assume."""

    def __init__(self, patterns: list[str], currency: str) -> None:
        self.patterns = patterns
        self.currency = currency
        self.assumptions: list[str] = []
        #: Files and folders that hold data and are not read.
        self.left_out: list[Path] = []
        exact = [pattern for pattern in patterns if "*" not in pattern]
        self._exact = frozenset(exact)
        self._wide = [pattern for pattern in patterns if "*" in pattern]
        self._by_upper = {pair.upper(): pair for pair in exact}
        self._by_joined = {pair.upper().replace("/", ""): pair for pair in exact}

    def traded(self, pair: str) -> bool:
        """Whether a trader wants this pair."""
        return pair in self._exact or any(matches(pattern, pair) for pattern in self._wide)

    @property
    def only(self) -> str | None:
        """The pair, if exactly one is traded."""
        patterns = set(self.patterns)
        only = next(iter(patterns), "*")
        return only if len(patterns) == 1 and "*" not in only else None

    def of_key(self, name: str) -> str | None:
        """The pair of a key or a word, ``None`` if it cannot be one."""
        name = name.strip()
        for separator in ("/", "-", "_"):
            if separator in name:
                pair = name.replace(separator, "/")
                return self._spelled(pair) if _PAIR.fullmatch(pair) else None
        return self._joined(name, f"'{name}'") if name and _PAIR.fullmatch(f"{name}/X") else None

    def of_file(self, stem: str, file: str) -> tuple[str | None, str | None]:
        """The pair and the interval in a file's name, each ``None`` if it has none."""
        parts = [part for part in re.split(r"[-_. ]+", stem) if part]
        interval = next((part for part in parts if _INTERVAL.fullmatch(part)), None)
        words = [part for part in parts if part != interval and part.lower() not in KIND_WORDS and not part.isdigit()]
        if len(words) == 2 and self._looks_like_pair(*words):
            return self._spelled("/".join(words)), interval
        if len(words) == 1 and (words[0].isupper() or self._ends_in_quote(words[0])):
            return self._joined(words[0], file), interval
        return None, interval

    def _looks_like_pair(self, base: str, quote: str) -> bool:
        if f"{base}/{quote}".upper() in self._by_upper:
            return True
        known = quote.upper() in QUOTES or quote.upper() == self.currency.upper()
        return known or (base.isupper() and quote.isupper() and len(base) <= 10 and len(quote) <= 5)

    def _ends_in_quote(self, name: str) -> bool:
        name = name.upper()
        ends = any(name.endswith(quote) and name != quote for quote in (self.currency, *QUOTES))
        return name in self._by_joined or ends

    def _spelled(self, pair: str) -> str:
        return self._by_upper.get(pair.upper(), pair.upper())

    def _joined(self, name: str, said: str) -> str:
        """A name without a separator, by the traded pairs, then by the account's currency."""
        upper = name.upper()
        quotes = (self.currency.upper(), *QUOTES)
        quote = next((q for q in quotes if upper.endswith(q) and upper != q), None)
        if upper in self._by_joined:
            pair = self._by_joined[upper]
        elif quote is not None:
            pair = self._spelled(f"{upper[: -len(quote)]}/{quote}")
        else:
            pair = self._spelled(f"{upper}/{self.currency}")
        note = f"{said} is read as the pair {pair} (account currency {self.currency})"
        if note not in self.assumptions:
            self.assumptions.append(note)
        return pair


def matches(pattern: str, pair: str) -> bool:
    """Whether a pair is meant by ``ETH/BTC``, ``*/BTC`` or ``*``."""
    return pattern == pair or ("*" in pattern and fnmatchcase(pair, pattern))
