"""Listening to a whole cluster: the life of a job, taken up again in the middle, and only one's own."""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from tests.support.eventually import eventually
from tests.support.running import PATIENCE, Running
from tests.support.target import Target, respond

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

LIFE = [
    *("job.submitted", "task.scheduled", "task.claimed", "task.retrying"),
    *("task.claimed", "task.dead_lettered", "job.completed"),
    *("task.redriven", "task.claimed", "task.succeeded"),
]


@contextmanager
def listening(karya: Running, last_id: str = "", token: str = "", **query: Any) -> Iterator[HTTPResponse]:
    headers = {"last-event-id": last_id} if last_id else {}
    headers |= {"authorization": f"Bearer {token}"} if token else {}
    url = f"{karya.cluster.url}/v1/events?{urlencode(query, doseq=True)}"
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=PATIENCE) as answer:
        yield answer


def heard(answer: HTTPResponse, count: int) -> list[dict[str, Any]]:
    """The next so many events."""
    events: list[dict[str, Any]] = []
    while len(events) < count:
        if (line := answer.readline()).startswith(b"data: "):
            events.append(orjson.loads(line[6:]))
    return events


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("karya.") for event in events]


def test_the_life_of_a_job_is_heard_and_can_be_taken_up_anywhere(karya: Running, target: Target) -> None:
    url = target.at("/events", respond(500), respond(500), respond(200))
    retry = {"max_attempts": 2, "delay": "PT0.1S"}
    with listening(karya, kind=["karya.job", "karya.task"]) as answer:
        action = {"type": "rest", "method": "POST", "url": url}
        job = karya.submit(action=action, retry=retry)
        events = list(heard_of(answer, job, 7))
        task = events[1]["subject"]
        status, _ = karya.http("POST", f"/v1/dead-letters/{task}/redrive")
        assert status == 200
        events += heard_of(answer, job, 3)
    # The end of a job follows that of its task in a write of its own.
    assert sorted(kinds(events)) == sorted(LIFE)
    assert kinds(events)[:6] == LIFE[:6]
    assert [event["data"]["attempt"] for event in events if event["type"].endswith("claimed")] == [1, 2, 1]
    for number in (0, 4, 8):
        with listening(karya, events[number]["id"], job=job) as answer:
            assert heard(answer, 9 - number) == events[number + 1 :]


def heard_of(answer: HTTPResponse, job: str, count: int) -> Iterator[dict[str, Any]]:
    """The next so many events of one job."""
    for _ in range(count):
        while (event := heard(answer, 1)[0])["data"]["job_id"] != job:
            pass
        yield event


def test_only_one_s_own_is_heard(karya: Running) -> None:
    secrets = {}
    for name in ("events-ann", "events-bob"):
        _, user = karya.http("POST", "/v1/users", {"name": name})
        _, issued = karya.http("POST", "/v1/tokens", {"user_id": user["id"]})
        secrets[name] = (issued["secret"], user["id"])
    (ann, ann_id), (bob, bob_id) = secrets.values()
    with listening(karya, token=bob, kind="karya.job.submitted") as answer:
        jobs = {}
        for token in (ann, bob):
            authorization = f"Bearer {token}"
            _, job = karya.http("POST", "/v1/jobs", {"action": {"type": "noop"}}, authorization=authorization)
            jobs[token] = job["id"]
        (event,) = heard(answer, 1)
        assert (event["data"]["job_id"], event["data"]["user_id"]) == (jobs[bob], bob_id)
    with listening(karya, user=[ann_id], after=event["id"], kind="karya.job") as answer:
        pass  # an admin may ask for anybody
    for query in (f"user={ann_id}", f"job={jobs[ann]}"):
        status, problem = karya.http("GET", f"/v1/events?{query}", authorization=f"Bearer {bob}")
        assert status in (404, 422), problem


def test_a_new_leader_is_heard(karya: Running) -> None:
    with listening(karya, kind="karya.scheduler") as answer:
        karya.kill(karya.actor_pids("SchedulerActor")[0])
        resigned, event = heard(answer, 2)  # for the dead one, by the one that follows it
        assert kinds([resigned, event]) == ["scheduler.resigned", "scheduler.elected"]
        assert event["data"]["owner"].startswith("scheduler@")
    eventually(lambda: karya.readiness().startswith("200 "), PATIENCE)
