"""Many jobs in one request, and requests that are repeated, end to end."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest

from karya.core.ids import new_id
from karya.core.times import floor_millis
from tests.support.eventually import eventually
from tests.support.running import Running
from tests.support.specs import SELDOM, post
from tests.support.target import Target

pytestmark = pytest.mark.cluster

NDJSON = "application/x-ndjson"
NOOP = {"type": "noop"}


def all_ids(karya: Running, query: str) -> list[str]:
    """The jobs that the query finds, page by page."""
    ids: list[str] = []
    cursor = ""
    while True:
        _, page = karya.http("GET", f"/v1/jobs?{query}&limit=100{cursor}")
        ids += [job["id"] for job in page["jobs"]]
        if page["next_cursor"] is None:
            return ids
        cursor = f"&cursor={page['next_cursor']}"


def test_two_thousand_jobs_in_one_request_all_run(karya: Running) -> None:
    jobs = [{"action": NOOP, "tags": ["batch-2000"], "description": str(n)} for n in range(2000)]
    status, answer = karya.http("POST", "/v1/jobs/batch", jobs)
    assert (status, answer["count"], len(set(answer["ids"]))) == (201, 2000, 2000)
    last = karya.http("GET", f"/v1/jobs/{answer['ids'][-1]}")[1]
    assert last["description"] == "1999"
    eventually(lambda: not active(karya), 90, "the end of all")
    assert all_ids(karya, "tag=batch-2000&status=COMPLETED") == answer["ids"][::-1]


def active(karya: Running) -> list[Any]:
    jobs: list[Any] = karya.http("GET", "/v1/jobs?tag=batch-2000&status=ACTIVE&limit=1")[1]["jobs"]
    return jobs


def test_one_job_a_line(karya: Running, target: Target) -> None:
    lines = [{"action": post(target.at("/line"), body={"n": n})} for n in range(3)]
    body = b"\n".join(map(orjson.dumps, lines)) + b"\n"
    status, answer = karya.http("POST", "/v1/jobs/batch", body, content_type=NDJSON)
    assert (status, answer["count"]) == (201, 3)
    for ident in answer["ids"]:
        karya.ended(ident, 30)
    assert sorted(call.json()["n"] for call in target.calls_to("/line")) == [0, 1, 2]


def test_what_is_wrong_in_a_batch_is_told_by_item_and_nothing_is_stored(karya: Running) -> None:
    good = {"action": NOOP, "tags": ["batch-bad"]}
    bad = [good, {**good, "schedule": {"kind": "interval", "every": "x"}}, good, {"tags": []}]
    unknown = [good, {**good, "user_id": "nobody"}]
    for jobs, fields in ((bad, ["1.schedule.every", "3.action"]), (unknown, ["1.user_id"])):
        for body, kind in ((jobs, "application/json"), (b"\n".join(map(orjson.dumps, jobs)), NDJSON)):
            status, problem = karya.http("POST", "/v1/jobs/batch", body, content_type=kind)
            assert (status, [error["field"] for error in problem["errors"]]) == (422, fields)
    assert all_ids(karya, "tag=batch-bad") == []


def test_the_handle_submits_many_and_a_key_makes_them_once(karya: Running) -> None:
    key = new_id(floor_millis(karya.karya.submit({"action": NOOP}).created_at))
    specs = [{"action": NOOP, "tags": ["batch-key"]} for _ in range(3)]
    ids = karya.karya.submit_many(specs, key=key)
    assert karya.karya.submit_many(specs, key=key) == ids
    assert all_ids(karya, "tag=batch-key") == [*reversed(ids)]


def test_requests_with_one_key_at_the_same_time_make_one_job(karya: Running) -> None:
    job = {"action": NOOP, "tags": ["at-once"]}
    with ThreadPoolExecutor(8) as pool:
        sent = [pool.submit(karya.http, "POST", "/v1/jobs", job, idempotency_key="at-once") for _ in range(8)]
    answers = [one.result() for one in sent]
    assert {status for status, _ in answers} == {201}
    assert len({made["id"] for _, made in answers}) == 1
    assert len(all_ids(karya, "tag=at-once")) == 1


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs/batch"])
def test_a_repeated_submission_is_one(karya: Running, path: str) -> None:
    tag = path.replace("/", "x")
    job = {"action": NOOP, "tags": [tag], "schedule": SELDOM}
    body: Any = [job, job] if path.endswith("batch") else job
    first = karya.exchange("POST", path, body, idempotency_key=tag)
    again = karya.exchange("POST", path, body, idempotency_key=tag)
    assert (first[0], again[0], again[2]) == (201, 201, first[2])
    assert (first[1].get("idempotent-replay"), again[1].get("idempotent-replay")) == (None, "true")
    assert again[1].get("location") == first[1].get("location")
    other = karya.http(
        "POST", path, [job] if path.endswith("batch") else {**job, "tags": []}, idempotency_key=tag
    )
    assert other[0] == 409
    assert len(all_ids(karya, f"tag={tag}")) == (2 if path.endswith("batch") else 1)
    for ident in all_ids(karya, f"tag={tag}"):
        karya.karya.cancel(ident)


def test_a_refusal_is_repeated_too_and_the_key_stays_taken(karya: Running) -> None:
    wrong = {"action": {"type": "noop", "colour": 1}}
    first = karya.http("POST", "/v1/jobs", wrong, idempotency_key="refused")
    assert first[0] == 422
    assert karya.http("POST", "/v1/jobs", wrong, idempotency_key="refused") == first
    assert karya.http("POST", "/v1/jobs", {"action": NOOP}, idempotency_key="refused")[0] == 409


def test_a_repeated_trigger_runs_once(karya: Running, target: Target) -> None:
    job = karya.submit(schedule=SELDOM, action=post(target.at("/trigger-key")))
    path = f"/v1/jobs/{job}/trigger"
    first, again = (karya.http("POST", path, idempotency_key="trigger-key") for _ in range(2))
    assert (first[0], again) == (201, first)
    other = karya.http("POST", path, idempotency_key="trigger-other")[1]
    assert other["cause"] != first[1]["cause"]
    eventually(lambda: len(target.calls_to("/trigger-key")) == 2, 30, "two runs")
    karya.karya.cancel(job)
    assert karya.http("POST", path, idempotency_key="trigger-key") == first
    assert len(target.calls_to("/trigger-key")) == 2


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel", "skip-next"])
def test_every_post_heeds_the_key(karya: Running, verb: str) -> None:
    job = karya.submit(schedule=SELDOM, action=NOOP)
    path = f"/v1/jobs/{job}/{verb}"
    first, again = (karya.exchange("POST", path, idempotency_key=f"key-{verb}") for _ in range(2))
    assert (first[0], again[0], again[2]) == (200, 200, first[2])
    assert again[1]["idempotent-replay"] == "true"
    if verb != "cancel":
        karya.karya.cancel(job)
