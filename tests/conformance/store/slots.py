"""What every `Admissions` and `Slots` must do: occurrences do not overlap, and none waits for ever."""

import asyncio
from datetime import datetime, timedelta

import pytest

from karya.core.hint import Hint, hint_of
from karya.core.occurrence import Occurrence, occurrence_tasks, triggered
from karya.core.policies import Overlap
from karya.core.ports import Admission
from karya.core.schedule import Once
from karya.core.task import TaskState
from tests.conformance.store.kit import StoreKit
from tests.support.story import NOW, a_job, at, bury, due, release, retry, step, submission, succeed

READY, RUNNING, SKIPPED, CANCELLED = (
    TaskState.READY,
    TaskState.RUNNING,
    TaskState.SKIPPED,
    TaskState.CANCELLED,
)
OTHERS = [Overlap.SKIP, Overlap.QUEUE, Overlap.CANCEL_RUNNING]
LATER = NOW + timedelta(hours=1)
STEPS = (step("a"), step("b", "a"))


def occurrence(number: int) -> Occurrence:
    """The one of so many seconds after NOW."""
    return triggered(f"r{number}", at(number))


class Line:
    """A job with several occurrences, all due, each of one or two steps."""

    def __init__(self, kit: StoreKit, overlap: Overlap, count: int = 3, *, steps: bool = False) -> None:
        self.kit = kit
        self.job = a_job(Once(at=LATER), overlap=overlap, steps=STEPS if steps else ())
        self.tasks = [occurrence_tasks(self.job, occurrence(number), NOW) for number in range(count)]

    async def stored(self) -> "Line":
        await self.kit.add(submission(self.job, *(task for tasks in self.tasks for task in tasks)))
        self.kit.time.advance(60)
        return self

    async def hint(self, number: int, part: int = 0) -> Hint:
        """What the scheduler knows of it now."""
        return hint_of(await self.kit.task(self.tasks[number][part]))

    async def admit(self, *numbers: int, now: datetime = NOW) -> str:
        """Asks for the slot; which of a(dmitted), w(aiting), d(ropped) each is."""
        hints = [await self.hint(number) for number in numbers]
        return answer(self.kit.admissions.admit(hints, now), hints)

    async def states(self, part: int = 0) -> list[TaskState]:
        return [(await self.kit.task(tasks[part])).status for tasks in self.tasks]

    async def run(self, number: int, part: int = 0) -> None:
        """Admitted, claimed and done."""
        await self.kit.commit(await self.kit.claim(self.tasks[number][part]), succeed())

    async def release(self, number: int, now: datetime = NOW) -> bool:
        return await self.kit.slots.release([(self.job.id, self.tasks[number][0].cause)], now)

    async def holder(self) -> tuple[str | None, str | None]:
        """Who holds the slot, and who waits for it, by number."""
        job = await self.kit.jobs.get(self.job.id)
        assert job is not None
        names = {tasks[0].cause: str(number) for number, tasks in enumerate(self.tasks)}
        return names.get(job.slot or ""), names.get(job.queued or "")

    def due(self) -> list[str]:
        """Whose tasks a scheduler sees."""
        names = {task.id: str(number) for number, tasks in enumerate(self.tasks) for task in tasks}
        return sorted(names[task.hint.task_id] for task in self.kit.agenda.due(at(99), None, 99))


def answer(admission: Admission, hints: list[Hint]) -> str:
    said = ((admission.admitted, "a"), (admission.waiting, "w"), (admission.dropped, "d"))
    letters = {hint.task_id: letter for group, letter in said for hint in group}
    return "".join(letters[hint.task_id] for hint in hints)


