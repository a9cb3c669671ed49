"""While MongoDB acknowledges nothing, all that wait hear of it within `store.timeout`, however many they are.

The driver gives each operation a thread, and of those there are a few for each CPU: one that waits for a
primary must not make those behind it wait as long once more.
"""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from karya.actors.metrics import ServerMetrics
from karya.actors.server.checks import Checks
from karya.actors.server.submissions import Submissions
from karya.core.chaining import SpecRules
from karya.core.clock import SystemClock
from karya.core.errors import StoreUnavailable
from karya.core.ports import JobRepository
from karya.core.queries import JobQuery
from karya.core.settings import StoreSettings
from karya.store.embedded import EmbeddedMongod
from karya.store.provider import MongoStore
from tests.integration.actors.counter import SPEC, every, spec
from tests.support import story
from tests.support.away import Away
from tests.support.soon import soon
from tests.support.story import NOW

MANY = 200
TIMEOUT = 2.0
MOST = 5 * TIMEOUT
"""Far less than so many take who wait for each other's threads."""
NOBODY = "mongodb://127.0.0.1:1"
CALLS: dict[str, Callable[[MongoStore], Awaitable[object]]] = {
    "submit": lambda s: s.jobs.submit([story.submission(story.a_job(story.every(60)))]),
    "begin request": lambda s: s.requests.begin("ann", "key", "print", NOW),
    "get": lambda s: s.jobs.get("1"),
    "token": lambda s: s.tokens.find("digest", NOW),
    "pause": lambda s: s.lifecycle.pause("1", NOW),
    "ping": lambda s: s.ping(),
}


@contextmanager
def opened(url: str) -> Iterator[MongoStore]:
    store = MongoStore(StoreSettings(database="late", timeout=timedelta(seconds=TIMEOUT)), url)
    try:
        yield store
    finally:
        store.close()


def submissions_to(store: MongoStore, jobs: JobRepository) -> Submissions:
    rules = SpecRules(SPEC, lambda action: None)
    return Submissions(jobs, Checks(store.users, rules), SystemClock(), ServerMetrics(), lambda *_: None)


async def refused_after(calls: Iterable[Awaitable[object]]) -> float:
    """In how many seconds all of them were refused."""
    began = time.monotonic()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(answer) for answer in answers} == {StoreUnavailable}
    return time.monotonic() - began


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_without_any_mongod_every_call_is_refused_in_time(
    call: Callable[[MongoStore], Awaitable[object]],
) -> None:
    with opened(NOBODY) as store:
        assert await refused_after(call(store) for _ in range(MANY)) < MOST


async def test_with_a_primary_that_fell_silent_every_call_is_refused_in_time(tmp_path: Path) -> None:
    """The connections stand, so that nothing but the deadline tells."""
    mongod = EmbeddedMongod(tmp_path)
    mongod.start()
    assert mongod.pid is not None
    with opened(mongod.url) as store:
        try:
            await asyncio.gather(*(store.ping() for _ in range(MANY)))
            os.kill(mongod.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, mongod.pid, os.WSTOPPED)  # until then it may answer once more
            calls = list(CALLS.values())
            took = await refused_after(calls[number % len(calls)](store) for number in range(MANY))
        finally:
            os.kill(mongod.pid, signal.SIGCONT)
            mongod.stop(timedelta(0))
    assert took < MOST


async def test_searches_hold_up_nobody_else() -> None:
    """MongoDB is to bound their time, and so the driver cannot."""
    with opened(NOBODY) as store:
        lists = [store.jobs.list(JobQuery(), cursor=None, limit=9) for _ in range(MANY)]
        searches = asyncio.ensure_future(refused_after(lists))
        assert await refused_after(store.jobs.get("1") for _ in range(MANY)) < MOST
        await searches


async def test_submits_that_come_while_one_fails_are_refused_with_it() -> None:
    with opened(NOBODY) as store:
        jobs = Away(store.jobs, "submit")
        submissions = submissions_to(store, cast(JobRepository, jobs))
        first = asyncio.create_task(submissions.submit(spec(schedule=every(60))))
        await soon(lambda: jobs.calls, what="the batch of the first one")
        behind = [submissions.submit(spec(schedule=every(60))) for _ in range(MANY)]
        await refused_after([first, *behind])
        assert jobs.calls == 1, "those behind it do not wait as long once more"
