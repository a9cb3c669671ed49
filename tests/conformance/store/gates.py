"""What every `Commits` must do with the steps behind those that end."""

import asyncio
import random
from collections.abc import Sequence

import pytest

from karya.core.action import Action
from karya.core.hint import hint_of
from karya.core.job import Job
from karya.core.ports import Claim, Submission
from karya.core.steps import StepSpec, When
from karya.core.task import Task, TaskState
from karya.core.transitions import Transition
from tests.conformance.store.kit import TTL, StoreKit, commit_of
from tests.support.story import (
    NOW,
    ON_SUCCESS,
    a_job,
    at,
    bury,
    cancel,
    release,
    retry,
    step,
    submission,
    succeed,
    tasks_of,
)

S = TaskState
READY, SKIPPED = TaskState.READY, TaskState.SKIPPED
VERDICTS = [
    (When.SUCCESS, succeed(), READY, None),
    (When.SUCCESS, bury(), SKIPPED, "step 'first' failed"),
    (When.SUCCESS, cancel(), SKIPPED, "step 'first' was cancelled"),
    (When.FAILURE, succeed(), SKIPPED, "runs only after a failure: step 'first' succeeded"),
    (When.FAILURE, bury(), READY, None),
    (When.FAILURE, cancel(), SKIPPED, "runs only after a failure: step 'first' was cancelled"),
    (When.ALWAYS, succeed(), READY, None),
    (When.ALWAYS, bury(), READY, None),
    (When.ALWAYS, cancel(), READY, None),
]
DIAMOND = [step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c")]
FORK = [step("b"), step("c"), step("d", "b", "c")]


def named(job: Job, name: str) -> Task:
    return next(task for task in tasks_of(job) if task.step == name)


def random_steps(dice: random.Random, count: int) -> list[StepSpec[Action]]:
    names = [f"s{number}" for number in range(count)]
    made = []
    for number, name in enumerate(names):
        after = dice.sample(names[:number], dice.randint(0, min(number, 3)))
        made.append(step(name, *after, when=dice.choice(list(When)) if after else When.SUCCESS))
    return made


def expected(job: Job, fates: dict[str, Transition]) -> dict[str, TaskState]:
    """What must become of each step, straight from the definition; the steps stand in a sound order."""
    states: dict[str, TaskState] = {}
    for one in job.steps:
        before = {states[name] for name in one.after}
        runs = {
            When.SUCCESS: before <= {S.SUCCEEDED},
            When.FAILURE: S.DEAD in before,
            When.ALWAYS: True,
        }[one.when]
        states[one.name] = fates[one.name].target if runs else SKIPPED
    return states


class GatesConformance:
    """A step opens, or is skipped, in the transaction that ends the last step it had to wait for."""

    async def start(self, kit: StoreKit, steps: Sequence[StepSpec[Action]]) -> Job:
        job = a_job(steps=steps)
        await kit.add(submission(job))
        return job

    async def end(self, kit: StoreKit, job: Job, name: str, move: Transition) -> Claim:
        claim = await kit.claim(named(job, name))
        assert not await kit.commit(claim, move)
        return claim

    async def states(self, kit: StoreKit, job: Job) -> dict[str, TaskState]:
        return {task.step: task.status for task in await kit.tasks_of(job.id)}

    @pytest.mark.parametrize(("when", "move", "state", "reason"), VERDICTS)
    async def test_a_step_opens_or_is_skipped_as_it_says(
        self, kit: StoreKit, when: When, move: Transition, state: TaskState, reason: str | None
    ) -> None:
        job = await self.start(kit, [step("first"), step("then", "first", when=when)])
        claim = await kit.claim(named(job, "first"))
        kit.time.advance(3)
        await kit.commit(claim, move)
        then = await kit.task(named(job, "then"))
        assert (then.status, then.reason) == (state, reason)
        assert (then.waiting_on, then.outcomes) == ((), {"first": move.target})
        assert (then.due_at, then.instant) == (at(3) if state is READY else NOW, NOW)
        assert then.finished_at == (at(3) if state is SKIPPED else None)
        assert bool(await kit.claims.claim([hint_of(then)], "w", TTL)) is (state is READY)

    async def test_a_blocked_step_is_not_claimable(self, kit: StoreKit) -> None:
        job = await self.start(kit, FORK)
        assert not await kit.claims.claim([hint_of(named(job, "d"))], "w", TTL)
        assert [due.hint.task_id for due in kit.agenda.due(NOW, None, 9)] == sorted(
            named(job, name).id for name in "bc"
        )

    async def test_it_waits_for_all_and_remembers_each(self, kit: StoreKit) -> None:
        job = await self.start(kit, FORK)
        await self.end(kit, job, "c", succeed())
        waiting = await kit.task(named(job, "d"))
        assert (waiting.status, waiting.waiting_on) == (S.BLOCKED, ("b",))
        assert waiting.outcomes == {"c": S.SUCCEEDED}
        await self.end(kit, job, "b", succeed())
        assert (await kit.task(named(job, "d"))).status is READY

    @pytest.mark.parametrize("move", [retry(), release()], ids=lambda move: move.move)
    async def test_what_has_not_ended_opens_nothing(self, kit: StoreKit, move: Transition) -> None:
        job = await self.start(kit, [step("a"), step("b", "a", when=When.ALWAYS)])
        await self.end(kit, job, "a", move)
        assert await kit.task(named(job, "b")) == named(job, "b")

    async def test_a_failed_step_skips_at_once_although_others_still_run(self, kit: StoreKit) -> None:
        job = await self.start(kit, FORK)
        await self.end(kit, job, "b", bury())
        assert (await kit.task(named(job, "d"))).status is SKIPPED
        await self.end(kit, job, "c", succeed())
        skipped = await kit.task(named(job, "d"))
        assert (skipped.status, skipped.reason) == (SKIPPED, "step 'b' failed")

    async def test_a_skipped_step_is_passed_on(self, kit: StoreKit) -> None:
        steps = [
            step("a"),
            step("b", "a"),
            step("c", "b"),
            step("rescue", "a", when=When.FAILURE),
            step("report", "c", "rescue", when=When.ALWAYS),
            step("too", "c", when=When.FAILURE),
        ]
        job = await self.start(kit, steps)
        await self.end(kit, job, "a", bury())
        tasks = {task.step: task for task in await kit.tasks_of(job.id)}
        assert {name: task.status for name, task in tasks.items()} == {
            "a": S.DEAD,
            "b": SKIPPED,
            "c": SKIPPED,
            "too": SKIPPED,
            "rescue": READY,
            "report": S.BLOCKED,
        }
        assert tasks["c"].reason == "step 'b' was skipped"
        assert tasks["report"].outcomes == {"c": SKIPPED}
        await self.end(kit, job, "rescue", succeed())
        assert (await kit.task(named(job, "report"))).status is READY

    async def test_a_long_chain_is_skipped_to_its_end(self, kit: StoreKit) -> None:
        steps = [step("s0"), *(step(f"s{number}", f"s{number - 1}") for number in range(1, 100))]
        job = await self.start(kit, steps)
        await self.end(kit, job, "s0", bury())
        states = await self.states(kit, job)
        assert states.pop("s0") is S.DEAD
        assert set(states.values()) == {SKIPPED}

    @pytest.mark.parametrize("wide", [2, 50])
    async def test_steps_that_end_in_one_batch_open_the_one_behind(self, kit: StoreKit, wide: int) -> None:
        names = [f"s{number}" for number in range(wide)]
        job = await self.start(kit, [*map(step, names), step("last", *names)])
        claims = await kit.claims.claim([hint_of(named(job, name)) for name in names], "w", TTL)
        assert not await kit.commits.commit([commit_of(claim, succeed()) for claim in claims], NOW)
        last = await kit.task(named(job, "last"))
        assert (last.status, last.waiting_on) == (READY, ())
        assert set(last.outcomes) == set(names)

    async def test_steps_that_end_at_once_in_two_commits_open_the_one_behind(self, kit: StoreKit) -> None:
        """Each would see the other still running; the write to the step that waits makes them conflict."""
        for _ in range(50):
            job = await self.start(kit, FORK)
            claims = [await kit.claim(named(job, name)) for name in "bc"]
            lost = await asyncio.gather(*(kit.commit(claim, succeed()) for claim in claims))
            assert lost == [frozenset()] * 2
            last = await kit.task(named(job, "d"))
            assert (last.status, last.waiting_on) == (READY, ())
            assert last.outcomes == {"b": S.SUCCEEDED, "c": S.SUCCEEDED}

    async def test_a_success_and_a_failure_at_once_skip_the_one_behind(self, kit: StoreKit) -> None:
        for _ in range(10):
            job = await self.start(kit, [*FORK, step("e", "d", "c", when=When.ALWAYS)])
            claims = [await kit.claim(named(job, name)) for name in "bc"]
            await asyncio.gather(kit.commit(claims[0], bury()), kit.commit(claims[1], succeed()))
            states = await self.states(kit, job)
            assert (states["d"], states["e"]) == (SKIPPED, READY)

    async def test_only_its_own_occurrence_is_opened(self, kit: StoreKit) -> None:
        job = a_job(steps=FORK)
        later = job.cursor.model_copy(update={"at": at(60), "count": 2})
        others = tasks_of(job.model_copy(update={"cursor": later}))
        await kit.add(submission(job, *others))
        for name in "bc":
            await self.end(kit, job, name, succeed())
        assert (await kit.task(named(job, "d"))).status is READY
        assert [await kit.task(other) for other in others] == list(others)

    async def test_what_is_held_opens_and_stays_held(self, kit: StoreKit) -> None:
        """A paused job, or an occurrence that waits for its slot: another than the step decides on that."""
        job = a_job(steps=[step("a"), step("b", "a")])
        first, second = tasks_of(job)
        await kit.add(Submission(job, (first, second.model_copy(update={"held": True}))))
        await self.end(kit, job, "a", succeed())
        opened = await kit.task(second)
        assert (opened.status, opened.held) == (READY, True)
        assert not await kit.claims.claim([hint_of(opened)], "w", TTL)

    @pytest.mark.parametrize("state", sorted(set(TaskState) - {S.BLOCKED}))
    @pytest.mark.parametrize("move", [succeed(), bury()], ids=lambda move: move.move)
    async def test_what_is_not_blocked_is_left_alone(
        self, kit: StoreKit, state: TaskState, move: Transition
    ) -> None:
        job = a_job(steps=[step("a"), step("b", "a")])
        first, second = tasks_of(job)
        second = second.model_copy(update={"status": state})
        await kit.add(Submission(job, (first, second)))
        await self.end(kit, job, "a", move)
        assert await kit.task(second) == second

    async def test_steps_of_a_cancelled_job_stay_cancelled(self, kit: StoreKit) -> None:
        job = await self.start(kit, DIAMOND)
        claim = await kit.claim(named(job, "a"))
        await kit.tasks.cancel_of_job(job.id, at(1))
        assert not await kit.commit(claim, succeed())
        assert await self.states(kit, job) == {"a": S.SUCCEEDED, **dict.fromkeys("bcd", S.CANCELLED)}

    async def test_a_cancel_and_an_end_at_once_leave_nothing_to_run(self, kit: StoreKit) -> None:
        for _ in range(10):
            job = await self.start(kit, DIAMOND)
            claim = await kit.claim(named(job, "a"))
            await asyncio.gather(kit.commit(claim, succeed()), kit.tasks.cancel_of_job(job.id, NOW))
            assert await self.states(kit, job) == {"a": S.SUCCEEDED, **dict.fromkeys("bcd", S.CANCELLED)}

    @pytest.mark.parametrize("move", [succeed(), bury(), cancel()], ids=lambda move: move.move)
    async def test_a_lost_lease_opens_nothing(self, kit: StoreKit, move: Transition) -> None:
        job = await self.start(kit, [step("a"), step("b", "a", when=When.ALWAYS)])
        claim = await kit.claim(named(job, "a"))
        await kit.commit(claim, release())
        assert await kit.commit(claim, move) == {claim.hint.task_id}
        assert await kit.task(named(job, "b")) == named(job, "b")

    @pytest.mark.parametrize("move", [succeed(), bury(), cancel()], ids=lambda move: move.move)
    async def test_repeating_an_end_changes_nothing_behind_it(self, kit: StoreKit, move: Transition) -> None:
        job = await self.start(kit, [step("a"), step("b", "a"), step("c", "a", when=When.ALWAYS)])
        claim = await self.end(kit, job, "a", move)
        await kit.claim(await kit.task(named(job, "c")))
        before = await kit.tasks_of(job.id)
        kit.time.advance(1)
        assert not await kit.commit(claim, move)
        assert await kit.tasks_of(job.id) == before

    async def test_plain_and_linked_ends_in_one_batch(self, kit: StoreKit) -> None:
        linked = await self.start(kit, [step("a"), step("b", "a")])
        hooked, plain = a_job(None, ON_SUCCESS), a_job()
        await kit.add(submission(hooked), submission(plain))
        claims = [await kit.claim(tasks_of(job)[0]) for job in (linked, hooked, plain)]
        commits = [commit_of(claim, succeed()) for claim in claims]
        assert [commit.linked for commit in commits] == [True, True, False]
        assert not await kit.commits.commit(commits, NOW)
        assert await self.states(kit, linked) == {"a": S.SUCCEEDED, "b": READY}
        assert await self.states(kit, hooked) == {"main": S.SUCCEEDED, "ON_SUCCESS": READY}
        assert await self.states(kit, plain) == {"main": S.SUCCEEDED}

    @pytest.mark.parametrize("seed", range(12))
    async def test_any_graph_ends_as_the_definition_says(self, kit: StoreKit, seed: int) -> None:
        dice = random.Random(seed)
        job = await self.start(kit, random_steps(dice, 9))
        fates = {one.name: dice.choice([succeed(), succeed(), bury()]) for one in job.steps}
        while ready := [t for t in await kit.tasks_of(job.id) if t.status is READY]:
            some = dice.sample(ready, dice.randint(1, len(ready)))
            claims = await kit.claims.claim([hint_of(task) for task in some], "w", TTL)
            names = {task.id: task.step for task in some}
            commits = [commit_of(claim, fates[names[claim.hint.task_id]]) for claim in claims]
            cut = dice.randint(0, len(commits))
            await asyncio.gather(
                kit.commits.commit(commits[:cut], NOW), kit.commits.commit(commits[cut:], NOW)
            )
        assert await self.states(kit, job) == expected(job, fates)
