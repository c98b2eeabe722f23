"""Which lane a marked strategy runs in, and its build before the run, where errors have a place."""

from __future__ import annotations

import logging
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from pairloom._compiled.build import Built, build, held_by_class, refuse_changes
from pairloom._compiled.layout import overlap
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
            return partial(_bind, rule, frozenset())
        refuse_changes(rule, before, held_by_class(rule, probe))
        shared = _shared(template, probe, pair)
        built = build(rule, probe, shared)
        if built.windows and template.events is not None and "candle" not in _listed(template.events):
            raise ConfigError(_no_candles(rule, f"it waits for {template.events!r}"), code="config.compiled")
    except ConfigError:
        if rule.fallback == "python":
            return None
        raise
    return partial(_bind, rule, shared)


def _set_up(probe: Strategy, pair: str) -> bool:
    try:
        probe.setup(_ProbeCtx(pair))  # type: ignore[arg-type]
    except Exception:
        # The run's own setup will raise it again, where it quarantines the trader.
        return False
    return True


def _shared(template: Strategy, probe: Strategy, pair: str) -> frozenset[str]:
    """The arrays that a second trader would have, too, as those of a cache: by what a second setup gives."""
    import numpy as np

    arrays = {name: value for name, value in vars(probe).items() if isinstance(value, np.ndarray)}
    other = template.fresh() if arrays else probe
    if not arrays or not _set_up(other, pair):
        return frozenset()
    held = [value for value in vars(other).values() if isinstance(value, np.ndarray)]
    return frozenset(name for name, value in arrays.items() if any(overlap(value, each) for each in held))


def _listed(events: str | tuple[str, ...]) -> tuple[str, ...]:
    return (events,) if isinstance(events, str) else tuple(events)


def _no_candles(rule: Rule, why: str) -> str:
    return f"{rule.name} reads the columns of candles, but {why}; compiled code has them of candles alone"


def _bind(rule: Rule, shared: frozenset[str], strategy: Strategy, kind: str) -> Built:
    built = build(rule, strategy, shared)
    if built.windows and kind != "candle":
        raise StrategyError(_no_candles(rule, f"its market has {kind}s"), code="strategy.event")
    return built


class ProbeIndicator:
    """Stands for an indicator, and for each of its outputs."""

    def __init__(self, spec: Any = None) -> None:
        self._spec = spec

    def __getattr__(self, name: str) -> ProbeIndicator:
        """Stand for an output."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self


class _ProbeCtx:
    """What setup is given to find the types of the state."""

    def __init__(self, pair: str) -> None:
        self.pair = pair
        self.random = Random(0)
        # The run's own setup logs it all, so that here nothing may appear.
        silent = logging.Logger("pairloom.trader")
        silent.disabled = True
        self.log = logging.LoggerAdapter(silent, {"trader": "", "pair": pair})

    def indicator(self, spec: Any, *, required: bool = True) -> ProbeIndicator:
        """Stand for the indicator."""
        del required
        return ProbeIndicator(spec)
