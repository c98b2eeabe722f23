"""What one watches during ``pairloom demo``: a live table, then a summary."""

from __future__ import annotations

from pairloom.demo.summary import summary_text
from pairloom.demo.table import status_line, table_lines
from pairloom.demo.watch import watch

__all__ = ["status_line", "summary_text", "table_lines", "watch"]
