"""The compiled lane: strategies in the part of Python that numba compiles.

In the order in which a strategy passes them: `rule` marks a class or a function, `source`
reads its text, `layout` says where its state lies, `rewrite` turns what it reads of
``self`` and ``ctx`` into reads of memory, `build` compiles and keeps the result, and
`rerun` runs an event again uncompiled to have the exception and its line.
"""

from __future__ import annotations

from pairloom._compiled.rule import Rule, compiled, rule_of, uncompiled

__all__ = ["Rule", "compiled", "rule_of", "uncompiled"]
