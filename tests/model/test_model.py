"""Ten thousand steps in which anything may happen and anything may fail, and every promise is kept.

MODEL_SEEDS='5 6 7' drives so many steps from each of these seeds instead; each is a test of its own.
"""

import os
from collections import Counter

import pytest

from tests.model.driving import drive
from tests.model.making import RULES
from tests.model.rules.tasks import WAYS
from tests.model.world.databases import Databases
from tests.model.world.faults import Cut

STEPS = 10_000
SEEDS = [int(number) for number in os.environ.get("MODEL_SEEDS", "4").split()]
_MOVES = [f"{before}-{after} {kind}" for (before, after), kinds in WAYS.items() for kind in kinds]
_LEAST = {
    "steps": STEPS,
    "starts": 1_000,
    **dict.fromkeys(RULES, 3),
    f"cut {Cut.BEFORE.value}": 100,
    f"cut {Cut.AFTER.value}": 100,
    f"cut {Cut.LATE.value}": 5,
    "interruptions": 100,
    "passed over by an update": 20,
    "refused for its name": 10,
    "cancel waits": 2,
    "pause waits": 5,
    "began within seat": 100,
    "began within window": 100,
    "several had turns": 20,
    "parked seat claim": 10,
    "parked seat turn": 10,
    "parked window claim": 10,
    "parked window turn": 10,
}
"""A machine that does nothing finds nothing: how often it has to have done what."""
_SELDOM = 4
"""So many of all changes of state may be missing from one seed, though they are legal."""


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("number", SEEDS)
def test_nothing_is_lost_and_nothing_doubled(databases: Databases, number: int) -> None:
    tally: Counter[str] = Counter()
    drive(databases, number, STEPS, tally)
    print(tally)  # the figures of docs/reliability.md
    assert not {what: tally[what] for what, least in _LEAST.items() if tally[what] < least}
    missing = [move for move in _MOVES if not tally[move]]
    assert len(missing) <= _SELDOM, f"never happened: {missing}"
