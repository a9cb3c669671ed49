"""The judge is silent on good histories, and finds every time what was done to one."""

from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.chaos.judge.judge import judge
from tests.chaos.judge.verdict import Kind
from tests.chaos.judging.damage import DAMAGES, Damage
from tests.chaos.judging.playing import played
from tests.chaos.judging.scenes import scene

RANDOMS = st.randoms(use_true_random=False)
GENEROUS = settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
CASES = [(kind, damage) for kind, damages in DAMAGES.items() for damage in damages]


@settings(GENEROUS, max_examples=200)
@given(RANDOMS)
def test_a_good_history_has_no_violation(random: Random) -> None:
    verdict = judge(played(scene(random), random))
    assert verdict.good, "\n".join(map(str, verdict.violations))


@pytest.mark.parametrize(("kind", "damage"), CASES, ids=[damage.__name__ for _, damage in CASES])
@settings(GENEROUS, max_examples=40)
@given(random=RANDOMS)
def test_what_was_done_to_it_is_found(kind: Kind, damage: Damage, random: Random) -> None:
    cancelled, paused = kind is Kind.CANCELLED, kind is Kind.PAUSED
    given = scene(random, cancelled=cancelled, paused=paused, plain=not (cancelled or paused))
    history = damage(played(given, random), random)
    assume(history is not None)
    assert history is not None
    found = {violation.kind for violation in judge(history).violations}
    assert kind in found, f"found only {found}"
