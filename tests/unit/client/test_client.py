"""Both clients on a real gateway, over services in memory."""

import gc
import itertools
import os
import signal
import threading
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import karya
from karya.client import AsyncClient, Client
from karya.client.operation import Blocking, Stream
from karya.core.action import NoopAction
from karya.core.errors import (
    ConfigError,
    Conflict,
    Forbidden,
    InvalidInput,
    KaryaError,
    NotFound,
    StoreUnavailable,
    Unauthenticated,
    Unavailable,
)
from karya.core.job import JobState
from karya.core.schedule import Once
from karya.core.spec import JobSpec
from karya.core.task import TaskState
from karya.core.user import Role
from tests.support.served import Served

NOOP: Any = {"action": {"type": "noop"}}
HOURLY: Any = {**NOOP, "schedule": {"kind": "interval", "every": "PT1H"}, "tags": ["hourly"]}


def test_a_job_is_submitted_looked_at_and_steered(client: Client) -> None:
    job = client.submit(HOURLY)
    assert client.get(job.id) == client.summary(job.id).job == client.list(tag="hourly").jobs[0] == job
    assert client.pause(job.id).status is JobState.PAUSED
    with pytest.raises(Conflict, match="is paused"):
        client.trigger(job.id)
    assert client.resume(job.id).status is JobState.ACTIVE
    assert client.trigger(job.id).tasks[0].status is TaskState.READY
    assert client.skip_next(job.id).tasks[0].status is TaskState.SKIPPED
    assert client.update(job.id, description="new").version == 2
    assert client.versions(job.id).changes[0].kind == "updated"
    assert len(client.occurrences(job.id, 3).instants) == 3
    assert len(client.preview(HOURLY, 4).instants) == 4
    task = client.tasks(job.id, limit=1).tasks[0]
    assert client.task(task.id).task == task
    assert client.why(job.id).job_id == job.id
    assert [page.tasks for page in client.why_pages(job.id)] == [client.why(job.id, limit=100).tasks]
    assert client.errors(job.id).errors == tuple(client.job_errors(job.id)) == ()
    assert [page.task for page in client.task_pages(task.id)] == [task]
    assert client.cancel(job.id).status is JobState.CANCELLED


async def test_the_same_is_awaited(served: Served) -> None:
    async with karya.AsyncClient(served.url) as client:
        job = await client.submit(HOURLY)
        assert [found.id async for found in client.jobs(tag="hourly")] == [job.id]
        await client.cancel(job.id)
        assert (await client.wait(job.id)).job.status is JobState.CANCELLED
        with pytest.raises(NotFound):
            await client.get("nope")


def test_a_job_may_be_a_model_and_its_values_may_be_those_of_python(client: Client) -> None:
    spec = JobSpec[NoopAction](action=NoopAction(type="noop"), schedule=Once(after=timedelta(hours=1)))
    assert client.submit(spec).next_at is not None
    at = datetime(2040, 1, 2, 3, tzinfo=UTC)
    assert client.submit({**NOOP, "schedule": {"kind": "once", "at": at}}).next_at == at
    every = {"kind": "interval", "every": timedelta(minutes=90)}
    assert client.preview({**NOOP, "schedule": every}, 1).instants
    assert len(list(client.jobs(created_after=datetime(2020, 1, 1, tzinfo=UTC), status=JobState.ACTIVE))) == 2
    with pytest.raises(InvalidInput, match="JSON cannot say this"):
        client.submit({**NOOP, "description": object()})


def test_the_errors_are_those_of_the_handle(client: Client) -> None:
    for call in (client.get, client.versions, client.tasks, client.why, client.pause, client.trigger):
        with pytest.raises(NotFound) as missing:
            call('it\'s "one"\\')
        assert (missing.value.kind, missing.value.ident) == ("job", 'it\'s "one"\\')
    with pytest.raises(InvalidInput) as refused:
        client.submit({**NOOP, "schedule": {"kind": "interval", "every": "soon"}, "tags": ["a b"]})
    assert {error.field for error in refused.value.errors} == {"schedule.every", "tags.0"}
    assert "ISO 8601 duration, such as PT5S" in str(refused.value)
    with pytest.raises(InvalidInput, match=r"tagg: unknown field; did you mean tag\?"):
        client.list(tagg="x")


def test_a_body_that_is_too_large_is_refused_with_the_bound(client: Client) -> None:
    with pytest.raises(InvalidInput, match="at most 2,097,152 bytes"):
        client.submit({**NOOP, "description": "x" * 3_000_000})


