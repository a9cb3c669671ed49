"""The job routes, when all is well and when the request is wrong."""

from io import BytesIO
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from karya.core.job import JobState
from tests.support.memory_service import MemoryService
from tests.support.problem import errors_of, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOOP = {"type": "noop"}
REST = {"type": "rest", "url": "http://localhost/x"}


async def submitted(client: ClientSession, **fields: Any) -> dict[str, Any]:
    async with client.post("/v1/jobs", json={"action": NOOP} | fields) as response:
        assert response.status == 201
        job: dict[str, Any] = await response.json()
        return job


async def test_a_submitted_job_is_answered_with_its_location(client: ClientSession) -> None:
    spec = {
        "description": "three calls",
        "schedule": {"kind": "interval", "every": "PT2S", "max_runs": 3},
        "action": REST | {"method": "POST", "body": {"a": 1}, "timeout": "PT2S"},
    }
    async with client.post("/v1/jobs", json=spec) as response:
        job = await response.json()
        assert response.status == 201
        assert response.headers["location"] == f"/v1/jobs/{job['id']}"
    assert job["status"] == "ACTIVE"
    assert job["schedule"]["every"] == "PT2S"
    assert job["action"]["body"] == {"a": 1}
    async with client.get(response.headers["location"]) as shown:
        assert await shown.json() == job


async def test_a_late_instant_is_warned_about(client: ClientSession) -> None:
    job = await submitted(client, schedule={"kind": "once", "at": "2001-01-01T00:00:00Z"})
    assert "in the past: the job runs now" in job["warnings"][0]


async def test_tasks_summary_and_cancel(client: ClientSession) -> None:
    job = await submitted(client)
    path = f"/v1/jobs/{job['id']}"
    async with client.get(f"{path}/tasks") as response:
        page = await response.json()
        assert [task["job_id"] for task in page["tasks"]] == [job["id"]]
        assert page["next_cursor"] is None
    async with client.get(f"{path}/summary") as response:
        summary = await response.json()
        assert summary["job"]["id"] == job["id"]
        assert summary["counts"] == {"READY": 1}
    async with client.post(f"{path}/cancel") as response:
        assert response.status == 200
        assert (await response.json())["status"] == "CANCELLED"


async def test_a_completed_job_cannot_be_cancelled(client: ClientSession, service: MemoryService) -> None:
    job = await submitted(client)
    service.jobs[job["id"]] = service.jobs[job["id"]].model_copy(update={"status": JobState.COMPLETED})
    async with client.post(f"/v1/jobs/{job['id']}/cancel") as response:
        assert "is completed" in (await problem_of(response, 409))["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("GET", "/tasks"), ("GET", "/summary"), ("POST", "/cancel")],
)
@pytest.mark.parametrize("ident", ["none", "$ne", "%00", "x" * 5000, "%22%3Cscript%3E"])
async def test_a_job_that_does_not_exist(client: ClientSession, method: str, path: str, ident: str) -> None:
    async with client.request(method, f"/v1/jobs/{ident}{path}") as response:
        assert (await problem_of(response, 404))["detail"].startswith("no job ")


