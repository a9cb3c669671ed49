"""Without MongoDB every call ends in StoreUnavailable, soon, and never in an exception of the driver."""

import asyncio
import inspect
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from karya.core.clock import SystemClock
from karya.core.errors import StoreUnavailable
from karya.core.events import ALL_KINDS
from karya.core.hint import hint_of
from karya.core.job import JobState
from karya.core.limits import Concurrency
from karya.core.policies import Overlap
from karya.core.ports import Commit, LockLease
from karya.core.ports.looks import Extent
from karya.core.ports.requests import Answered
from karya.core.queries import JobQuery, LetterQuery
from karya.core.settings import StoreSettings
from karya.core.user import Token, User, UserChange
from karya.store.blocking_provider import MongoBlockingStore
from karya.store.embedded import EmbeddedMongod
from karya.store.provider import MongoStore
from tests.support.soon import soon
from tests.support.story import NOW, SECOND, a_job, bury, due, every, first_task, submission, succeed

TOKEN = Token(id="1", user_id="1", label="", digest="digest", created_at=NOW)
JOB = a_job(every(1))
TASK = first_task(JOB)
SLOTTED = hint_of(first_task(a_job(every(1), overlap=Overlap.SKIP)))
LIMITED = hint_of(first_task(a_job(concurrency=Concurrency(key="k", limit=1))))
LIMITS = [LIMITED.limits] if LIMITED.limits else []
ASYNC: dict[str, Callable[[MongoStore], Any]] = {
    "submit": lambda s: s.jobs.submit([submission(JOB)]),
    "get": lambda s: s.jobs.get(JOB.id),
    "list": lambda s: s.jobs.list(JobQuery(), cursor=None, limit=9),
    "list with dead letters": lambda s: s.jobs.list_with_dead(JobQuery(), cursor=None, limit=9, most=9),
    "look at a job": lambda s: s.looks.at_job(JOB.id, Extent(9, 9, 9, 9, 9)),
    "look at a task": lambda s: s.looks.at_task(TASK.id, 9),
    "descendants": lambda s: s.jobs.descendants(JOB.id, {JobState.ACTIVE}, None, 9),
    "any cancelled": lambda s: s.jobs.any_cancelled([JOB.id]),
    "cancel": lambda s: s.jobs.cancel(JOB.id, NOW),
    "half cancelled": lambda s: s.jobs.half_cancelled(NOW, None, 9),
    "cancelled wholly": lambda s: s.jobs.cancelled_wholly([JOB.id]),
    "dead letters": lambda s: s.letters.find(LetterQuery(), cursor=None, limit=9),
    "count of dead letters": lambda s: s.letters.count(LetterQuery(), 9),
    "groups of dead letters": lambda s: s.letters.groups(LetterQuery(), 9, 9),
    "lines of dead letters": lambda s: s.letters.lines(LetterQuery(), cursor=None, limit=9),
    "story": lambda s: s.error_logs.of_task(TASK.id, cursor=None, limit=9),
    "redrive": lambda s: s.letters.redrive(TASK.id, NOW),
    "discard": lambda s: s.letters.discard(TASK.id, NOW),
    "expire": lambda s: s.retention.expire(NOW, 9),
    "release": lambda s: s.slots.release([(JOB.id, TASK.cause)], NOW),
    "abandoned": lambda s: s.slots.abandoned(NOW, 9),
    "add token": lambda s: s.tokens.add(TOKEN),
    "token": lambda s: s.tokens.find("digest", NOW),
    "tokens": lambda s: s.tokens.of_user("1", cursor=None, limit=9),
    "revoke": lambda s: s.tokens.revoke("1"),
    "any token": lambda s: s.tokens.any(),
    "begin request": lambda s: s.requests.begin("ann", "key", "print", NOW),
    "finish request": lambda s: s.requests.finish("ann", "key", Answered(200, b"")),
    "page of plans": lambda s: s.plans.page("1", 0, 9),
    "complete solo": lambda s: s.jobs.complete_solo([JOB.id], NOW),
    "settle": lambda s: s.jobs.settle([JOB.id], NOW),
    "unsettled": lambda s: s.jobs.unsettled(NOW, None, 9),
    "pause": lambda s: s.lifecycle.pause(JOB.id, NOW),
    "resume": lambda s: s.lifecycle.resume(JOB.id, NOW),
    "trigger": lambda s: s.lifecycle.trigger(JOB.id, JOB.id, NOW),
    "skip next": lambda s: s.lifecycle.skip_next(JOB.id, NOW),
    "update": lambda s: s.lifecycle.update(JOB.id, lambda job: job, NOW),
    "history": lambda s: s.history.page(JOB.id, cursor=None, limit=9),
    "task": lambda s: s.tasks.get(TASK.id),
    "tasks": lambda s: s.tasks.of_job(JOB.id, cursor=None, limit=9),
    "open tasks": lambda s: s.tasks.open_of_job(JOB.id, cursor=None, limit=9),
    "counts": lambda s: s.tasks.counts(JOB.id, 10),
    "cancel tasks": lambda s: s.tasks.cancel_of_job(JOB.id, NOW),
    "taken": lambda s: s.tasks.taken(LIMITS),
    "may start until": lambda s: s.tasks.may_start_until(JOB.id),
    "claim": lambda s: s.claims.claim([hint_of(TASK)], "w", SECOND),
    "claim within limits": lambda s: s.claims.claim([LIMITED], "w", SECOND),
    "renew": lambda s: s.claims.renew({TASK.id: "lease"}, SECOND),
    "expired": lambda s: s.claims.expired(9),
    "results": lambda s: s.claims.results(JOB.id, TASK.cause, ["main"]),
    "commit success": lambda s: s.commits.commit([Commit(TASK.id, "lease", succeed())], NOW),
    "commit failure": lambda s: s.commits.commit([Commit(TASK.id, "lease", bury())], NOW),
    "errors": lambda s: s.error_logs.of_job(JOB.id, cursor=None, limit=9),
    "add user": lambda s: s.users.add(User(id="1", name="ann", created_at=NOW)),
    "user": lambda s: s.users.get("1"),
    "change user": lambda s: s.users.change("1", UserChange(weight=2)),
    "user by name": lambda s: s.users.named("ann"),
    "users": lambda s: s.users.list(cursor=None, limit=9),
    "events": lambda s: s.events.follow(ALL_KINDS, None),
    "holder": lambda s: s.directory.holder("lock"),
    "measure": lambda s: s.measure(SystemClock()),
    "ping": lambda s: s.ping(),
}
BLOCKING: dict[str, Callable[[MongoBlockingStore], Any]] = {
    "due": lambda s: s.agenda.due(NOW, None, 9),
    "keys": lambda s: s.agenda.keys(NOW, None, 9),
    "ready tasks": lambda s: s.agenda.tasks([JOB.id]),
    "extend": lambda s: s.agenda.extend([due(TASK)], NOW, NOW),
    "catch up": lambda s: s.agenda.catch_up([JOB.id], NOW, NOW),
    "stalled": lambda s: s.agenda.stalled(NOW, NOW, 9),
    "admit": lambda s: s.admissions.admit([SLOTTED], NOW),
    "wake": lambda s: s.limits.wake(),
    "park": lambda s: s.limits.park([LIMITED]),
    "acquire": lambda s: s.locks.acquire("lock", "w", SECOND, {}),
    "renew lock": lambda s: s.locks.renew(LockLease("lock", "w", 1), SECOND),
    "release lock": lambda s: s.locks.release(LockLease("lock", "w", 1)),
    "prepare": lambda s: s.prepare("w"),
    "measure, blocking": lambda s: s.measure(SystemClock()),
}
SETTINGS = StoreSettings(database="gone", timeout=timedelta(milliseconds=50))


