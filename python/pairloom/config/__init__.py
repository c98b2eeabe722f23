"""A run written down in a TOML file: read, checked and made into an `Engine`.

The parts stand in the order in which a file passes them: ``keys`` (what may be written),
``document`` (reading, and changes from the command line), ``strategies`` (finding the
classes named), ``plan`` (the engine and its data); ``schema`` tells editors the same.
"""

from __future__ import annotations

from pairloom.config.document import apply_change, read_document, set_value
from pairloom.config.plan import Plan, make_plan
from pairloom.config.schema import config_schema
from pairloom.config.strategies import load_strategy

__all__ = ["Plan", "apply_change", "config_schema", "load_strategy", "make_plan", "read_document", "set_value"]