async def test_lists_are_paged_without_overlap(client: ClientSession) -> None:
    jobs = [await submitted(client) for _ in range(5)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for expected in (2, 2, 1):
        async with client.get("/v1/jobs", params={"limit": "2"} | cursor) as response:
            page = await response.json()
            assert len(page["jobs"]) == expected
            seen += [job["id"] for job in page["jobs"]]
            cursor = {"cursor": page["next_cursor"]}
    assert seen == [job["id"] for job in reversed(jobs)]
    assert cursor == {"cursor": None}


async def test_lists_are_filtered(client: ClientSession) -> None:
    mine = await submitted(client, user_id="me")
    await submitted(client, user_id="you")
    for query, expected in [
        ({"user_id": "me"}, [mine["id"]]),
        ({"user_id": "me", "status": "COMPLETED"}, []),
    ]:
        async with client.get("/v1/jobs", params=query) as response:
            assert [job["id"] for job in (await response.json())["jobs"]] == expected


async def test_a_page_has_twenty_entries_unless_told(client: ClientSession) -> None:
    for _ in range(21):
        await submitted(client)
    async with client.get("/v1/jobs") as response:
        assert len((await response.json())["jobs"]) == 20


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("limit=0", "limit", "greater than or equal to 1"),
        ("limit=101", "limit", "less than or equal to 100"),
        ("limit=x", "limit", "must be a whole number"),
        ("limit=1&limit=2", "limit", "given more than once"),
        ("cursor=foreign", "cursor", "not a cursor"),
        ("cursor=" + "9" * 501, "cursor", "at most 500"),
        ("page=1", "page", "unknown field; there are: limit, cursor, user_id, status, tag, name, set,"),
        ("statsu=1", "statsu", "unknown field; did you mean status?"),
        ("status=active", "status", "must be 'ACTIVE', 'PAUSED', 'COMPLETED' or 'CANCELLED'"),
        ("user_id=" + "x" * 101, "user_id", "at most 100"),
        ("user_id[$ne]=x", "user_id[$ne]", "unknown field"),
        ("text=", "text", "at least 1 character"),
        ("text=a%00b", "text", "holds a control character (U+0000)"),
    ],
)
async def test_wrong_parameters(client: ClientSession, query: str, field: str, message: str) -> None:
    async with client.get(f"/v1/jobs?{query}") as response:
        errors = await errors_of(response)
        assert list(errors) == [field]
        assert message in errors[field]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, {"action": "give an action, or steps"}),
        ({"steps": []}, {"action": "give an action, or steps"}),
        ({"action": NOOP, "colour": 1}, {"colour": "unknown field; there are: name, set, description,"}),
        (
            {"action": NOOP, "retry": {"max_attemps": 3}},
            {"retry.max_attemps": "; did you mean max_attempts?"},
        ),
        ({"action": NOOP, "descripton": ""}, {"descripton": "unknown field; did you mean description?"}),
        ({"action": {}}, {"action.type": "required"}),
        ({"action": {"type": "fax"}}, {"action.type": "one of 'noop', 'rest'"}),
        ({"action": "noop"}, {"action": "must be an object"}),
        ({"action": {"type": "rest"}}, {"action.url": "required"}),
        ({"action": REST | {"rest": 1}}, {"action.rest": "unknown field; there are: type, method, url,"}),
        (
            {"action": REST | {"url": "ftp://x"}},
            {"action.url": "an absolute http:// or https:// URL with a host"},
        ),
        (
            {"action": REST | {"timeout": "PT0S"}},
            {"action.timeout": "must be greater than or equal to PT0.001S"},
        ),
        (
            {"action": REST | {"headers": {"a": "x\r\nevil: 1"}}},
            {"action.headers": "control character"},
        ),
        (
            {"action": REST | {"headers": {"Host": "evil"}}},
            {"action.headers": "'Host' cannot be set"},
        ),
        (
            {"action": REST | {"headers": {"type": 1, "rest": 2}}},
            {"action.headers.type": "", "action.headers.rest": ""},
        ),
        ({"action": NOOP, "schedule": {}}, {"schedule.kind": "required"}),
        (
            {"action": NOOP, "schedule": {"kind": "interval", "every": "PT0.05S"}},
            {"schedule.every": "must be greater than or equal to PT0.1S"},
        ),
        (
            {"action": NOOP, "schedule": {"kind": "interval", "every": "P99999D"}},
            {"schedule.every": "a duration is at most a hundred years"},
        ),
        (
            {"action": NOOP, "schedule": {"kind": "once", "at": "2030-01-01T00:00:00"}},
            {"schedule.at": "must have an offset, such as Z"},
        ),
        (
            {"action": NOOP, "schedule": {"kind": "once", "at": "2030-01-01T00:00:00Z", "after": "PT1S"}},
            {"schedule": "give either at or after, not both"},
        ),
        (
            {
                "action": NOOP,
                "schedule": {"kind": "interval", "every": "PT1S", "end_at": "2001-01-01T00:00:00Z"},
            },
            {"schedule.end_at": "first run"},
        ),
        (
            {
                "action": NOOP,
                "hooks": [{"trigger": "ON_FAILURE", "action": {"type": "rest"}}, {"action": NOOP}],
            },
            {"hooks.0.action.url": "required", "hooks.1.trigger": "required"},
        ),
        (
            {"action": NOOP, "retry": {"max_attempts": 0}},
            {"retry.max_attempts": "greater than or equal to 1"},
        ),
        ({"action": NOOP, "description": {"$gt": ""}}, {"description": "must be text"}),
        ({"action": NOOP, "tags": "a"}, {"tags": "must be a list"}),
        ({"action": NOOP, "tags": ["a b"]}, {"tags.0": "a tag is 1 to 64 letters, digits and"}),
        ({"action": NOOP, "tags": ["a"] * 21}, {"tags": "must have at most 20 items, not 21"}),
        ({"steps": [{"name": "1st", "action": NOOP}]}, {"steps.0.name": "a name is 1 to 63 letters"}),
        ({"action": REST | {"body": "x" * (1024 * 1024 + 1)}}, {"action.body": "at most 1,048,576 bytes"}),
    ],
)
async def test_wrong_jobs_are_refused_by_field_and_nothing_is_stored(
    client: ClientSession, service: MemoryService, spec: dict[str, Any], expected: dict[str, str]
) -> None:
    data = BytesIO(orjson.dumps(spec))
    async with client.post("/v1/jobs", data=data, headers={"content-type": "application/json"}) as response:
        errors = await errors_of(response)
    assert set(errors) == set(expected)
    for field, message in expected.items():
        assert message in errors[field]
    assert not service.jobs


async def test_no_error_repeats_what_was_written(client: ClientSession) -> None:
    spec = {"action": {"type": "geheim" * 1000}, "user_id": ["geheim"], "description": "geheim" * 1000}
    async with client.post("/v1/jobs", json=spec | {"k" * 100_000: 1}) as response:
        errors = await errors_of(response)
        assert len(errors) == 4
        assert "geheim" not in await response.text()


async def test_many_errors_are_cut(client: ClientSession) -> None:
    async with client.post("/v1/jobs", json={f"k{number}": 1 for number in range(10_000)}) as response:
        assert len(await errors_of(response)) == 20
