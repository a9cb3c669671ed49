"""Runs the machine for so many steps, the same ones for the same seed."""

from collections import Counter

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import KaryaMachine
from tests.model.world.databases import Databases

RULES_OF_AN_EXAMPLE = 150
"""Every example is brought to an end, which is no step and takes its time: few long ones cost less."""
_STEPS_OF_A_RULE = 1.5
"""So many steps a rule has on average at least: some are several, and Hypothesis ends an example early whose
draws are too many."""
_BY_DESIGN = (HealthCheck.too_slow, HealthCheck.data_too_large)
"""Steps write to a database, and so many of them draw a lot."""


def drive(
    databases: Databases,
    number: int,
    steps: int,
    tally: Counter[str],
    *,
    rules: int = RULES_OF_AN_EXAMPLE,
    shrinking: bool = True,
) -> None:
    """Drives at least so many steps, from the seed `number` on, in examples of so many rules, and counts in
    `tally` what has happened.

    Raises AssertionError when a promise is broken, after looking for the shortest way there.
    """

    @seed(number)
    def machine() -> KaryaMachine:
        return KaryaMachine(databases, tally)

    run_state_machine_as_test(
        machine,  # type: ignore[arg-type]
        settings=settings(
            max_examples=max(int(steps / (rules * _STEPS_OF_A_RULE)), 1),
            stateful_step_count=rules,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            phases=(Phase.generate, Phase.shrink) if shrinking else (Phase.generate,),
            suppress_health_check=_BY_DESIGN,
        ),
    )
