"""Which lane a marked strategy runs in, and its build before the run, where errors have a place."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pairloom._compiled.build import Built, build, held_by_class, refuse_changes
from pairloom._compiled.rule import Rule, rule_of
from pairloom.errors import ConfigError, StrategyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pairloom.strategy import Strategy

__all__ = ["binder"]


def binder(template: Strategy, pair: str) -> Callable[[Strategy, str], Built] | None:
    """Return what builds this strategy after its setup, or ``None`` where it runs as ordinary Python.

    Compiles it now, so that what cannot be compiled raises ``ConfigError`` before the run
    and not as the fault of a trader.
    """
    rule = rule_of(template)
    if rule is None:
        return None
    probe = template.fresh()
    try:
        before = held_by_class(rule, probe)
        if not _set_up(probe, pair):
            return partial(_bind, rule)
        refuse_changes(rule, before, held_by_class(rule, probe))
        build(rule, probe)
    except ConfigError:
        if rule.fallback == "python":
            return None
        raise
    return partial(_bind, rule)


def _set_up(probe: Strategy, pair: str) -> bool:
    try:
        probe.setup(_ProbeCtx(pair))  # type: ignore[arg-type]
    except Exception:
        # The run's own setup will raise it again, where it quarantines the trader.
        return False
    return True


def _bind(rule: Rule, strategy: Strategy, kind: str) -> Built:
    built = build(rule, strategy)
    if built.windows and kind != "candle":
        raise StrategyError(
            f"{rule.name} reads the columns of candles, but its market has {kind}s; "
            "compiled code has them of candles alone",
            code="strategy.event",
        )
    return built


class ProbeIndicator:
    """Stands for an indicator, and for each of its outputs."""

    def __getattr__(self, name: str) -> ProbeIndicator:
        """Stand for an output."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self


class _ProbeCtx:
    """What setup is given to find the types of the state."""

    def __init__(self, pair: str) -> None:
        self.pair = pair

    def indicator(self, spec: Any, *, required: bool = True) -> ProbeIndicator:
        """Stand for the indicator."""
        del spec, required
        return ProbeIndicator()
