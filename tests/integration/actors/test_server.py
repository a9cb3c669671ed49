"""The server takes jobs in and tells of them, on the real store."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from karya.actors.server import health, reading, submissions
from karya.core.action import Action, RestAction
from karya.core.errors import Conflict, InvalidInput, NotFound, Outdated, StoreUnavailable
from karya.core.hint import hint_of
from karya.core.ids import fixed_id, new_id, numbered_id
from karya.core.job import Job, JobState
from karya.core.ports import JobService
from karya.core.queries import JobQuery, LetterQuery, Paging
from karya.core.task import TaskState
from karya.core.user import User
from karya.core.views import JobView
from karya.core.views.overview import AtLeast
from tests.conformance.store.kit import StoreKit
from tests.integration.actors.counter import Counter, every, spec
from tests.support.away import Away
from tests.support.commands import RECORDER
from tests.support.mongo import Mongo
from tests.support.story import NOW, at, bury, retry

ALL = JobQuery()
ONE, NINE = Paging(limit=1), Paging(limit=9)
STEPS = [{"name": "a", "action": {"type": "noop"}}, {"name": "b", "action": {"type": "noop"}, "after": ["a"]}]


@pytest.fixture
def counter(kit: StoreKit, mongo: Mongo) -> Counter:
    return Counter(kit, mongo)


def test_the_server_is_a_job_service(counter: Counter) -> None:
    service: JobService = counter.server
    methods = [name for name in vars(JobService) if not name.startswith("_") and name != "spec_type"]
    assert all(callable(getattr(service, name)) for name in methods)


async def test_a_submitted_job_is_stored_with_its_first_tasks_and_poked(
    counter: Counter, kit: StoreKit
) -> None:
    kit.time.now += timedelta(microseconds=1700)
    view = await counter.server.submit(spec(steps=STEPS))
    assert view.created_at == at(0.001)
    assert await counter.server.get(view.id) == view
    tasks = await kit.tasks_of(view.id)
    assert {(task.step, task.status, task.due_at) for task in tasks} == {
        ("a", TaskState.READY, at(0.001)),
        ("b", TaskState.BLOCKED, at(0.001)),
    }
    ready = next(task for task in tasks if task.step == "a")
    assert (counter.pokes, counter.pokes.told) == ([None], [hint_of(ready)])


async def test_the_past_is_warned_about_and_the_future_waited_for(counter: Counter) -> None:
    view = await counter.server.submit(spec(schedule={"kind": "once", "at": at(-60)}))
    assert view.warnings == ("schedule.at, 2026-11-23T07:59:00.000Z, is in the past: the job runs now",)
    recurring = await counter.server.submit(spec(schedule=every(60)))
    assert recurring.next_at == at(60)
    assert counter.pokes[-1] == at(60)


async def test_an_unknown_user_is_refused_and_nothing_stored(counter: Counter, kit: StoreKit) -> None:
    with pytest.raises(InvalidInput, match="user_id: there is no user 'nobody'"):
        await counter.server.submit(spec(user_id="nobody"))
    with pytest.raises(InvalidInput, match="user_id: there is no user 'nobody'"):
        await counter.server.preview(spec(user_id="nobody"), 1)
    assert (await counter.server.list(ALL, cursor=None, limit=9)).jobs == ()
    await kit.users.add(User(id=new_id(NOW), name="ann", created_at=NOW))
    ann = await kit.users.named("ann")
    assert ann is not None
    assert (await counter.server.submit(spec(user_id=ann.id))).user_id == ann.id


async def test_actions_that_nobody_here_can_run_are_refused_at_their_fields(
    kit: StoreKit, mongo: Mongo
) -> None:
    def refusal(action: Action) -> str | None:
        return "rest is not configured" if isinstance(action, RestAction) else None

    rest = {"type": "rest", "url": "http://127.0.0.1/"}
    counter = Counter(kit, mongo, refusal=refusal)
    written = spec(
        steps=[*STEPS, {"name": "c", "action": rest}], hooks=[{"trigger": "ON_RETRY", "action": rest}]
    )
    with pytest.raises(InvalidInput) as refused:
        await counter.server.submit(written)
    assert [error.field for error in refused.value.errors] == ["steps.2.action", "hooks.0.action"]
    with pytest.raises(InvalidInput, match=r"steps\.2\.action: rest is not configured"):
        await counter.server.preview(written, 1)
    with pytest.raises(InvalidInput, match=r"1\.steps\.2\.action: rest is not configured"):
        await counter.server.submit_many([spec(), written])
    job = await counter.server.submit(spec())
    with pytest.raises(InvalidInput, match="action: rest is not configured"):
        await counter.server.update(job.id, {"action": rest})
    assert len((await counter.server.list(ALL, cursor=None, limit=9)).jobs) == 1


async def test_submissions_that_arrive_together_share_a_transaction(counter: Counter) -> None:
    with RECORDER.recorded() as commands:
        views = await asyncio.gather(*(counter.server.submit(spec()) for _ in range(50)))
    assert len({view.id for view in views}) == 50
    assert len([command for command in commands if "commitTransaction" in command]) == 1
    assert len([command for command in commands if "insert" in command]) == 2
    assert counter.says("karya_jobs_submitted_total") == 50


async def test_a_store_that_is_away_refuses_all_of_a_batch_and_pokes_nobody(
    kit: StoreKit, mongo: Mongo
) -> None:
    counter = Counter(kit, mongo, jobs=Away(kit.jobs, "submit", left=1))
    answers = await asyncio.gather(*(counter.server.submit(spec()) for _ in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 3
    assert counter.pokes == []
    await counter.server.submit(spec())


async def test_the_same_key_gives_the_same_job_as_it_is_by_then(counter: Counter, kit: StoreKit) -> None:
    key = new_id(at(-5))
    first = await counter.server.submit(spec(schedule=every(10)), key=key)
    assert (first.id, first.created_at, first.next_at) == (key, at(-5), at(5))
    await counter.server.pause(key)
    again = await counter.server.submit(spec(schedule=every(10)), key=key)
    assert (again.id, again.status) == (key, JobState.PAUSED)
    assert len(await kit.tasks_of(key)) == 1


async def test_a_key_that_is_used_for_another_job_is_refused_and_keeps_nobody_else_out(
    counter: Counter,
) -> None:
    key = new_id(at(-5))
    first = await counter.server.submit(spec(description="first"), key=key)
    refused, *others = await asyncio.gather(
        counter.server.submit(spec(description="second"), key=key),
        *(counter.server.submit(spec()) for _ in range(3)),
        return_exceptions=True,
    )
    assert isinstance(refused, Conflict)
    assert "needs a key of its own" in str(refused)
    assert (await counter.server.get(key)).description == first.description
    stored = {job.id for job in (await counter.server.list(ALL, cursor=None, limit=9)).jobs}
    assert stored == {key, *(other.id for other in others if isinstance(other, JobView))}
    assert len(stored) == 4


@pytest.mark.parametrize("key", ["", "x", "{}", "0" * 36])
async def test_a_key_that_was_not_minted_is_refused(counter: Counter, key: str) -> None:
    job = await counter.server.submit(spec())
    if key:
        for call in (
            counter.server.submit(spec(), key=key),
            counter.server.submit_many([spec()], key=key),
            counter.server.trigger(job.id, key=key),
        ):
            with pytest.raises(InvalidInput, match="key: mint one"):
                await call


async def test_a_batch_is_stored_a_thousand_at_a_time_in_its_order(counter: Counter) -> None:
    specs = [spec(description=str(number)) for number in range(2_500)]
    with RECORDER.recorded() as commands:
        ids = await counter.server.submit_many(specs)
    assert len([command for command in commands if "commitTransaction" in command]) == 3
    assert ids == sorted(set(ids))
    stored = (await counter.server.list(ALL, cursor=None, limit=2_500)).jobs
    assert {job.id: job.description for job in stored} == {ident: str(n) for n, ident in enumerate(ids)}
    assert counter.pokes == [NOW] * 3, "what is stored may start, though the rest is not there yet"
    assert counter.says("karya_jobs_submitted_total") == 2_500


async def test_a_batch_the_store_fails_in_is_told_as_such_and_completed_under_its_key(
    kit: StoreKit, mongo: Mongo
) -> None:
    counter = Counter(kit, mongo, jobs=Away(kit.jobs, "submit", left=1))
    key, specs = fixed_id(NOW, "batch"), [spec() for _ in range(2_500)]
    with pytest.raises(StoreUnavailable):
        await counter.server.submit_many(specs, key=key)
    assert len(await counter.server.submit_many(specs, key=key)) == 2_500
    assert len((await counter.server.list(ALL, cursor=None, limit=3_000)).jobs) == 2_500


async def test_the_owner_of_a_batch_is_looked_up_once(counter: Counter, kit: StoreKit) -> None:
    await kit.users.add(User(id="ann", name="ann", created_at=NOW))
    with RECORDER.recorded() as commands:
        await counter.server.submit_many([spec(user_id="ann") for _ in range(50)])
    assert len([command for command in commands if command.get("find") == "users"]) == 1


async def test_a_batch_with_an_error_stores_nothing(counter: Counter) -> None:
    never = every(10, end_at=at(5))
    specs = [spec(), spec(schedule=never), spec(user_id="nobody"), spec(schedule=never)]
    with pytest.raises(InvalidInput) as refused:
        await counter.server.submit_many(specs)
    assert [error.field for error in refused.value.errors] == [
        "1.schedule.end_at",
        "2.user_id",
        "3.schedule.end_at",
    ]
    assert (await counter.server.list(ALL, cursor=None, limit=9)).jobs == ()
    assert await counter.server.submit_many([]) == []


async def test_a_batch_that_was_cut_short_is_completed_under_its_key(kit: StoreKit, mongo: Mongo) -> None:
    key, specs = fixed_id(NOW, "batch"), [spec(description=str(number)) for number in range(1_500)]
    counter = Counter(kit, mongo)
    await counter.server.submit_many(specs[:1_000], key=key)
    await counter.server.cancel(numbered_id(key, 7))
    ids = await counter.server.submit_many(specs, key=key)
    assert ids == [numbered_id(key, number) for number in range(1_500)]
    page = await counter.server.list(JobQuery(status=JobState.ACTIVE), cursor=None, limit=2_000)
    assert len(page.jobs) == 1_499
    assert len(kit.agenda.due(NOW, None, 2_000)) == 1_499


async def test_heavy_batches_go_in_smaller_chunks(counter: Counter) -> None:
    action = {"type": "rest", "url": "http://127.0.0.1/", "method": "POST", "body": "x" * 900_000}
    with RECORDER.recorded() as commands:
        await counter.server.submit_many([spec(action=action) for _ in range(20)])
    assert len([command for command in commands if "commitTransaction" in command]) == 3


async def test_lists_go_from_page_to_page(counter: Counter) -> None:
    ids = [(await counter.server.submit(spec())).id for _ in range(3)]
    first = await counter.server.list(JobQuery(status=JobState.ACTIVE), cursor=None, limit=2)
    rest = await counter.server.list(ALL, cursor=first.next_cursor, limit=2)
    assert sorted(job.id for job in (*first.jobs, *rest.jobs)) == sorted(ids)
    assert rest.next_cursor is None
    tasks = await counter.server.tasks(ids[0], cursor=None, limit=2)
    assert [task.job_id for task in tasks.tasks] == [ids[0]]


async def test_the_summary_tells_counts_tasks_and_errors(counter: Counter, kit: StoreKit) -> None:
    view = await counter.server.submit(spec())
    (task,) = await kit.tasks_of(view.id)
    await kit.commit(await kit.claim(task), retry("boom"))
    summary = await counter.server.summary(view.id)
    assert (summary.job.id, summary.counts) == (view.id, {TaskState.READY: 1})
    assert [(error.attempt, error.error) for error in summary.errors] == [(1, "boom")]
    assert [task.status for task in summary.tasks] == [TaskState.READY]


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("get", {}),
        ("summary", {}),
        ("why", {"cursor": None, "limit": 9}),
        ("errors", {"cursor": None, "limit": 9}),
        ("versions", {"cursor": None, "limit": 1}),
        ("occurrences", {"limit": 1}),
        ("tasks", {"cursor": None, "limit": 1}),
        ("cancel", {}),
        ("pause", {}),
        ("resume", {}),
        ("trigger", {}),
        ("skip_next", {}),
        ("update", {"changes": {}}),
    ],
)
async def test_an_unknown_job_is_not_found(counter: Counter, call: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(NotFound, match="no job 'x'"):
        await getattr(counter.server, call)("x", **arguments)


async def test_dead_letters_are_told_and_redriven(counter: Counter, kit: StoreKit) -> None:
    view = await counter.server.submit(spec())
    (task,) = await kit.tasks_of(view.id)
    await kit.commit(await kit.claim(task), bury("boom"))
    page = await counter.server.dead_letters(LetterQuery(), cursor=None, limit=9)
    assert [letter.id for letter in page.tasks] == [task.id]
    assert (await counter.server.redrive(task.id)).task.status is TaskState.READY
    with pytest.raises(Conflict):
        await counter.server.discard(task.id)
    assert (await counter.server.task(task.id)).errors[0].error == "boom"


async def test_the_next_instants_are_told_and_nothing_is_stored(counter: Counter, kit: StoreKit) -> None:
    job = await counter.server.submit(spec(schedule=every(10, max_runs=4, jitter="PT5S")))
    kit.time.advance(15)
    told = await counter.server.occurrences(job.id, 9)
    assert told.instants == (at(20), at(30), at(40))
    assert all(i <= d < i + timedelta(seconds=5) for i, d in zip(told.instants, told.due_at, strict=True))
    assert (await counter.server.occurrences(job.id, 1)).instants == (at(20),)
    assert len(await kit.tasks_of(job.id)) == 1
    await counter.server.pause(job.id)
    assert (await counter.server.occurrences(job.id, 9)).instants == told.instants
    await counter.server.cancel(job.id)
    assert (await counter.server.occurrences(job.id, 9)).instants == ()


async def test_a_spec_that_is_not_stored_is_previewed(counter: Counter) -> None:
    told = await counter.server.preview(spec(schedule=every(10, max_runs=3)), 9)
    assert told.instants == told.due_at == (at(10), at(20), at(30))
    assert (await counter.server.preview(spec(schedule=every(10, jitter="PT5S")), 2)).due_at == ()
    assert len((await counter.server.preview(spec(schedule=every(0.1)), 1_000)).instants) == 1_000
    with pytest.raises(InvalidInput, match=r"schedule\.end_at"):
        await counter.server.preview(spec(schedule=every(10, end_at=at(5))), 1)
    assert (await counter.server.list(ALL, cursor=None, limit=9)).jobs == ()


async def test_readiness_names_what_does_not_answer(
    kit: StoreKit, mongo: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_PROBE_SECONDS", 0.05)

    async def hangs() -> None:
        await asyncio.Event().wait()

    async def well() -> None:
        return None

    async def ill() -> str:
        return "no worker is connected"

    async def broken() -> None:
        raise KeyError

    counter = Counter(kit, mongo, scheduler=hangs, mongodb=well, workers=ill, gateway=broken, other=hangs)
    readiness = await asyncio.wait_for(counter.server.readiness(), 30)
    assert not readiness.ready
    hanging = "no answer within 0.05 s"
    assert readiness.reasons == {
        "scheduler": hanging,
        "workers": "no worker is connected",
        "gateway": "KeyError()",
        "other": hanging,
    }
    assert (await Counter(kit, mongo, mongodb=well).server.readiness()).ready


async def test_the_metrics_carry_the_actor(counter: Counter) -> None:
    await counter.server.submit(spec())
    assert b'karya_jobs_submitted_total{actor="server"} 1.0' in await counter.server.metrics()


async def test_a_check_tells_all_that_is_wrong_or_how_it_would_read_and_who_has_its_name(
    counter: Counter, kit: StoreKit
) -> None:
    server, fine = counter.server, {"action": {"type": "noop"}}
    stored = await server.submit(spec(name="nightly", description="old"))
    written = [
        {**fine, "name": "nightly", "description": "new"},
        {**fine, "name": "new", "tags": ["a b"], "user_id": "nobody"},
        {**fine, "user_id": "nobody"},
        {**fine, "schedule": {"kind": "once", "at": "2020-01-01T00:00:00Z"}},
        {**fine, "schedule": {"kind": "interval", "every": "PT1M", "end_at": "2020-01-01T00:00:00Z"}},
        {
            **fine,
            "schedule": {**every(60), "start_at": "2090-01-01T00:00:00Z", "end_at": "2089-01-01T00:00:00Z"},
        },
        {"steps": [{"name": "main", **fine}]},
    ]
    known, tagged, owned, past, over, never, single = (await server.check(written)).jobs
    assert known.spec is not None and known.namesake is not None
    assert (known.spec["description"], known.namesake.spec["description"]) == ("new", "old")
    assert (known.namesake.id, known.namesake.version, known.namesake.status) == (stored.id, 1, "ACTIVE")
    assert [error["field"] for error in tagged.errors] == ["tags.0"]
    assert [error["field"] for error in owned.errors] == ["user_id"]
    assert (past.over, past.errors, over.over, over.errors) == (True, (), True, ())
    assert [error["field"] for error in never.errors] == ["schedule.end_at"]
    assert single.spec is not None and single.spec["action"] == fine["action"]
    assert (await server.list(ALL, cursor=None, limit=9)).jobs == (await server.get(stored.id),)


async def test_a_batch_with_a_name_that_is_taken_is_refused_as_a_whole(counter: Counter) -> None:
    holder = await counter.server.submit(spec(name="a"))
    specs = [spec(name="b"), spec(), spec(name="b"), spec(name="a")]
    with pytest.raises(InvalidInput) as refused:
        await counter.server.submit_many(specs)
    assert {error.field: error.message for error in refused.value.errors} == {
        "2.name": "'b' is the name of item 0, too",
        "3.name": f"'a' is taken by job {holder.id}",
    }
    assert len((await counter.server.list(ALL, cursor=None, limit=9)).jobs) == 1
    with pytest.raises(Conflict, match="the name 'a' is taken"):
        await counter.server.submit(spec(name="a"))
    key = new_id(NOW)
    first = await counter.server.submit_many([spec(name="c"), spec()], key=key)
    assert await counter.server.submit_many([spec(name="c"), spec()], key=key) == first


@pytest.mark.parametrize("names", [[], ["b", "c", "d"]], ids=["one name", "many names"])
async def test_a_name_that_is_taken_while_a_batch_is_checked_refuses_all_of_it(
    counter: Counter, kit: StoreKit, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    """However many transactions the batch takes: a refused one leaves nothing (I1)."""
    holder = await counter.server.submit(spec(name="a"))

    async def not_yet(*_: Any) -> dict[str, Job]:
        return {}

    monkeypatch.setattr(kit.jobs, "named", not_yet)
    monkeypatch.setattr(submissions, "_MOST_IN_CHUNK", 2)
    with pytest.raises(Conflict, match="the name 'a' is taken"):
        await counter.server.submit_many(
            [*(spec() for _ in range(4)), *(spec(name=name) for name in [*names, "a"])]
        )
    assert [job.id for job in (await counter.server.list(ALL, cursor=None, limit=9)).jobs] == [holder.id]


async def test_more_with_names_than_one_transaction_takes_are_refused_before_any_is_stored(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submissions, "_HEAVIEST_NAMED_BYTES", 3 << 12)
    with pytest.raises(InvalidInput, match=r"9 jobs with names.*several batches"):
        await counter.server.submit_many([spec(), *(spec(name=str(number)) for number in range(9))])
    assert not (await counter.server.list(ALL, cursor=None, limit=9)).jobs
    assert len(await counter.server.submit_many([spec() for _ in range(9)])) == 9


async def test_a_change_to_a_version_that_has_passed_is_refused(counter: Counter) -> None:
    job = await counter.server.submit(spec(schedule=every(60)))
    await counter.server.update(job.id, {"description": "new"}, version=1)
    for call in (
        counter.server.update(job.id, {"description": "newer"}, version=1),
        counter.server.cancel(job.id, version=1),
    ):
        with pytest.raises(Outdated, match="is at version 2, not 1"):
            await call
    assert (await counter.server.get(job.id)).description == "new"
    assert (await counter.server.cancel(job.id, version=2)).status is JobState.CANCELLED


async def test_a_story_is_what_its_parts_say_and_reads_each_once(counter: Counter, kit: StoreKit) -> None:
    server = counter.server
    job = await server.submit(spec(schedule=every(60), retry={"max_attempts": 1}))
    task = (await kit.tasks_of(job.id))[0]
    kit.time.advance(61)
    await kit.commit(await kit.claim(task), bury("boom"))
    await server.update(job.id, {"description": "changed"})
    kit.time.advance(0.001)  # entries of one millisecond have no order
    await server.trigger(job.id)
    with RECORDER.recorded() as said:
        story = await server.story(job.id, tasks=NINE, waits=NINE, errors=NINE, history=NINE, instants=3)
    assert [next(iter(command)) for command in said] == ["find"] * 4 + ["aggregate"] + ["find"] * 2
    assert story.job == await server.get(job.id)
    assert story.tasks == await server.tasks(job.id, cursor=None, limit=9)
    assert story.why == await server.why(job.id, cursor=None, limit=9)
    assert story.errors == await server.errors(job.id, cursor=None, limit=9)
    assert story.dead == AtLeast(count=1)
    assert story.errors.errors == (await server.summary(job.id)).errors
    assert story.ahead == await server.occurrences(job.id, 3)
    assert story.versions == await server.versions(job.id, cursor=None, limit=9)
    assert [len(part) for part in (story.errors.errors, story.ahead.instants, story.why.tasks)] == [1, 3, 1]
    with RECORDER.recorded() as said:
        short = await server.story(job.id, tasks=ONE, waits=ONE, errors=ONE, history=None, instants=3)
    assert len(said) == 5 and short.versions is None
    rest = Paging(limit=9, cursor=short.tasks.next_cursor)
    last = await server.story(job.id, tasks=rest, waits=ONE, errors=ONE, history=ONE, instants=1)
    assert {*last.tasks.tasks, *short.tasks.tasks} == {*story.tasks.tasks}
    assert last.versions and [change.kind for change in last.versions.changes] == ["triggered"]
    with pytest.raises(NotFound):
        await server.story("unknown", tasks=ONE, waits=ONE, errors=ONE, history=ONE, instants=1)


async def test_how_a_task_stands_is_what_its_parts_say(counter: Counter, kit: StoreKit) -> None:
    server = counter.server
    job = await server.submit(spec(schedule=every(60), retry={"max_attempts": 1}))
    (task,) = await kit.tasks_of(job.id)
    for seconds, reason in ((0, "instant"), (61, "no_worker")):
        kit.time.advance(seconds)
        standing = await server.standing(task.id, errors=NINE)
        assert standing.wait and standing.wait.kind == reason
        assert standing.wait in (await server.why(job.id, cursor=None, limit=9)).tasks
    await kit.commit(await kit.claim(task), bury("boom"))
    with RECORDER.recorded() as said:
        standing = await server.standing(task.id, errors=NINE)
    assert [next(iter(command)) for command in said] == ["find"] * 3
    assert (standing.story, standing.job) == (await server.task(task.id), await server.get(job.id))
    assert standing.wait is None
    with pytest.raises(NotFound):
        await server.standing("unknown", errors=NINE)


async def test_the_lines_of_jobs_are_the_list_with_its_dead_letters(
    counter: Counter, kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = counter.server
    for number in range(3):
        kit.time.advance(1)
        job = await server.submit(spec(retry={"max_attempts": 1}))
        if number == 0:
            continue
        (task,) = await kit.tasks_of(job.id)
        await kit.commit(await kit.claim(task), bury("boom"))
    lines = await server.job_lines(ALL, cursor=None, limit=2)
    page = await server.list(ALL, cursor=None, limit=2)
    assert ([line.job for line in lines.items], lines.next_cursor) == ([*page.jobs], page.next_cursor)
    rest = await server.job_lines(ALL, cursor=lines.next_cursor, limit=2)
    assert [line.dead.count for line in (*lines.items, *rest.items)] == [1, 1, 0]
    monkeypatch.setattr(reading, "MOST_DEAD", 1)
    cut = await server.job_lines(ALL, cursor=None, limit=3)
    assert sum(line.dead.count for line in cut.items) == 1 and all(line.dead.more for line in cut.items)


async def test_who_waits_for_a_limit_is_told_the_same_at_each_look(counter: Counter, kit: StoreKit) -> None:
    server = counter.server
    limited = spec(concurrency={"key": "tenant-42", "limit": 1})
    jobs = [await server.submit(limited) for _ in range(2)]
    tasks = [(await kit.tasks_of(job.id))[0] for job in jobs]
    claims = await kit.claims.claim([hint_of(task) for task in tasks], "w", timedelta(seconds=20))
    (parked,) = {task.id for task in tasks} - {claim.hint.task_id for claim in claims}
    standing = await server.standing(parked, errors=NINE)
    assert standing.wait and standing.wait.text.endswith("'tenant-42': 1 of 1 running")
    why = await server.why(standing.job.id, cursor=None, limit=9)
    assert standing.wait in why.tasks
    story = await server.story(standing.job.id, tasks=ONE, waits=NINE, errors=ONE, history=None, instants=1)
    assert story.why == why
