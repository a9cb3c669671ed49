"""A worker keeps the leases of what runs, and stops what is no longer its own or no longer wanted."""

from datetime import timedelta

from karya.core.hint import Hint, hint_of
from karya.core.outcome import Failure
from karya.core.ports import Commit
from karya.core.task import Lease, TaskState
from karya.core.transitions import Move, Transition
from tests.conformance.store.kit import StoreKit
from tests.integration.actors.crew import LEASE, SHORT_LEASE, Crew, Mate
from tests.support.actions import Actions
from tests.support.away import Away
from tests.support.soon import soon
from tests.support.story import NOW, ON_FAILURE, a_job, at, every, release


def running() -> Actions:
    actions = Actions()
    actions.gate.clear()
    return actions


async def begun(crew: Crew, span: timedelta = LEASE) -> tuple[Mate, Actions, Hint, Lease]:
    """A worker in the middle of a task, which it holds under this lease."""
    (hint,) = await crew.store(a_job())
    actions = running()
    mate = crew.worker(actions, lease=span)
    mate.line.send(hint)
    await soon(lambda: actions.started)
    lease = (await crew.task(hint)).lease
    assert lease is not None
    return mate, actions, hint, lease


async def cancel(kit: StoreKit, job_id: str) -> None:
    await kit.jobs.cancel(job_id, NOW)
    await kit.tasks.cancel_of_job(job_id, NOW)


async def lost(mate: Mate) -> None:
    await soon(lambda: mate.count("karya_leases_lost_total") == 1)
    await soon(lambda: mate.line.free == 4)


async def test_renewals_keep_a_long_task(crew: Crew) -> None:
    (hint,) = await crew.store(a_job())
    actions = running()
    length = timedelta(seconds=2)  # a busy machine may keep a renewal waiting
    crew.worker(actions, lease=length).line.send(hint)
    await soon(lambda: actions.started)
    for number in range(1, 4):
        crew.kit.time.advance(0.05)
        expiry = at(number * 0.05) + length

        async def renewed(wanted: object = expiry) -> bool:
            lease = (await crew.task(hint)).lease
            return lease is not None and lease.expires_at == wanted

        await soon(renewed)
    assert await crew.kit.claims.expired(9) == []
    actions.gate.set()
    await crew.becomes(hint, TaskState.SUCCEEDED)


async def test_a_lost_lease_stops_the_action_and_commits_nothing(crew: Crew) -> None:
    mate, actions, hint, lease = await begun(crew, SHORT_LEASE)
    await crew.kit.commits.commit([Commit(hint.task_id, lease.id, release())], NOW)
    await lost(mate)
    assert actions.stopped == [hint.task_id]
    task = await crew.task(hint)
    assert (task.status, task.token, task.result) == (TaskState.READY, 1, None)


async def test_a_task_that_is_claimed_again_stops_the_attempt_before(crew: Crew) -> None:
    """Of which the worker did not know yet that it had lost it: it was asleep, say."""
    mate, actions, hint, lease = await begun(crew)
    await crew.kit.commits.commit([Commit(hint.task_id, lease.id, release())], NOW)
    mate.line.send(hint_of(await crew.task(hint)))
    await soon(lambda: len(actions.started) == 2)
    assert actions.stopped == [hint.task_id]
    actions.gate.set()
    await crew.becomes(hint, TaskState.SUCCEEDED)


async def test_an_outcome_under_a_lost_lease_changes_nothing(crew: Crew) -> None:
    """The lease is lost between two renewals, so that the worker learns it from its commit."""
    mate, actions, hint, lease = await begun(crew)
    retry = Transition(Move.RETRY, {"due_at": at(9), "error": "reaped"})
    await crew.kit.commits.commit([Commit(hint.task_id, lease.id, retry)], NOW)
    actions.gate.set()
    await lost(mate)
    assert (await crew.task(hint)).error == "reaped"
    assert mate.count("karya_executor_task_success_execution_count_total") == 0


