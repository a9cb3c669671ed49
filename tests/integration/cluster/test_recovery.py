"""kill -9 of each part with work in flight: everything accepted still runs (I9)."""

from collections import Counter
from collections.abc import Iterator

import pytest

from karya.core.errors import Unavailable
from karya.core.job import JobState
from karya.core.task import TaskState
from karya.core.times import format_instant
from tests.support.eventually import eventually
from tests.support.running import PATIENCE, Running
from tests.support.target import Call, Target, respond

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(5 * PATIENCE)]

BACKOFF = {"max_attempts": 5, "backoff": "constant", "delay": "PT0.2S"}


@pytest.fixture(autouse=True)
def whole(karya: Running) -> Iterator[None]:
    """A test begins with a whole cluster and leaves one behind: no failure is that of the one before."""
    try:
        karya.ready(30)
    except AssertionError as error:
        pytest.fail(f"not begun, as an earlier test left the cluster broken: {error}")
    yield
    karya.ready()


def work(url: str) -> dict[str, object]:
    return {"action": {"type": "rest", "url": url}, "retry": BACKOFF}


def repeated(calls: list[Call]) -> dict[str, list[int]]:
    """The attempts of each task that arrived more than once."""
    times = Counter(call.headers["webhook-id"] for call in calls)
    return {
        ident: [int(call.headers["karya-attempt"]) for call in calls if call.headers["webhook-id"] == ident]
        for ident, count in times.items()
        if count > 1
    }


def test_worker_killed_in_mid_request(karya: Running, target: Target) -> None:
    path = "/worker-killed"
    url = target.at(path, respond(delay=2))
    jobs = [karya.karya.submit(work(url)).id for _ in range(30)]
    eventually(lambda: len(target.calls_to(path)) >= 20, PATIENCE, "requests in flight")
    karya.kill(karya.actor_pids("WorkerActor")[0])
    summaries = [karya.ended(job, PATIENCE) for job in jobs]
    assert all(summary.counts == {TaskState.SUCCEEDED: 1} for summary in summaries)
    calls = target.calls_to(path)
    assert {call.headers["karya-job-id"] for call in calls} == set(jobs)
    again = repeated(calls)
    assert again, "the killed worker had nothing in mid-request: the test shows nothing"
    assert all(attempts == sorted(set(attempts)) for attempts in again.values()), again


def test_scheduler_killed_between_instants(karya: Running, target: Target) -> None:
    path = "/scheduler-killed"
    schedule = {"kind": "interval", "every": "PT0.25S", "max_runs": 24}
    job = karya.karya.submit({**work(target.at(path)), "schedule": schedule})
    eventually(lambda: len(target.calls_to(path)) >= 4, PATIENCE, "four runs")
    (scheduler,) = karya.actor_pids("SchedulerActor")
    karya.kill(scheduler)
    summary = karya.ended(job.id, PATIENCE)
    told = [call.headers["karya-instant"] for call in target.calls_to(path)]
    expected = [format_instant(job.created_at + n * summary.job.schedule.every) for n in range(1, 25)]
    assert sorted(told) == expected, "a gap or a double"


def test_mongod_killed_with_tasks_in_flight(karya: Running, target: Target) -> None:
    path = "/mongod-killed"
    url = target.at(path, respond(delay=0.5))
    jobs = [karya.karya.submit(work(url)).id for _ in range(20)]
    later = {"kind": "once", "after": "PT1S"}
    jobs += [karya.karya.submit({**work(url), "schedule": later}).id for _ in range(20)]
    eventually(lambda: len(target.calls_to(path)) >= 10, PATIENCE, "requests in flight")
    karya.kill(karya.mongod_pid)
    jobs += submitted_while_away(karya, url)
    karya.ready()
    for job in jobs:
        summary = eventually(lambda job=job: done(karya, job), PATIENCE, f"job {job}")
        assert summary.counts == {TaskState.SUCCEEDED: 1}
    calls = target.calls_to(path)
    assert {call.headers["karya-job-id"] for call in calls} >= set(jobs)
    assert all(attempts == sorted(set(attempts)) for attempts in repeated(calls).values())


def submitted_while_away(karya: Running, url: str) -> list[str]:
    """What was accepted while mongod was down or coming back: each is a promise all the same."""
    accepted = []
    for _ in range(5):
        status, answer = karya.http("POST", "/v1/jobs", work(url))
        assert status in (201, 503), answer
        accepted += [answer["id"]] if status == 201 else []
    return accepted


def done(karya: Running, job: str) -> object:
    try:
        summary = karya.karya.summary(job)
    except Unavailable:
        return None
    return summary if summary.job.status is JobState.COMPLETED else None


def test_server_killed_comes_back_at_its_address(karya: Running, target: Target) -> None:
    job = karya.karya.submit(
        {**work(target.at("/server-killed")), "schedule": {"kind": "once", "after": "PT1S"}}
    )
    (server,) = karya.actor_pids("ServerActor")
    karya.kill(server)
    target_calls = eventually(lambda: target.calls_to("/server-killed"), PATIENCE, "the run")
    assert len(target_calls) == 1
    eventually(lambda: karya.actor_pids("ServerActor") not in ([], [server]), PATIENCE, "a new server")
    assert karya.karya.get(job.id).id == job.id
    karya.ready()  # over HTTP, at the URL of before