def test_who_is_unknown_or_may_not_is_told(served: Served, client: Client) -> None:
    user = client.add_user("ada", Role.VIEWER)
    issued = client.issue_token(user.id, label="laptop", expires_at=datetime(2040, 1, 1, tzinfo=UTC))
    heavier = client.change_user(user.id, weight=3)
    assert heavier == user.model_copy(update={"weight": 3})
    with pytest.raises(InvalidInput, match="weight"):
        client.change_user(user.id, weight=101)
    with pytest.raises(NotFound, match="no user"):
        client.change_user("nobody", weight=1)
    assert client.users().users == (heavier,)
    assert client.tokens(user.id).tokens == (issued.token,)
    assert client.whoami().user is None
    with Client(served.url, token=f" {issued.secret}\n") as ada:
        assert ada.whoami().user == heavier
        with pytest.raises(Forbidden, match="a viewer only reads"):
            ada.submit(NOOP)
        client.revoke_token(issued.token.id)
        with pytest.raises(Unauthenticated, match="not known, or has expired"):
            ada.whoami()
    with pytest.raises(NotFound, match="no token"):
        client.revoke_token(issued.token.id)


def test_the_token_of_the_environment_is_used(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KARYA_TOKEN", "karya_wrong")
    with Client(served.url) as client, pytest.raises(Unauthenticated):
        client.whoami()
    with Client(served.url, token="") as nobody:
        assert nobody.whoami().role is Role.ADMIN


@pytest.mark.parametrize("token", ["two words", "naïve", "a\r\nx-evil: 1"])
def test_what_cannot_be_a_token_is_refused(token: str) -> None:
    with pytest.raises(ConfigError, match="the token"):
        Client("http://x", token=token)


@pytest.mark.parametrize(
    "url", ["localhost:8080", "ftp://x", "http://", "", "http://x:y", "http://x?a=b", None]
)
def test_a_wrong_url_is_refused(url: Any) -> None:
    with pytest.raises(ConfigError, match=r"is no http:// or https:// URL, like http://127\.0\.0\.1:8080"):
        AsyncClient(url)


def test_lists_are_walked_page_by_page_as_they_are_used_up(served: Served, client: Client) -> None:
    ids = client.submit_many([HOURLY] * 230)
    served.asked.clear()
    found = client.jobs()
    assert [next(found).id for _ in range(100)] == list(reversed(ids))[:100]
    assert len(served.asked) == 1
    assert [job.id for job in found] == list(reversed(ids))[100:]
    assert len(served.asked) == 3
    for _ in range(3):
        client.trigger(ids[0])
    assert len(list(client.job_tasks(ids[0]))) == 4


class Counting(Blocking):
    """A client with a list that does not end; it is known here, so that nothing else closes it."""

    def __init__(self) -> None:
        self.closed = False
        self._known = self._following()

    async def _following(self) -> AsyncGenerator[int, None]:
        try:
            for number in itertools.count():
                yield number
        finally:
            self.closed = True

    @Stream
    def numbers(self) -> AsyncGenerator[int, None]:
        return self._known


def test_a_loop_that_is_left_early_leaves_nothing_behind() -> None:
    counting = Counting()
    for number in counting.numbers():
        assert not counting.closed
        if number == 2:
            break
    assert counting.closed


def test_many_jobs_are_stored_in_chunks_and_progress_is_told_in_the_callers_thread(
    served: Served, client: Client
) -> None:
    told: list[tuple[int, int]] = []
    read: list[int] = []

    def specs() -> Iterator[Any]:
        for number in range(25):
            read.append(threading.get_ident())
            yield {**NOOP, "description": f"{number}"}

    ids = client.submit_all(specs(), chunk=10, progress=lambda n: told.append((n, threading.get_ident())))
    assert told == [(number, threading.get_ident()) for number in (10, 20, 25)]
    assert set(read) == {threading.get_ident()}
    assert [served.memory.jobs.jobs[ident].description for ident in ids] == [str(n) for n in range(25)]


def test_an_error_among_many_names_the_item_and_what_was_stored_is_not_stored_again(
    served: Served, client: Client
) -> None:
    specs = [{**NOOP, "description": f"{number}"} for number in range(25)]
    wrong = [*specs[:13], {"action": {"type": "nope"}}, *specs[14:]]
    with pytest.raises(InvalidInput) as refused:
        client.submit_all(wrong, key="mailing", chunk=10)
    assert [error.field for error in refused.value.errors] == ["13.action.type"]
    assert len(served.memory.jobs.jobs) == 10
    ids = client.submit_all(specs, key="mailing", chunk=10)
    assert len(served.memory.jobs.jobs) == len(set(ids)) == 25
    assert client.submit_all(specs, key="mailing", chunk=10) == ids


def test_odd_batches(client: Client) -> None:
    assert client.submit_many([]) == client.submit_all([]) == ()
    for chunk in (0, 10_001):
        with pytest.raises(InvalidInput, match="1 to 10,000"):
            client.submit_all([], chunk=chunk)
    with pytest.raises(InvalidInput) as refused:
        client.submit_many([NOOP, {**NOOP, "description": object()}])
    assert refused.value.errors[0].field == "1"
    with pytest.raises(InvalidInput, match="more than 10,000 jobs; a batch has 1 to 10,000"):
        client.submit_many([NOOP] * 10_001)


def test_the_same_key_is_the_same_job_and_the_same_run(served: Served, client: Client) -> None:
    job = client.submit(HOURLY, key="order-42")
    assert client.submit(HOURLY, key="order-42").id == job.id
    assert client.trigger(job.id, key="now").tasks[0].id == client.trigger(job.id, key="now").tasks[0].id
    assert len(served.memory.jobs.stored_tasks[job.id]) == 2
    with pytest.raises(Conflict, match="choose a new key"):
        client.submit(NOOP, key="order-42")


def test_waiting_ends_with_the_job_or_in_time(client: Client) -> None:
    job = client.submit(HOURLY)
    with pytest.raises(TimeoutError, match=f"job {job.id} is still ACTIVE after 0.1 s"):
        client.wait(job.id, timeout=0.1)
    ending = threading.Timer(0.1, client.cancel, [job.id])
    ending.start()
    assert client.wait(job.id).job.status is JobState.CANCELLED


def test_dead_letters_are_listed_and_moved(served: Served, client: Client) -> None:
    ids = client.submit_many([NOOP] * 4)
    for ident in ids:
        tasks = served.memory.jobs.stored_tasks[ident]
        tasks[0] = tasks[0].model_copy(update={"status": TaskState.DEAD})
    assert len(client.dead_letters(limit=3).tasks) == 3
    first, second, *_ = client.letters()
    assert client.redrive(first.id).task.status is TaskState.READY
    with pytest.raises(Conflict, match="no dead letter"):
        client.discard(first.id)
    assert client.redrive_all(job_id=second.job_id) == 1
    assert client.discard_all() == 2


def test_the_ledger_is_proven_page_by_page(served: Served, client: Client) -> None:
    job = client.submit(HOURLY)
    client.submit_many([NOOP] * 4)
    assert client.audit().counts.jobs == 5
    assert client.audit(job_id=job.id).counts.jobs == 1
    since = datetime(2026, 11, 23, tzinfo=UTC)
    pages = list(client.audit_pages(since=since, until=since + timedelta(1), patience=timedelta(minutes=1)))
    assert len(pages) == 3
    assert (pages[0].since, pages[0].until) == (since, since + timedelta(1))
    with pytest.raises(InvalidInput, match="the range ends before it begins"):
        client.audit(since=since, until=since)


def test_what_is_not_ready_is_an_answer(served: Served, client: Client) -> None:
    assert client.readiness().ready
    served.memory.jobs.ready = served.memory.jobs.ready.model_copy(
        update={"ready": False, "reasons": {"x": "y"}}
    )
    served.asked.clear()
    assert client.readiness().reasons == {"x": "y"}
    assert len(served.asked) == 1
    assert client.metrics() == "karya_up 1\n"


def test_an_outage_is_told_in_the_words_of_the_gateway(served: Served) -> None:
    served.memory.jobs.failure = StoreUnavailable("MongoDB does not acknowledge")
    with Client(served.url, patience=0) as client, pytest.raises(Unavailable, match="MongoDB does not ack"):
        client.submit(NOOP)
    assert served.memory.requests.begun == {}  # where nothing is sent twice, no key is needed
    served.memory.jobs.failure = RuntimeError("a bug")
    with (
        Client(served.url) as client,
        pytest.raises(KaryaError, match="unexpected error, written to the log"),
    ):
        client.list()


def test_a_client_may_be_shared_by_threads_and_outlives_a_fork(client: Client) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(client.submit(NOOP).id)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 8
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        signal.alarm(10)  # else one that hangs would stay
        os.write(writing, client.get(found[0]).id.encode())
        os._exit(0)
    os.close(writing)
    assert os.read(reading, 100).decode() == found[0]
    os.close(reading)
    os.waitpid(child, 0)


def test_a_client_that_nobody_holds_any_more_ends_its_thread(served: Served) -> None:
    def living() -> int:
        return sum(thread.name == "karya client" for thread in threading.enumerate())

    before = living()
    clients = [Client(served.url) for _ in range(3)]
    assert living() == before + 3
    clients.clear()
    gc.collect()
    assert living() == before


def test_a_closed_client_says_so(served: Served) -> None:
    client = Client(served.url)
    client.close()
    client.close()
    with pytest.raises(Unavailable, match="closed: make another one"):
        client.list()
    assert repr(client) == f"karya.Client({served.url!r})"


async def test_a_client_that_blocks_works_inside_of_a_running_loop(client: Client) -> None:
    assert client.list().jobs == ()