class SlotsConformance:
    """Occurrences 0, 1, 2 of a job."""

    @pytest.mark.parametrize("overlap", OTHERS)
    async def test_the_first_one_takes_the_slot(self, kit: StoreKit, overlap: Overlap) -> None:
        line = await Line(kit, overlap).stored()
        assert await line.admit(0) == "a"
        assert await line.holder() == ("0", None)
        assert (await line.states())[0] is READY

    @pytest.mark.parametrize("overlap", OTHERS)
    async def test_asking_again_changes_nothing(self, kit: StoreKit, overlap: Overlap) -> None:
        line = await Line(kit, overlap).stored()
        assert [await line.admit(0) for _ in range(3)] == ["a"] * 3
        assert await line.holder() == ("0", None)

    async def test_skip_skips_while_another_runs(self, kit: StoreKit) -> None:
        line = await Line(kit, Overlap.SKIP).stored()
        assert await line.admit(0) == "a"
        await kit.claim(line.tasks[0][0])
        admission = kit.admissions.admit([await line.hint(1), await line.hint(2)], at(5))
        assert (len(admission.dropped), admission.skipped) == (2, 2)
        skipped = await kit.task(line.tasks[1][0])
        assert (skipped.status, skipped.finished_at) == (SKIPPED, at(5))
        assert skipped.reason == "overlap: the occurrence triggered as r0 still runs"
        assert await line.states() == [RUNNING, SKIPPED, SKIPPED]

    async def test_queue_keeps_the_earliest_and_skips_the_others(self, kit: StoreKit) -> None:
        line = await Line(kit, Overlap.QUEUE).stored()
        assert await line.admit(0, 1, 2) == "awd"
        assert await line.holder() == ("0", "1")
        assert await line.states() == [READY, READY, SKIPPED]
        assert (await kit.task(line.tasks[1][0])).held
        assert line.due() == ["0"]
        reason = (await kit.task(line.tasks[2][0])).reason
        assert reason == "overlap: the occurrence triggered as r1 waits already"

    async def test_queue_lets_it_go_when_the_slot_is_free(self, kit: StoreKit) -> None:
        line = await Line(kit, Overlap.QUEUE).stored()
        await line.admit(0, 1)
        await line.run(0)
        assert await line.release(0, now=at(30))
        assert await line.holder() == ("1", None)
        task = await kit.task(line.tasks[1][0])
        assert (task.held, task.due_at, task.limit_wait_ms) == (False, at(30), 0)
        assert task.first_due_at == line.tasks[1][0].due_at
        assert await line.admit(1) == "a"
        assert await line.admit(2) == "w"
        await line.run(1)
        assert await line.release(1)
        assert await line.admit(2) == "a"
        await line.run(2)
        assert not await line.release(2)
        assert await line.holder() == (None, None)

    async def test_cancel_running_asks_the_running_one_to_stop_and_waits(self, kit: StoreKit) -> None:
        line = await Line(kit, Overlap.CANCEL_RUNNING).stored()
        await line.admit(0)
        claim = await kit.claim(line.tasks[0][0])
        assert await line.admit(1) == "w"
        assert await line.holder() == ("0", "1")
        assert (await kit.task(line.tasks[0][0])).cancel_requested
        await kit.commit(claim, retry())
        assert (await line.states())[:2] == [CANCELLED, READY]
        assert await line.release(0)
        assert await line.admit(1) == "a"

    async def test_cancel_running_replaces_what_has_not_started_at_once(self, kit: StoreKit) -> None:
        line = await Line(kit, Overlap.CANCEL_RUNNING).stored()
        assert await line.admit(0, 1, 2) == "aaa"
        assert await line.states() == [CANCELLED, CANCELLED, READY]
        assert await line.holder() == ("2", None)
        reason = (await kit.task(line.tasks[0][0])).reason
        assert reason == "overlap: replaced by the occurrence triggered as r1"
        assert not await kit.claims.claim([hint_of(line.tasks[0][0])], "w", timedelta(minutes=1))

    async def test_cancel_running_keeps_the_newest_that_waits(self, kit: StoreKit) -> None:
        line = await Line(kit, Overlap.CANCEL_RUNNING).stored()
        await line.admit(0)
        await kit.claim(line.tasks[0][0])
        assert await line.admit(1, 2) == "ww"
        assert await line.holder() == ("0", "2")
        assert await line.states() == [RUNNING, SKIPPED, READY]

    async def test_cancel_running_cancels_the_steps_behind(self, kit: StoreKit) -> None:
        line = await Line(kit, Overlap.CANCEL_RUNNING, steps=True).stored()
        await line.admit(0)
        await kit.claim(line.tasks[0][0])
        await line.admit(1)
        assert (await line.states(part=1))[0] is CANCELLED

    @pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.QUEUE])
    @pytest.mark.parametrize("move", [retry(due_at=NOW), release()], ids=lambda move: move.move)
    async def test_the_slot_is_kept_through_retries(
        self, kit: StoreKit, overlap: Overlap, move: object
    ) -> None:
        line = await Line(kit, overlap).stored()
        await line.admit(0)
        await kit.commit(await kit.claim(line.tasks[0][0]), move)  # type: ignore[arg-type]
        assert not await line.release(0)
        assert await line.admit(1) in "dw"
        assert await line.admit(0) == "a"
        assert (await line.holder())[0] == "0"

    @pytest.mark.parametrize("overlap", OTHERS)
    async def test_all_steps_of_one_occurrence_share_the_slot(self, kit: StoreKit, overlap: Overlap) -> None:
        line = await Line(kit, overlap, steps=True).stored()
        await line.admit(0)
        await line.run(0)
        assert not await line.release(0)
        hint = await line.hint(0, part=1)
        assert answer(kit.admissions.admit([hint], NOW), [hint]) == "a"
        assert (await line.states(part=1))[0] is READY
        await line.run(0, part=1)
        await line.release(0)
        assert await line.holder() == (None, None)

    async def test_all_steps_of_a_skipped_occurrence_are_skipped(self, kit: StoreKit) -> None:
        line = await Line(kit, Overlap.SKIP, steps=True).stored()
        assert await line.admit(0, 1) == "ad"
        assert (await line.states(0))[1] is (await line.states(1))[1] is SKIPPED

    async def test_the_slot_of_one_that_has_ended_is_free_although_nobody_gave_it_back(
        self, kit: StoreKit
    ) -> None:
        """Its successor is due while the release is on its way."""
        line = await Line(kit, Overlap.SKIP).stored()
        await line.admit(0)
        await line.run(0)
        assert await line.admit(1) == "a"
        assert not await line.release(0)
        assert await line.holder() == ("1", None)

    async def test_the_one_that_waits_comes_first_in_that_case_too(self, kit: StoreKit) -> None:
        line = await Line(kit, Overlap.QUEUE).stored()
        await line.admit(0, 1)
        await line.run(0)
        assert await line.admit(2) == "w"
        assert await line.holder() == ("1", "2")
        assert line.due() == ["1"]

    async def test_one_that_waited_and_is_gone_is_not_waited_for(self, kit: StoreKit) -> None:
        line = await Line(kit, Overlap.QUEUE).stored()
        await line.admit(0, 1)
        await kit.tasks.cancel_of_job(line.job.id, NOW)
        await line.release(0)
        assert await line.holder() == (None, None)

    @pytest.mark.parametrize("overlap", OTHERS)
    async def test_a_hint_that_is_no_longer_true_takes_no_slot(self, kit: StoreKit, overlap: Overlap) -> None:
        """Otherwise nobody would give it back."""
        line = await Line(kit, overlap).stored()
        stale = await line.hint(0)
        await line.admit(0)
        await line.run(0)
        await line.release(0)
        assert answer(kit.admissions.admit([stale], NOW), [stale]) == "d"
        assert await line.holder() == (None, None)

    async def test_a_redriven_occurrence_waits_for_the_slot_and_is_never_skipped(self, kit: StoreKit) -> None:
        line = await Line(kit, Overlap.SKIP).stored()
        await line.admit(0)
        claim = await kit.claim(line.tasks[0][0])
        await kit.commit(claim, release())
        assert await line.admit(0) == "a"
        await kit.commit(await kit.claim(line.tasks[0][0]), bury())
        await line.release(0)
        assert await line.admit(1) == "a"
        handed_back = line.tasks[2][0]
        await kit.commit(await kit.claim(handed_back), release())
        assert await line.admit(2) == "w"
        assert (await kit.task(handed_back)).status is READY

    @pytest.mark.parametrize("overlap", OTHERS)
    async def test_a_cancelled_or_unknown_job_admits_nobody(self, kit: StoreKit, overlap: Overlap) -> None:
        line = await Line(kit, overlap).stored()
        await kit.jobs.cancel(line.job.id, NOW)
        assert await line.admit(0) in "wd"
        stranger = due(Line(kit, overlap).tasks[0][0]).hint
        assert answer(kit.admissions.admit([stranger], NOW), [stranger]) == "d"

    async def test_jobs_do_not_hinder_each_other(self, kit: StoreKit) -> None:
        lines = [await Line(kit, overlap, 1).stored() for overlap in OTHERS]
        hints = [await line.hint(0) for line in lines]
        assert answer(kit.admissions.admit(hints, NOW), hints) == "aaa"

    @pytest.mark.parametrize("overlap", OTHERS)
    async def test_two_schedulers_at_once_admit_one(self, kit: StoreKit, overlap: Overlap) -> None:
        for _ in range(5):
            line = await Line(kit, overlap, 2).stored()
            hints = [[await line.hint(0)], [await line.hint(1)], [await line.hint(0)], [await line.hint(1)]]
            work = [asyncio.to_thread(kit.admissions.admit, some, NOW) for some in hints]
            await asyncio.gather(*work)
            for number in (0, 1):  # one that was held up by the others asks again at the next look
                await line.admit(number)
            slot, queued = await line.holder()
            assert slot is not None
            states = await line.states()
            loser = 1 - int(slot)
            wanted = {Overlap.SKIP: SKIPPED, Overlap.QUEUE: READY, Overlap.CANCEL_RUNNING: CANCELLED}
            assert (states[int(slot)], states[loser]) == (READY, wanted[overlap])
            assert queued == (str(loser) if overlap is Overlap.QUEUE else None)
            assert line.due() == [slot]
            await kit.jobs.cancel(line.job.id, NOW)
            await kit.tasks.cancel_of_job(line.job.id, NOW)

    async def test_a_holder_that_is_handed_back_leaves_the_one_that_waits_waiting(
        self, kit: StoreKit
    ) -> None:
        line = await Line(kit, Overlap.QUEUE).stored()
        await line.admit(0)
        await kit.commit(await kit.claim(line.tasks[0][0]), release())
        assert await line.admit(1, 0) == "wa"
        assert await line.holder() == ("0", "1")
        assert line.due() == ["0", "2"]

    async def test_a_release_and_an_admission_at_once_lose_nobody(self, kit: StoreKit) -> None:
        for _ in range(10):
            line = await Line(kit, Overlap.QUEUE, 2).stored()
            await line.admit(0)
            await line.run(0)
            hints = [await line.hint(1)]
            await asyncio.gather(line.release(0), asyncio.to_thread(kit.admissions.admit, hints, NOW))
            assert line.due() == ["1"]
            assert await line.admit(1) == "a"
            assert await line.holder() == ("1", None)
            await line.run(1)

    async def test_releasing_again_or_for_others_changes_nothing(self, kit: StoreKit) -> None:
        line = await Line(kit, Overlap.QUEUE).stored()
        await line.admit(0, 1)
        assert not await line.release(0)
        assert not await line.release(1)
        assert not await kit.slots.release([("unknown", "trigger:x")], NOW)
        assert not await kit.slots.release([], NOW)
        await line.run(0)
        holder = (line.job.id, line.tasks[0][0].cause)
        assert await kit.slots.release([holder, holder], NOW)
        assert not await kit.slots.release([holder], NOW)
        assert await line.holder() == ("1", None)

    async def test_abandoned_are_those_that_ended_and_were_not_released(self, kit: StoreKit) -> None:
        ended, running, fresh = [await Line(kit, Overlap.QUEUE).stored() for _ in range(3)]
        await ended.admit(0)
        await running.admit(0)
        await ended.run(0)
        await fresh.admit(0, now=at(50))
        await fresh.run(0)
        await Line(kit, Overlap.ALLOW).stored()
        assert await kit.slots.abandoned(at(20), 10) == [(ended.job.id, ended.tasks[0][0].cause)]
        await kit.slots.release(await kit.slots.abandoned(at(20), 10), NOW)
        assert await kit.slots.abandoned(at(20), 10) == []

    async def test_abandoned_goes_round(self, kit: StoreKit) -> None:
        lines = [await Line(kit, Overlap.SKIP, 1).stored() for _ in range(5)]
        for line in lines[1:]:
            await line.admit(0)
        await lines[0].admit(0, now=at(5))
        for line in lines:
            await line.run(0)
        found = [await kit.slots.abandoned(at(20), 2) for _ in range(3)]
        assert [len(some) for some in found] == [2, 2, 1]
        assert {job for some in found for job, _ in some} == {line.job.id for line in lines}
        assert found[2][0][0] == lines[0].job.id
        assert len(await kit.slots.abandoned(at(20), 2)) == 2
