"""A value that is not what its parameter's annotation says is refused before the run."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from fractions import Fraction
from typing import Any, Optional, Union

import numpy as np
import pytest

import pairloom
from pairloom import ConfigError, Engine, Strategy


class Texts(Strategy):
    """Annotations as texts, as this file's future import makes them."""

    n: int = 10
    share: float = 0.5
    word: str = "a"
    flag: bool = False
    maybe: int | None = None
    older: Optional[float] = None  # noqa: UP045 (people write it so)
    either: Union[int, str] = 1  # noqa: UP007 (the same)
    listed: list[int] = [1]  # noqa: RUF012 (parameters are copied)
    sloppy: int = None  # type: ignore[assignment]
    anything: Any = None

    def generate_signal(self, ctx: Any) -> None:
        return None


# The same with the types themselves, as they are without a future import.
Typed: Any = type(
    "Typed",
    (Strategy,),
    {
        "__annotations__": {
            **{"n": int, "share": float, "word": str, "flag": bool, "maybe": int | None, "older": Optional[float]},  # noqa: UP045
            **{"either": Union[int, str], "listed": list[int], "sloppy": int, "anything": Any},  # noqa: UP007
        },
        **{"n": 10, "share": 0.5, "word": "a", "flag": False, "maybe": None, "older": None},
        **{"either": 1, "listed": [1], "sloppy": None, "anything": None},
        "generate_signal": lambda self, ctx: None,
    },
)


class Child(Texts):
    n = 20


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"n": "10"}, ".n='10' must be an int, as its annotation says; write 10"),
    ({"n": 1.5}, ".n=1.5 must be an int, as its annotation says"),
    ({"n": 10.0}, "; write 10"),
    ({"n": None}, ".n=None must be an int"),
    ({"n": np.float64(3)}, "must be an int"),
    ({"share": "0.5"}, ".share='0.5' must be a float, as its annotation says; write 0.5"),
    ({"share": Decimal("0.5")}, "must be a float"),
    ({"share": None}, "must be a float"),
    ({"word": 3}, ".word=3 must be a str"),
    ({"flag": "yes"}, ".flag='yes' must be a bool"),
    ({"flag": 2}, ".flag=2 must be a bool"),
    ({"maybe": "x"}, ".maybe='x' must be an int or None"),
    ({"older": "x"}, ".older='x' must be a float or None"),
    ({"either": 1.5}, ".either=1.5 must be an int or a str"),
    ({"sloppy": "3"}, ".sloppy='3' must be an int"),
]
RIGHT: list[dict[str, Any]] = [
    {"n": True, "share": 1, "flag": 1, "maybe": 3, "older": 1, "either": "x", "listed": "x", "anything": object()},
    {"n": np.int32(3), "share": np.float32(0.5), "word": np.str_("b"), "flag": np.bool_(True), "maybe": np.int64(1)},
    {"n": 2**80, "share": np.int64(3), "older": float("nan"), "sloppy": None},
    {"share": Fraction(1, 2), "maybe": None, "older": None},
]


def engine(strategy: Any, **parameters: Any) -> Engine:
    made = Engine(cash={"USD": 100})
    made.trade("A/USD", strategy, size=1, **parameters)
    return made


@pytest.mark.parametrize("cls", [Texts, Typed, Child])
@pytest.mark.parametrize(("given", "said"), WRONG, ids=range(len(WRONG)))
def test_a_value_of_another_type_is_refused_where_it_is_traded(cls: Any, given: dict[str, Any], said: str) -> None:
    for trade in (lambda: engine(cls, **given), lambda: engine(cls(**given)), lambda: engine(cls(), options=given)):
        with pytest.raises(ConfigError) as caught:
            trade()
        assert said in str(caught.value) and cls.__name__ in str(caught.value)
        assert caught.value.code == "strategy.parameter"


@pytest.mark.parametrize("cls", [Texts, Typed, Child])
@pytest.mark.parametrize("given", RIGHT, ids=range(len(RIGHT)))
def test_what_can_be_it_is_taken(cls: Any, given: dict[str, Any]) -> None:
    engine(cls, **given)


def test_annotations_of_other_types_are_left_alone() -> None:
    @dataclasses.dataclass
    class Setting:
        size: int

    class Own(Strategy):
        setting: Setting = None  # type: ignore[assignment]
        text: "Setting | None" = None  # noqa: UP037 (a text in a text)
        quoted: "int" = 1  # noqa: UP037 (the same)

        def generate_signal(self, ctx: Any) -> None:
            return None

    engine(Own, setting="x", text=3, quoted=2)
    with pytest.raises(ConfigError, match=r"Own.quoted='2' must be an int"):
        engine(Own, quoted="2")


def test_a_compiled_function_says_it_as_a_class_does() -> None:
    @pairloom.compiled
    def rule(ctx: Any, fast: int = 10, level=1) -> Any:  # type: ignore[no-untyped-def]
        return None

    engine(rule, fast=5, level=1.5)
    with pytest.raises(ConfigError, match=r"rule.fast=1.5 must be an int"):
        engine(rule, fast=1.5)


def test_a_sweep_reports_the_combination() -> None:
    data = pairloom.synthetic(["A/USD"], rows=50)
    with pytest.warns(pairloom.SweepWarning, match="1 of 2 combinations failed"):
        sweep = engine(Texts).sweep(data, n=[5, "6"], progress=False)
    assert [row.error is None for row in sweep] == [True, False]
    assert "n='6' must be an int" in str(sweep[1].error)
    with pytest.raises(ConfigError, match=r"n='6' must be an int"):
        engine(Texts).sweep(data, n=["6", "7"], progress=False)
    engine(Texts).sweep(data, n=np.arange(3, 5), share=np.linspace(0, 1, 2), progress=False)