def test_every_public_method_is_called() -> None:
    store = MongoStore(SETTINGS, "mongodb://127.0.0.1:1")
    parts = [
        *(store.jobs, store.tasks, store.lifecycle, store.history),
        *(store.claims, store.commits, store.error_logs, store.users),
        *(
            store.letters,
            store.looks,
            store.retention,
            store.slots,
            store.tokens,
            store.requests,
            store.plans,
        ),
        store.events,
    ]
    methods = {
        name
        for part in parts
        for name, _ in inspect.getmembers(type(part), inspect.isfunction)
        if name[0] != "_"
    }
    source = inspect.getsource(inspect.getmodule(test_every_public_method_is_called))  # type: ignore[arg-type]
    store.close()
    assert [name for name in methods if f".{name}(" not in source] == []


async def test_before_and_after_mongod_dies(tmp_path: Path) -> None:
    """Both for clients that never reached it and for those whose connections broke."""
    mongod = EmbeddedMongod(tmp_path)
    mongod.start()
    prepared = MongoBlockingStore(StoreSettings(database="gone"), mongod.url)
    prepared.prepare("w")
    prepared.close()
    roomy = SETTINGS.model_copy(update={"timeout": timedelta(milliseconds=300)})
    known, blocking = MongoStore(roomy, mongod.url), MongoBlockingStore(roomy, mongod.url)
    await soon(lambda: _is_reached(known, blocking), what="connections that can break")
    mongod.stop(timedelta(0))
    with pytest.raises(StoreUnavailable):
        await known.jobs.get(JOB.id)
    with pytest.raises(StoreUnavailable):
        blocking.agenda.due(NOW, None, 9)
    known.close()
    blocking.close()
    await _nothing_but_store_unavailable(mongod.url)


async def _is_reached(known: MongoStore, blocking: MongoBlockingStore) -> bool:
    try:
        await known.jobs.get(JOB.id)
        blocking.agenda.due(NOW, None, 9)
    except StoreUnavailable:  # on a busy machine also while mongod lives
        return False
    return True


async def _nothing_but_store_unavailable(url: str) -> None:
    store, blocking = MongoStore(SETTINGS, url), MongoBlockingStore(SETTINGS, url)
    calls = {
        **{name: call(store) for name, call in ASYNC.items()},
        **{name: asyncio.to_thread(call, blocking) for name, call in BLOCKING.items()},
    }
    answers = await asyncio.gather(*calls.values(), return_exceptions=True)
    wrong = {name: answer for name, answer in zip(calls, answers, strict=True) if not _is_clear(answer)}
    store.close()
    blocking.close()
    assert wrong == {}


def _is_clear(answer: object) -> bool:
    return isinstance(answer, StoreUnavailable) and "MongoDB does not acknowledge" in str(answer)
