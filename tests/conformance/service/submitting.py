"""What every `JobService` must do when jobs are submitted, checked and looked ahead at."""

from datetime import timedelta

import pytest

from karya.core.errors import Conflict, InvalidInput
from karya.core.ids import new_id
from karya.core.job import JobState
from karya.core.task import TaskState
from tests.conformance.service.changing import TAKEN
from tests.conformance.service.kit import Clerk, Kit, every, words
from tests.conformance.service.steering import MINUTELY, TWO_STEPS
from tests.support.story import NOW, at

JITTER = every(60, jitter="PT30S")


class SubmittingConformance(Clerk):
    """`submit` and `submit_many`."""

    async def test_a_job_is_stored_with_its_first_tasks(self, kit: Kit) -> None:
        job = await kit.service.submit(self.spec(kit, schedule=MINUTELY, steps=TWO_STEPS))
        assert job == await kit.service.get(job.id)
        assert (job.status, job.version, job.created_at, job.next_at) == (JobState.ACTIVE, 1, NOW, at(60))
        tasks = await self.tasks(kit, job.id)
        assert [(task.status, task.instant) for task in tasks] == [(TaskState.READY, at(60))] * 2
        assert await self.history(kit, job.id) == [("submitted", 1, NOW)]

    async def test_with_jitter_each_instant_is_due_a_little_later(self, kit: Kit) -> None:
        job = await kit.service.submit(self.spec(kit, schedule=JITTER))
        for task in await self.tasks(kit, job.id):
            assert timedelta(0) <= task.due_at - task.instant <= timedelta(seconds=30)
        assert job == await kit.service.get(job.id)

    async def test_the_same_key_gives_the_same_job(self, kit: Kit) -> None:
        key = new_id(NOW)
        kit.time.advance(9)
        job = await kit.service.submit(self.spec(kit, name="nightly"), key=key)
        again = await kit.service.submit(self.spec(kit, name="nightly"), key=key)
        assert (job.id, job.created_at) == (key, NOW)
        assert again == job

    async def test_the_key_of_another_job_is_refused(self, kit: Kit) -> None:
        key = new_id(NOW)
        job = await kit.service.submit(self.spec(kit, description="one"), key=key)
        with pytest.raises(
            Conflict, match=f"{key} is the key of another job: this one needs a key of its own"
        ):
            await kit.service.submit(self.spec(kit, description="two"), key=key)
        assert await kit.service.get(key) == job

    async def test_an_instant_that_has_passed_is_warned_of_once(self, kit: Kit) -> None:
        past = {"kind": "once", "at": "2026-11-23T07:00:00Z"}
        job = await kit.service.submit(self.spec(kit, schedule=past))
        assert job.warnings == ("schedule.at, 2026-11-23T07:00:00.000Z, is in the past: the job runs now",)
        assert (await kit.service.get(job.id)).warnings == ()

    async def test_many_get_ids_in_their_order_and_the_same_ones_again(self, kit: Kit) -> None:
        key, specs = new_id(NOW), [self.spec(kit, description=str(number)) for number in range(3)]
        made = list(await kit.service.submit_many(specs, key=key))
        assert [(await kit.service.get(ident)).description for ident in made] == ["0", "1", "2"]
        assert made == sorted(made) == list(await kit.service.submit_many(specs, key=key))

    async def test_of_many_all_that_is_wrong_is_told_and_none_is_stored(self, kit: Kit) -> None:
        over = {"kind": "interval", "every": "PT60S", "end_at": "2026-11-22T00:00:00Z"}
        specs = [self.spec(kit), self.spec(kit, schedule=over), self.spec(kit, schedule=over)]
        with pytest.raises(InvalidInput) as refused:
            await kit.service.submit_many(specs)
        assert [e.field for e in refused.value.errors] == ["1.schedule.end_at", "2.schedule.end_at"]
        assert await self.found(kit) == []


class NamesConformance(Clerk):
    """Of the live jobs of an owner, no two have the same name."""

    async def test_a_name_that_is_taken_is_refused_until_it_is_free(self, kit: Kit) -> None:
        first = await self.job(kit, name="nightly")
        with pytest.raises(Conflict) as refused:
            await kit.service.submit(self.spec(kit, name="nightly"))
        assert words(refused) == (Conflict, TAKEN)
        assert await self.found(kit) == [first.id]
        await self.succeed(kit, first.id)
        await self.job(kit, name="nightly")

    async def test_it_is_free_for_another_owner(self, kit: Kit) -> None:
        ann = await kit.user("ann")
        await self.job(kit, name="nightly")
        assert (await self.job(kit, name="nightly", user_id=ann)).name == "nightly"

    async def test_of_many_each_that_clashes_is_named(self, kit: Kit) -> None:
        first = await self.job(kit, name="nightly")
        specs = [self.spec(kit, name=name) for name in ("nightly", "hourly", "hourly")]
        with pytest.raises(InvalidInput) as refused:
            await kit.service.submit_many(specs)
        assert {(error.field, error.message) for error in refused.value.errors} == {
            ("0.name", f"'nightly' is taken by job {first.id}"),
            ("2.name", "'hourly' is the name of item 1, too"),
        }
        assert await self.found(kit) == [first.id]


