"""The machine itself: a bug that is put in is found."""

from collections import Counter

import pytest

from tests.model.driving import drive
from tests.model.mutants import ELUSIVE, MUTANTS, Mutant
from tests.model.world.databases import Databases

_STEPS, _MANY_STEPS = 10_000, 30_000
_RULES = 100
"""What fails is shown once more: the shorter the sooner."""
_ALL = [*MUTANTS, *(pytest.param(one, marks=pytest.mark.slow) for one in ELUSIVE)]


@pytest.mark.timeout(1_500)
@pytest.mark.parametrize("mutant", _ALL, ids=lambda mutant: mutant.__name__)
def test_a_bug_that_is_put_in_is_found(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, mutant: Mutant
) -> None:
    mutant(monkeypatch)
    tally: Counter[str] = Counter()
    with pytest.raises(AssertionError):
        steps = _MANY_STEPS if mutant in ELUSIVE else _STEPS
        drive(databases, 1, steps, tally, rules=_RULES, shrinking=False)
    print(mutant.__name__, "was found after", tally["steps"], "steps at most")
