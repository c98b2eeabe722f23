"""A statistic of a sweep over two of its parameters."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any

from pairloom._frames import pandas
from pairloom._words import listing, nearest
from pairloom.errors import ConfigError

if TYPE_CHECKING:
    from pairloom.sweep import Combination, Maximize

__all__ = ["HeatMap"]


class HeatMap:
    """A grid of values: `x` are the columns, `y` the rows, `values` a NumPy array; NaN where nothing was run.

    `print(heat_map)` shows numbers, a notebook colours.
    """

    def __init__(
        self,
        x_name: str,
        x: list[Any],
        y_name: str,
        y: list[Any],
        name: str,
        grid: list[list[float]],
        best: tuple[int, int] | None,
    ) -> None:
        """Hold the grid."""
        self.x_name = x_name
        """The parameter across; empty where the sweep has one parameter alone."""
        self.x = x
        """Its values."""
        self.y_name = y_name
        """The parameter down."""
        self.y = y
        """Its values."""
        self.name = name
        """What the cells are."""
        self.best = best
        """Where in `values` the best combination is, as (row, column); None where no cell has a number."""
        self._grid = grid

    @classmethod
    def of(
        cls,
        rows: Iterable[Combination],
        values: dict[str, list[Any]],
        x: str | None,
        y: str | None,
        maximize: Maximize,
    ) -> HeatMap:
        """Lay out the best value of each cell; raises ``ConfigError`` for an unknown parameter."""
        down, across = _axes(values, x, y)
        ys, xs = values[down], values[across] if across else [None]
        grid = [[math.nan] * len(xs) for _ in ys]
        best = None
        for row in rows:
            found = row.value(maximize)
            if math.isnan(found):
                continue
            y_place = _place(ys, row.parameters[down])
            x_place = _place(xs, row.parameters[across]) if across else 0
            # Of equals the first one is the best, as it is for `SweepResult.best`.
            if best is None or found > grid[best[0]][best[1]]:
                best = y_place, x_place
            if not found <= grid[y_place][x_place]:
                grid[y_place][x_place] = found
        name = maximize if isinstance(maximize, str) else getattr(maximize, "__name__", "value")
        return cls(across or "", xs, down, ys, name, grid, best)

    @property
    def values(self) -> Any:
        """The cells as a two-dimensional NumPy array of float64, a row for each `y`."""
        import numpy as np

        return np.array(self._grid, dtype=np.float64)

    def to_pandas(self) -> Any:
        """A pandas frame: `y` is its index, `x` its columns."""
        pd = pandas()

        columns = pd.Index(_labels(self.x), name=self.x_name) if self.x_name else pd.Index([self.name])
        return pd.DataFrame(self._grid, index=pd.Index(_labels(self.y), name=self.y_name), columns=columns)

    def __str__(self) -> str:
        """The grid as text; the best cell has a star."""
        from pairloom._show.sweep import heat_map_text

        return heat_map_text(self)

    def __repr__(self) -> str:
        """One line."""
        size = f"{len(self.y)} x {len(self.x)}"
        return f"<HeatMap of {self.name}, {self.y_name} x {self.x_name or 'nothing'}: {size}>"

    def _repr_html_(self) -> str:
        from pairloom._show.sweep import heat_map_html

        return heat_map_html(self)


def _place(values: list[Any], value: Any) -> int:
    # Combinations hold the very values of the lists, and arrays have no equality to look for.
    return next(place for place, other in enumerate(values) if other is value)


def _labels(values: list[Any]) -> list[Any]:
    """The values of a parameter as labels; those that have no hash, such as arrays, as text."""
    return values if all(isinstance(value, Hashable) for value in values) else [str(value) for value in values]


def _axes(values: dict[str, list[Any]], x: str | None, y: str | None) -> tuple[str, str | None]:
    for key, name in (("x", x), ("y", y)):
        if name is not None and name not in values:
            hint = nearest(name, values) or f"; there are {listing(values)}"
            raise ConfigError(f"{key}={name!r} is no parameter of this sweep{hint}", code="config.heat_map")
    if x is not None and x == y:
        raise ConfigError(f"x and y are both {x!r}; name two parameters", code="config.heat_map")
    # Those with several values first.
    free = sorted((name for name in values if name not in (x, y)), key=lambda name: len(values[name]) == 1)
    down = y if y is not None else free.pop(0) if free else None
    if down is None:
        # The only parameter was asked for across.
        return str(x), None
    across = x if x is not None else free.pop(0) if free else None
    return down, across
