"""How rules are made of steps."""

from collections.abc import Callable
from typing import Any, Protocol

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model import strategies as some
from tests.model.simulation import Meanwhile, Step
from tests.model.steps.several import Plan
from tests.model.world.faults import Fault

_NAME = "take"
"""What Hypothesis calls all rules. It leaves out half of those that have names of their own, in some
examples nearly all, and then nothing happens but that time passes. What an example goes without is drawn
in `begin`."""
RULES = ["begin"]
"""The names of all rules; more are added below."""

Given = Callable[[Any], bool]


class Several(Protocol):
    """Steps that are taken one after the other; in number `troubled` something may fail."""

    @property
    def plan(self) -> Plan: ...

    @property
    def troubled(self) -> int: ...


def always(_: Any) -> bool:
    """A step that makes sense at any time."""
    return True


def step(name: str, steps: st.SearchStrategy[Any], given: Given = always) -> Any:
    """A rule: one of the steps, in which something may fail, and something else may happen."""

    def take(self: Any, step: Step, fault: Fault | None, meanwhile: Meanwhile | None) -> None:
        self.do(name, step, fault, meanwhile)

    RULES.append(name)
    take.__name__ = _NAME
    is_given = precondition(lambda machine: name not in machine.without and given(machine))
    return is_given(rule(step=steps, fault=some.FAULTS, meanwhile=some.MEANWHILE)(take))


def several(name: str, plans: st.SearchStrategy[Any], given: Given = always) -> Any:
    """A rule: steps that are taken one after the other, in one of which something may fail."""

    def take(self: Any, step: Several, fault: Fault | None, meanwhile: Meanwhile | None) -> None:
        for number, (one, anyhow) in enumerate(step.plan):
            is_troubled = number == step.troubled
            self.do(name, one, *((fault, anyhow or meanwhile) if is_troubled else (None, anyhow)))

    RULES.append(name)
    take.__name__ = _NAME
    is_given = precondition(given)
    return is_given(rule(step=plans, fault=some.FAULTS, meanwhile=some.MEANWHILE)(take))