async def test_a_worker_cut_off_from_the_store_stops_in_time(crew: Crew) -> None:
    """It may not go on beyond what it was granted: at the end of it another may run the task."""
    (hint,) = await crew.store(a_job())
    actions = running()
    claims = Away(crew.kit.claims, "renew", left=1_000_000)
    mate = crew.worker(actions, lease=SHORT_LEASE, claims=claims)
    mate.line.send(hint)
    await soon(lambda: claims.calls > 2)
    assert actions.stopped == []
    crew.kit.time.advance(0.07)
    assert await crew.kit.claims.expired(9) == []
    await lost(mate)
    assert actions.stopped == [hint.task_id]
    assert (await crew.task(hint)).status is TaskState.RUNNING


async def test_a_worker_whose_renewal_gets_no_answer_stops_in_time(crew: Crew) -> None:
    """A connection that hangs is given up by its time-out only, long after the lease has ended."""
    (hint,) = await crew.store(a_job())
    actions, claims = running(), Away(crew.kit.claims, "renew")
    claims.open.clear()
    mate = crew.worker(actions, lease=SHORT_LEASE, claims=claims)
    mate.line.send(hint)
    await soon(lambda: claims.calls and actions.started)
    assert actions.stopped == []
    crew.kit.time.advance(0.07)
    await lost(mate)
    assert actions.stopped == [hint.task_id]
    assert await crew.kit.claims.expired(9) == []
    assert claims.calls == 1, "nobody has answered so far"


async def test_a_cancel_stops_the_action_at_the_next_renewal(crew: Crew) -> None:
    job = a_job(every(1), ON_FAILURE)
    (hint,) = await crew.store(job)
    crew.kit.time.advance(1)
    actions = running()
    mate = crew.worker(actions, lease=SHORT_LEASE)
    mate.line.send(hint)
    await soon(lambda: actions.started)
    await cancel(crew.kit, job.id)
    task = await crew.becomes(hint, TaskState.CANCELLED)
    assert actions.stopped == [hint.task_id]
    assert (task.reason, task.started_at, task.finished_at) == ("the job was cancelled", at(1), at(1))
    assert len(await crew.kit.tasks_of(job.id)) == 1
    await soon(lambda: mate.line.free == 4)
    assert mate.count("karya_leases_lost_total") == 0


async def test_a_failure_after_a_cancel_is_not_tried_again(crew: Crew) -> None:
    job = a_job()
    (hint,) = await crew.store(job)
    actions = Actions(Failure("boom"))
    actions.gate.clear()
    crew.worker(actions).line.send(hint)
    await soon(lambda: actions.started)
    await cancel(crew.kit, job.id)
    actions.gate.set()
    await crew.becomes(hint, TaskState.CANCELLED)


async def test_an_outcome_waits_for_a_store_that_is_away(crew: Crew) -> None:
    hints = await crew.store(*(a_job() for _ in range(3)))
    commits = Away(crew.kit.commits, "commit", left=3)
    crew.worker(Actions(), commits=commits).line.send(*hints)
    for hint in hints:
        assert (await crew.becomes(hint, TaskState.SUCCEEDED)).attempts == 1
    assert commits.calls == 4


async def test_an_outcome_is_given_up_when_its_lease_has_run_out(crew: Crew) -> None:
    (hint,) = await crew.store(a_job())
    commits = Away(crew.kit.commits, "commit", left=1_000_000)
    mate = crew.worker(Actions(), commits=commits)
    mate.line.send(hint)
    await soon(lambda: commits.calls >= 2)
    crew.kit.time.now += LEASE
    await lost(mate)
    assert (await crew.task(hint)).status is TaskState.RUNNING


async def test_a_job_that_cannot_be_settled_is_left_to_the_janitor(crew: Crew) -> None:
    jobs = Away(crew.kit.jobs, "complete_solo", left=1)
    first, second = await crew.store(a_job(), a_job())
    mate = crew.worker(Actions(), jobs=jobs)
    mate.line.send(first)
    await soon(lambda: mate.count("karya_executor_task_success_execution_count_total") == 1)
    mate.line.send(second)
    await crew.becomes(second, TaskState.SUCCEEDED)
    await soon(lambda: mate.count("karya_executor_task_success_execution_count_total") == 2)
    ends = [await crew.kit.jobs.get(hint.job_id) for hint in (first, second)]
    assert [job and job.status.value for job in ends] == ["ACTIVE", "COMPLETED"]
