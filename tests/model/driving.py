"""Runs the machine for so many steps, the same ones for the same seed."""

from collections import Counter

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import KaryaMachine
from tests.model.world.databases import Databases

RULES_OF_AN_EXAMPLE = 100
_FEWEST = 155
"""So many steps an example has on average at least: Hypothesis ends some early, whose draws are too many, and
some rules are several steps."""
_BY_DESIGN = (HealthCheck.too_slow, HealthCheck.data_too_large)
"""Steps write to a database, and a hundred of them draw a lot."""


def drive(
    databases: Databases, number: int, steps: int, tally: Counter[str], *, shrinking: bool = True
) -> None:
    """Drives at least so many steps, from the seed `number` on, and counts in `tally` what has happened.

    Raises AssertionError when a promise is broken, after looking for the shortest way there.
    """

    @seed(number)
    def machine() -> KaryaMachine:
        return KaryaMachine(databases, tally)

    run_state_machine_as_test(
        machine,  # type: ignore[arg-type]
        settings=settings(
            max_examples=max(steps // _FEWEST, 1),
            stateful_step_count=RULES_OF_AN_EXAMPLE,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            phases=(Phase.generate, Phase.shrink) if shrinking else (Phase.generate,),
            suppress_health_check=_BY_DESIGN,
        ),
    )
