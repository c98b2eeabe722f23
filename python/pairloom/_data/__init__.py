"""Market data in: every form that users have, as columns that the engine can read.

``load`` tells the forms apart, gives the columns their meaning and checks every row;
``to_native`` hands the result to the engine.  The steps stand in the order in which
data pass them: ``sources`` (what is there), ``tables`` (columns of any form),
``markets`` (of which pair a row is), ``kinds`` (candles, quotes or trades), ``clocks``
(which column is the time), ``times`` and ``numbers`` (cells), ``rows`` (checks and repair),
``intervals`` and ``lengths`` (when a candle is known).
"""

from __future__ import annotations

from pairloom._data.loading import load
from pairloom._data.native import to_native
from pairloom._data.series import Loaded, Series

__all__ = ["Loaded", "Series", "load", "to_native"]
