"""Taking and giving back the slot of a job, interrupted."""

from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from karya.core.errors import StoreUnavailable
from karya.core.job import JobState
from karya.core.policies import Overlap
from tests.conformance.store.kit import StoreKit
from tests.conformance.store.slots import Line
from tests.integration.store.conftest import Mongo
from tests.support.commands import RECORDER
from tests.support.faults import BreakingCollection
from tests.support.story import NOW, at


class Crashing:
    """Stands in for a collection: all is over before its `at_call`-th such operation, or after it."""

    def __init__(self, real: Any, operation: str, at_call: int, *, done: bool) -> None:
        self._real, self._operation, self._left, self._done = real, operation, at_call, done

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        return real if name != self._operation else lambda *args, **kwargs: self._call(real, *args, **kwargs)

    def _call(self, real: Any, *args: Any, **kwargs: Any) -> Any:
        self._left -= 1
        if self._left != 0:
            return real(*args, **kwargs)
        if self._done:
            real(*args, **kwargs)
        raise AutoReconnect("the scheduler dies here")


async def story(line: Line) -> list[Any]:
    """All that overlap changes."""
    tasks = [await line.kit.task(task) for tasks in line.tasks for task in tasks]
    return [await line.holder(), *((task.status, task.held, task.cancel_requested) for task in tasks)]


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.QUEUE, Overlap.CANCEL_RUNNING])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "collection, operation, call",
    [("_jobs", "bulk_write", 1), ("_tasks", "update_many", 1), ("_tasks", "update_many", 2)],
)
async def test_an_admission_is_all_or_nothing(
    kit: StoreKit,
    monkeypatch: pytest.MonkeyPatch,
    overlap: Overlap,
    done: bool,
    collection: str,
    operation: str,
    call: int,
) -> None:
    line, twin = await Line(kit, overlap).stored(), await Line(kit, overlap).stored()
    for each in (line, twin):
        await each.admit(0)
        await kit.claim(each.tasks[0][0])
    before, wanted = await story(line), await twin.admit(1)
    with monkeypatch.context() as crashing:
        real = getattr(kit.admissions, collection)
        crashing.setattr(kit.admissions, collection, Crashing(real, operation, call, done=done))
        try:
            answer = await line.admit(1)
        except StoreUnavailable:
            assert await story(line) == before
            answer = ""
    assert (answer or await line.admit(1)) == wanted
    assert await story(line) == await story(twin)


@pytest.mark.parametrize("collection, operation", [("_jobs", "update_one"), ("_tasks", "update_many")])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
async def test_a_release_is_all_or_nothing_and_the_sweep_makes_up_for_it(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch, collection: str, operation: str, done: bool
) -> None:
    line = await Line(kit, Overlap.QUEUE, 2).stored()
    await line.admit(0, 1)
    await line.run(0)
    before = await story(line)
    error = RuntimeError("the worker dies here")
    real = getattr(kit.slots, collection)
    with monkeypatch.context() as crashing:
        broken = BreakingCollection(real, operation, 1, done=done, error=error)
        crashing.setattr(kit.slots, collection, broken)
        with pytest.raises(RuntimeError):
            await line.release(0)
    assert await story(line) == before
    assert await kit.slots.release(await kit.slots.abandoned(at(99), 9), at(30))
    assert await line.holder() == ("1", None)
    assert line.due() == ["1"]
    assert await line.admit(1) == "a"


async def test_a_release_whose_answer_was_lost_is_told_again(kit: StoreKit) -> None:
    line = await Line(kit, Overlap.QUEUE).stored()
    await line.admit(0, 1)
    await line.run(0)
    await line.release(0)
    after = await story(line)
    await line.release(0)
    assert await story(line) == after


async def test_the_slot_of_a_paused_job_changes_hands_but_nothing_starts(kit: StoreKit, mongo: Mongo) -> None:
    line = await Line(kit, Overlap.QUEUE).stored()
    await line.admit(0, 1)
    await line.run(0)
    paused = {"$set": {"status": JobState.PAUSED.value}}
    mongo.blocking["jobs"].update_one({"_id": line.job.id}, paused)
    assert not await line.release(0)
    assert await line.holder() == ("1", None)
    assert line.due() == ["2"]
    assert await line.admit(2) == "w"
    mongo.blocking["jobs"].update_one({"_id": line.job.id}, {"$set": {"status": JobState.ACTIVE.value}})
    mongo.blocking["tasks"].update_many({"job_id": line.job.id, "held": True}, {"$set": {"held": False}})
    assert await line.admit(1, 2, now=NOW) == "aw"


async def test_a_job_in_the_transaction_of_a_killed_client_waits_and_holds_up_no_other(
    kit: StoreKit, mongo: Mongo
) -> None:
    held, *free = [await Line(kit, Overlap.SKIP, 1).stored() for _ in range(6)]
    hints = [await line.hint(0) for line in (held, *free)]
    with mongo.blocking.client.start_session() as left_open, left_open.start_transaction():
        mongo.blocking.jobs.update_one({"_id": held.job.id}, {"$set": {"held": 1}}, session=left_open)
        admission = kit.admissions.admit(hints, NOW)
    assert (admission.waiting, admission.admitted) == (hints[:1], hints[1:])
    assert await held.admit(0) == "a"


async def test_what_is_due_together_takes_the_slots_in_one_transaction(kit: StoreKit) -> None:
    """And several occurrences of one job one after the other."""
    lines = [await Line(kit, Overlap.SKIP, 2).stored() for _ in range(20)]
    hints = [await line.hint(number) for line in lines for number in (0, 1)]
    with RECORDER.recorded() as said:
        admission = kit.admissions.admit(hints, NOW)
    assert admission.admitted == hints[::2]
    assert (admission.dropped, admission.skipped) == (hints[1::2], 20)
    assert sum("commitTransaction" in command for command in said) == 2


async def test_a_job_that_was_changed_to_allow_lets_all_of_them_run(kit: StoreKit, mongo: Mongo) -> None:
    line = await Line(kit, Overlap.SKIP).stored()
    await line.admit(0)
    mongo.blocking["jobs"].update_one({"_id": line.job.id}, {"$set": {"overlap": Overlap.ALLOW.value}})
    assert await line.admit(0, 1, 2) == "aaa"
    assert await line.holder() == ("0", None)
