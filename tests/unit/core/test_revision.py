"""Changing a job: merging what the client gives, and what becomes of the occurrences that wait."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karya.core.action import NoopAction, RestAction
from karya.core.errors import Conflict, InvalidInput
from karya.core.job import Cursor, Job, new_job
from karya.core.occurrence import scheduled
from karya.core.remaking import Waiting, remake
from karya.core.revision import merged, revised
from karya.core.spec import spec_model

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
SPEC = spec_model([NoopAction, RestAction])
NOOP = {"type": "noop"}


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def every(seconds: float, **fields: Any) -> dict[str, Any]:
    return {"kind": "interval", "every": f"PT{seconds}S", **fields}


def a_job(**fields: Any) -> Job:
    return new_job(SPEC.model_validate({"action": NOOP, **fields}), NOW)


def changed(job: Job, **changes: Any) -> Job:
    return revised(job, SPEC.model_validate(merged(job, changes)), at(1))


def waiting(job: Job, *counts: int) -> list[Waiting]:
    """The occurrences with these numbers, of a schedule of one second."""
    cursors = [Cursor(at=at(count), count=count, exhausted=False) for count in counts]
    return [Waiting(scheduled(job, cursor).cause, cursor.at, cursor.count) for cursor in cursors]


def test_changing_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least one field"):
        merged(a_job(), {})


def test_what_is_given_replaces_what_was_written() -> None:
    job = a_job(description="d", tags=["x"], schedule=every(1))
    new = changed(job, description="e", timeout="PT5S")
    assert (new.description, new.timeout, new.tags, new.schedule) == (
        "e",
        timedelta(seconds=5),
        ("x",),
        job.schedule,
    )
    assert (new.id, new.version, new.created_at, new.updated_at) == (job.id, 2, NOW, at(1))
    assert changed(new, timeout=None).timeout is None


def test_an_action_and_steps_take_the_place_of_each_other() -> None:
    steps = [{"name": "a", "action": NOOP}, {"name": "b", "action": NOOP, "after": ["a"]}]
    new = changed(a_job(), steps=steps)
    assert [step.name for step in new.steps] == ["a", "b"]
    assert [step.name for step in changed(new, description="d").steps] == ["a", "b"]
    assert changed(new, action=NOOP).single


@pytest.mark.parametrize("user_id", ["bob", None])
def test_a_job_does_not_change_hands(user_id: str | None) -> None:
    with pytest.raises(InvalidInput, match=r"user_id: .* submit a new one"):
        merged(a_job(user_id="ann"), {"user_id": user_id})
    assert merged(a_job(user_id="ann"), {"user_id": "ann"})["user_id"] == "ann"


def test_while_the_schedule_stays_what_waits_is_made_again() -> None:
    job = a_job(schedule=every(1))
    job = job.model_copy(update={"cursor": Cursor(at=at(3), count=3, exhausted=False)})
    plan = remake(job, changed(job, description="d"), waiting(job, 2, 3), frozenset(), at(2))
    assert plan.cursor == job.cursor
    assert [(o.instant, o.count, o.last) for o in plan.occurrences] == [(at(2), 2, False), (at(3), 3, False)]
    assert [o.cause for o in plan.occurrences] == [w.cause for w in waiting(job, 2, 3)]


def test_the_last_one_stays_the_last() -> None:
    job = a_job(schedule=every(1, max_runs=3))
    job = job.model_copy(update={"cursor": Cursor(at=at(3), count=3, exhausted=True)})
    plan = remake(job, changed(job, description="d"), waiting(job, 2, 3), frozenset(), at(2))
    assert [o.last for o in plan.occurrences] == [False, True]


@given(
    st.integers(1, 6),
    st.integers(0, 6),
    st.integers(0, 12),
    st.integers(1, 4),
    st.none() | st.integers(1, 10),
)
def test_a_new_interval_has_its_instants_after_now_and_counts_on(
    made: int, begun: int, now: int, seconds: int, max_runs: int | None
) -> None:
    """Occurrences 1 to `made` exist, the first `begun` of them are under way; `now` is half past a second."""
    begun = min(begun, made)
    job = a_job(schedule=every(1))
    job = job.model_copy(update={"cursor": Cursor(at=at(made), count=made, exhausted=False)})
    moment = at(now + 0.5)
    taken = {at(count) for count in range(1, begun + 1) if at(count) > moment}
    new = changed(job, schedule=every(seconds, max_runs=max_runs, jitter="PT0.1S"))
    plan = remake(job, new, waiting(job, *range(begun + 1, made + 1)), taken, moment)
    late = [count for count in range(begun + 1, made + 1) if count <= now and count % seconds == 0]
    late = [count for count in late if max_runs is None or count <= max_runs]
    total = len([count for count in range(1, made + 1) if count <= max(now, begun)])
    assert plan.passed == {
        one.cause for one in waiting(job, *range(begun + 1, made + 1)) if one.count <= now
    } - {one.cause for one in waiting(job, *late)}
    if max_runs is not None and total >= max_runs:
        assert plan.cursor.exhausted
        # What is ahead of the cursor counts when a chain comes to it, as that of a later version may.
        ahead = [at(count) for count in range(seconds, made + 1, seconds) if at(count) in taken]
        assert plan.cursor.count == total - len([one for one in ahead if one > plan.cursor.at])
        assert [o.instant for o in plan.occurrences] == [at(count) for count in late]
        return
    following = seconds
    while following <= now or at(following) in taken:
        following += seconds
    assert (plan.cursor.at, plan.cursor.count) == (at(following), total + 1)
    assert [o.instant for o in plan.occurrences] == [at(count) for count in (*late, following)]
    assert plan.cursor.exhausted is (max_runs is not None and total + 1 >= max_runs)


def test_what_has_run_counts_once_though_an_earlier_one_waits() -> None:
    """1 waits, 2 has run, 3 is to come: then there is no room for it, and then there is again."""
    job = a_job(schedule=every(1))
    job = job.model_copy(update={"cursor": Cursor(at=at(3), count=3, exhausted=False)})
    full = changed(job, schedule=every(1, max_runs=2))
    plan = remake(job, full, waiting(job, 1, 3), frozenset(), at(2.5))
    assert [(o.instant, o.count) for o in plan.occurrences] == [(at(1), 1)]
    assert (plan.cursor.count, plan.cursor.exhausted) == (2, True)
    behind = {one for one in (at(1), at(2)) if one > plan.cursor.at}
    full = full.model_copy(update={"cursor": plan.cursor})
    plan = remake(full, changed(full, schedule=every(1, max_runs=3)), waiting(job, 1), behind, at(2.5))
    assert (plan.cursor.at, plan.cursor.count) == (at(3), 3)


def test_a_schedule_that_leaves_nothing_is_refused() -> None:
    job = a_job(schedule=every(1))
    new = changed(job, schedule=every(1, end_at="2026-11-23T08:00:05Z"))
    assert remake(job, new, waiting(job, 1), frozenset(), at(3.5)).cursor.at == at(4)
    with pytest.raises(InvalidInput, match="schedule: leaves no instant after now"):
        remake(job, new, waiting(job, 1), frozenset(), at(4))


def test_once_may_be_put_off_until_it_has_begun() -> None:
    job = a_job(schedule={"kind": "once", "at": at(60)})
    new = changed(job, schedule={"kind": "once", "after": "PT90S"})
    (one,) = [Waiting(scheduled(job, job.cursor).cause, at(60), 1)]
    plan = remake(job, new, [one], frozenset(), at(5))
    assert (plan.cursor.at, plan.cursor.count, plan.cursor.exhausted) == (at(90), 1, True)
    assert [o.instant for o in plan.occurrences] == [at(90)]
    with pytest.raises(Conflict, match="has run already"):
        remake(job, new, [], frozenset(), at(5))


def test_a_recurring_job_may_come_to_a_last_run() -> None:
    job = a_job(schedule=every(1))
    job = job.model_copy(update={"cursor": Cursor(at=at(3), count=3, exhausted=False)})
    new = changed(job, schedule={"kind": "once", "at": at(30)})
    plan = remake(job, new, waiting(job, 3), frozenset(), at(2.5))
    assert (plan.cursor.at, plan.cursor.count, plan.cursor.exhausted) == (at(30), 3, True)
    with pytest.raises(InvalidInput, match=r"schedule\.at: the occurrence of .* has begun already"):
        remake(job, new, waiting(job, 3), {at(30)}, at(2.5))
