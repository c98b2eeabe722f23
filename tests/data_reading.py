"""Data as the engine reads them, and how it refuses them."""

from __future__ import annotations

from typing import Any

import pytest

from pairloom._data import Loaded, load
from pairloom.errors import DataError


class Reading:
    """Reads data for a run of one pair."""

    def __init__(self, pair: str) -> None:
        self.options = {"pairs": [pair], "currency": pair.partition("/")[2]}

    def read(self, data: Any, **options: Any) -> Loaded:
        return load(data, **(self.options | options))

    def refused(self, data: Any, **options: Any) -> DataError:
        with pytest.raises(DataError) as caught:
            self.read(data, **options)
        return caught.value