class CheckingConformance(Clerk):
    """`check` stores nothing."""

    async def test_it_tells_what_each_would_come_to(self, kit: Kit) -> None:
        passed = every(60, start_at="2026-11-20T00:00:00Z", end_at="2026-11-22T00:00:00Z")
        written = [
            {"action": {"type": "noop"}, "description": "good"},
            {"action": {"type": "noop"}, "colour": "red"},
            {"action": {"type": "noop"}, "schedule": passed},
        ]
        good, bad, over = (await kit.service.check(written)).jobs
        assert good.spec is not None and (good.errors, good.over) == ((), False)
        assert (good.spec["description"], good.namesake) == ("good", None)
        assert ([error["field"] for error in bad.errors], bad.spec, bad.over) == (["colour"], None, False)
        assert (over.errors, over.over) == ((), True)
        assert await self.found(kit) == []

    async def test_it_knows_who_has_the_name(self, kit: Kit) -> None:
        written = {"action": {"type": "noop"}, "name": "nightly"}
        job = await self.job(kit, name="nightly", description="one")
        await kit.service.update(job.id, {"description": "two"})
        for status in (JobState.ACTIVE, JobState.COMPLETED):
            namesake = (await kit.service.check([written])).jobs[0].namesake
            assert namesake is not None
            assert (namesake.id, namesake.version, namesake.status) == (job.id, 2, status)
            assert namesake.spec["description"] == "two"
            if status is JobState.ACTIVE:
                await self.succeed(kit, job.id)

    async def test_a_name_of_a_cancelled_job_is_nobodys(self, kit: Kit) -> None:
        await self.job_in(kit, JobState.CANCELLED, name="nightly")
        written = {"action": {"type": "noop"}, "name": "nightly"}
        assert (await kit.service.check([written])).jobs[0].namesake is None


class AheadConformance(Clerk):
    """`occurrences` and `preview`."""

    async def test_the_next_instants(self, kit: Kit) -> None:
        job = await self.job(kit, schedule=MINUTELY)
        ahead = await kit.service.occurrences(job.id, 3)
        assert ahead.instants == ahead.due_at == (at(60), at(120), at(180))

    async def test_with_jitter_they_are_due_as_their_tasks_are(self, kit: Kit) -> None:
        job = await self.job(kit, schedule=JITTER)
        ahead = await kit.service.occurrences(job.id, 9)
        due = dict(zip(ahead.instants, ahead.due_at, strict=True))
        assert due != {instant: instant for instant in ahead.instants}
        tasks = await self.tasks(kit, job.id)
        assert {task.instant: task.due_at for task in tasks}.items() <= due.items()

    async def test_a_bounded_schedule_ends(self, kit: Kit) -> None:
        job = await self.job(kit, schedule=every(60, max_runs=2))
        assert (await kit.service.occurrences(job.id, 9)).instants == (at(60), at(120))

    async def test_a_paused_job_is_told_of_as_if_it_went_on(self, kit: Kit) -> None:
        job = await self.job_in(kit, JobState.PAUSED, schedule=MINUTELY)
        assert (await kit.service.occurrences(job.id, 1)).instants == (at(60),)

    @pytest.mark.parametrize("state", [JobState.CANCELLED, JobState.COMPLETED])
    async def test_a_job_that_has_ended_has_none(self, kit: Kit, state: JobState) -> None:
        schedule = {"kind": "once"} if state is JobState.COMPLETED else MINUTELY
        job = await self.job_in(kit, state, schedule=schedule)
        ahead = await kit.service.occurrences(job.id, 9)
        assert (ahead.instants, ahead.due_at) == ((), ())

    async def test_a_preview_stores_nothing(self, kit: Kit) -> None:
        ahead = await kit.service.preview(self.spec(kit, schedule=MINUTELY), 2)
        assert ahead.instants == ahead.due_at == (at(60), at(120))
        assert (await kit.service.preview(self.spec(kit, schedule=JITTER), 2)).due_at == ()
        assert await self.found(kit) == []

    async def test_a_preview_is_refused_where_a_job_would_be(self, kit: Kit) -> None:
        over = every(60, end_at="2026-11-22T00:00:00Z")
        with pytest.raises(InvalidInput) as refused:
            await kit.service.preview(self.spec(kit, schedule=over), 2)
        assert [error.field for error in refused.value.errors] == ["schedule.end_at"]
