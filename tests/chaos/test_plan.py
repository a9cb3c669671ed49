"""What is broken when: by seed, and by the clock in a soak."""

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.plan import plan, planned, soak_plan

PLAIN = {name for name, fault in FAULTS.items() if fault.stage == "plain"}


def test_the_same_seed_gives_the_same_plan() -> None:
    first, second, other = ([fault.plan for fault in plan(seed, [])["plain"]] for seed in (7, 7, 8))
    assert first == second
    assert first != other


def test_every_fault_is_planned_once() -> None:
    names = [fault.name for faults in planned(1, []).values() for fault in faults]
    assert sorted(names) == sorted(FAULTS)


@pytest.mark.parametrize("minutes", [1, 3, 20, 60])
def test_a_soak_has_a_fault_a_minute_but_for_the_first_and_the_last(minutes: int) -> None:
    ((stage, faults),) = planned(1, [], minutes).items()
    assert (stage, len(faults)) == ("plain", max(minutes - 2, 0))


def test_a_soak_plays_all_faults_before_any_comes_again() -> None:
    names = [fault.name for fault in soak_plan(3, 2 * len(PLAIN) + 2, [])]
    assert set(names[: len(PLAIN)]) == set(names[len(PLAIN) :]) == PLAIN
    assert names != [fault.name for fault in soak_plan(4, 2 * len(PLAIN) + 2, [])]


def test_a_soak_of_named_faults_has_only_these() -> None:
    assert {fault.name for fault in soak_plan(3, 9, ["kill-worker", "kill-primary"])} == {"kill-worker"}
    assert soak_plan(3, 9, ["kill-primary"]) == []
