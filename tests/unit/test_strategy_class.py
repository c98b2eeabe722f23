"""The Strategy class: parameters from annotations, templates and copies, refusals with a way out."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import typing
from typing import ClassVar

import pytest

from pairloom import ConfigError, Engine, ParameterError, Strategy
from pairloom.strategy import HOOKS, overridden_hooks


class Cross(Strategy):
    fast: int = 10
    slow: int = 30
    levels: list[list[int]] = [[1], [2]]  # noqa: RUF012 (each instance gets its own copy)
    VERSION: ClassVar[int] = 3
    OTHER: typing.ClassVar = 4
    _hidden: int = 5

    def generate_signal(self, ctx):
        return None


class Keeper(Strategy):
    size: float

    def state(self):
        return {"count": self.count}

    def restore(self, state):
        self.count = state["count"] + 100


def test_annotated_attributes_are_the_parameters():
    assert Cross().parameters() == {"fast": 10, "slow": 30, "levels": [[1], [2]]}
    assert Cross(fast=5).fast == 5
    assert repr(Cross(fast=5)) == "Cross(fast=5, slow=30, levels=[[1], [2]])"


def test_annotations_that_are_objects_count_as_texts_do():
    namespace = {"Strategy": Strategy, "ClassVar": ClassVar}
    source = "class Plain(Strategy):\n    a: int = 1\n    b: ClassVar[int] = 2\n    c: ClassVar = 3\n"
    exec(compile(source, "plain.py", "exec", dont_inherit=True), namespace)
    assert namespace["Plain"]().parameters() == {"a": 1}


def test_nested_default_containers_are_copied_for_each_instance():
    one, two = Cross(), Cross()
    one.levels[0].append(9)
    assert two.levels == [[1], [2]]
    assert Cross.levels == [[1], [2]]


def test_traders_of_one_template_do_not_share_default_containers_but_given_values():
    template = Cross()
    template.fresh().levels.append([7])
    assert template.fresh().levels == [[1], [2]]
    given = [[5]]
    template = Cross(levels=given)
    assert template.fresh().levels is given
    assert template.fresh().fresh().levels is given


def test_a_copy_of_a_copy_still_copies_default_containers():
    first = Cross().fresh()
    first.fresh().levels[0].append(4)
    assert first.fresh().levels == [[1], [2]]


def test_fresh_takes_parameters_along_and_leaves_state_behind():
    template = Cross(fast=3)
    template.counter = 8
    made = template.fresh(slow=50)
    assert (made.fast, made.slow) == (3, 50)
    assert not hasattr(made, "counter")
    assert type(made) is Cross


def test_an_override_without_annotation_is_the_new_default():
    class Faster(Cross):
        fast = 4

    assert Faster().fast == 4
    assert Faster(fast=6).fast == 6
    assert Cross().fast == 10


def test_mixins_bring_parameters():
    class Threshold:
        threshold: float = 0.5

    class Both(Threshold, Cross):
        extra: str = "x"

    assert Both(threshold=0.7).parameters() == {
        "fast": 10,
        "slow": 30,
        "levels": [[1], [2]],
        "threshold": 0.7,
        "extra": "x",
    }


@pytest.mark.parametrize("through", ["own", "mixin"])
def test_a_class_with_init_is_refused_when_it_is_made(through):
    def init(self):
        pass

    bases = (Strategy,) if through == "own" else (type("Mixin", (), {"__init__": init}), Strategy)
    body = {"__init__": init} if through == "own" else {}
    with pytest.raises(ConfigError) as caught:
        type("Bad", bases, body)
    assert "put state in setup(self, ctx); parameters are annotated class attributes" in str(caught.value)
    assert "Bad" in str(caught.value)


def test_an_init_added_later_is_refused_too():
    class Late(Strategy):
        fast: int = 1

    template = Late()
    Late.__init__ = lambda self: None
    with pytest.raises(TypeError, match="Late has an __init__"):
        template.fresh(fast=2)


def test_a_dataclass_decorator_is_refused_when_an_instance_is_made():
    @dataclasses.dataclass
    class Decorated(Strategy):
        fast: int = 1

        def generate_signal(self, ctx):
            return None

    with pytest.raises(ConfigError, match="Decorated has an __init__"):
        Engine(cash={"BTC": 1}).trade("ETH/BTC", Decorated(fast=2))
    with pytest.raises(ConfigError, match="Decorated has an __init__"):
        Engine(cash={"BTC": 1}).trade("ETH/BTC", Decorated)


def test_an_unannotated_attribute_given_as_a_parameter_says_annotate_it():
    class Plain(Strategy):
        fast = 10

    with pytest.raises(TypeError, match=r"annotate it: fast: int = 10"):
        Plain(fast=5)


def test_an_unknown_parameter_suggests_the_nearest():
    with pytest.raises(TypeError, match="Cross has no parameter 'fst'; did you mean 'fast'"):
        Cross(fst=5)
    with pytest.raises(TypeError, match="it has fast, slow, levels"):
        Cross(zzz=5)


@pytest.mark.parametrize("name", ["_hidden", "VERSION", "OTHER", "generate_signal"])
def test_what_is_no_parameter_cannot_be_given(name):
    with pytest.raises(ParameterError, match=name):
        Cross(**{name: 1})


def test_a_parameter_without_default_is_required():
    with pytest.raises(TypeError, match=r"Keeper needs size: write Keeper\(size=...\)"):
        Keeper()
    assert Keeper(size=2).size == 2


def test_positional_parameters_are_refused_with_the_keyword():
    with pytest.raises(TypeError, match=r"by keyword: Cross\(fast=10\)"):
        Cross(10, 30)


@pytest.mark.parametrize("body", [{"state": "flat"}, {"parameters": {}}, {"__annotations__": {"setup": "int"}}])
def test_an_attribute_with_the_name_of_a_method_is_refused(body):
    with pytest.raises(ConfigError, match="a method of every strategy has this name"):
        type("Bad", (Strategy,), {"__module__": __name__, **body})


def test_instances_keep_plain_attributes_and_may_be_pickled():
    original = Cross(fast=3)
    original.seen = [1, 2]
    original.state = "an attribute of this name is the user's own"
    for made in (pickle.loads(pickle.dumps(original)), copy.copy(original)):
        assert made.fast == 3
        assert made.seen == [1, 2]
        assert made.fresh().fast == 3


def test_state_and_restore_decide_what_is_pickled():
    original = Keeper(size=2)
    original.count = 1
    original.junk = object()
    made = pickle.loads(pickle.dumps(original))
    assert (made.size, made.count) == (2, 101)
    assert not hasattr(made, "junk")


def test_overridden_hooks_are_those_of_the_class_and_its_parents():
    class Mixin:
        def on_fill(self, ctx, fill):
            return None

    class Child(Mixin, Cross):
        pass

    assert overridden_hooks(Child) == ["generate_signal", "on_fill"]
    assert overridden_hooks(Strategy) == []


def test_every_hook_has_a_default_that_does_nothing():
    strategy = Cross()
    for name, arguments in {
        "setup": 1,
        "on_start": 1,
        "on_fill": 2,
        "on_order": 2,
        "on_time": 2,
        "on_refused": 2,
        "on_stop": 1,
    }.items():
        assert name in HOOKS
        assert getattr(strategy, name)(*[None] * arguments) is None
