"""Upstream's REST API as it goes over the wire: keys, slashes, errors, browsers."""

import urllib.error
import urllib.request
from typing import Any

import orjson
import pytest

from tests.compat.conftest import ORIGIN
from tests.support.running import Running
from tests.support.target import Target

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

PLAN = {
    *("id", "user_id", "description", "period_time", "type", "status", "max_failure_retry", "action"),
    *("hook", "parent_plan_id", "created_at", "updated_at"),
}
TASK = {"id", "plan_id", "partition_key", "status", "created_at", "executed_at", "next_execution_at"}
ENTITIES = "karya.core.entities"


class Answer:
    """What the gateway answers to one request."""

    def __init__(
        self, karya: Running, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> None:
        data = body if isinstance(body, bytes | None) else orjson.dumps(body)
        given = {"content-type": "application/json"} | (headers or {})
        request = urllib.request.Request(karya.cluster.url + path, data, given, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                self.status, self.headers, self.body = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            self.status, self.headers, self.body = error.code, error.headers, error.read()

    def json(self) -> Any:
        """The body, parsed."""
        assert self.status == 200, self.body
        return orjson.loads(self.body)


@pytest.fixture(scope="module")
def user(karya: Running) -> str:
    return str(Answer(karya, "POST", "//v1/user", {"name": "wire"}).json()["id"])


@pytest.fixture
def written(user: str, target: Target) -> dict[str, Any]:
    """A submission in the shortest form that a client may send."""
    return {
        "user_id": user,
        "description": "d",
        "period_time": "PT1H",
        "plan_type": {"type": "OneTime"},
        "action": {"type": "RestApiRequest", "base_url": target.url.removeprefix("http://")},
    }


def test_the_keys_of_every_answer(karya: Running, written: dict[str, Any]) -> None:
    plan = Answer(karya, "POST", "/v1/plan", written | {"surprise": 1}).json()
    assert set(plan) == PLAN
    assert plan["type"] == {"type": f"{ENTITIES}.PlanType.OneTime"}
    assert plan["action"] == {
        "type": f"{ENTITIES}.Action.RestApiRequest",
        "protocol": "HTTP",
        "base_url": written["action"]["base_url"],
        "method": "GET",
        "headers": {"content-type": "application/json"},
        "body": {"type": f"{ENTITIES}.http.Body.EmptyBody"},
        "timeout": 2000,
    }
    shown = Answer(karya, "GET", f"/v1/plan/{plan['id']}").json()
    assert (set(shown), set(shown["plan"]), set(shown["latest_task"])) == (
        {"plan", "latest_task"},
        PLAN,
        TASK,
    )
    summary = Answer(karya, "GET", f"/v1/plan/{plan['id']}/summary").json()
    assert set(summary) == {"plan", "tasks", "error_logs"}
    listed = Answer(karya, "GET", f"/v1/plan?user_id={plan['user_id']}").json()
    assert (set(listed), listed["offset"]) == ({"plans", "total", "offset"}, 0)
    for method, path in [("PATCH", "/v1/plan"), ("PATCH", f"/v1/plan/{plan['id']}")]:
        assert set(Answer(karya, method, path, {"plan_id": plan["id"], "hooks": []}).json()) == PLAN
    cancelled = Answer(karya, "POST", f"/v1/plan/{plan['id']}").json()
    assert cancelled == plan | {"status": "CANCELLED", "updated_at": cancelled["updated_at"]}


def test_two_slashes_behind_the_host(karya: Running, written: dict[str, Any]) -> None:
    plan = Answer(karya, "POST", "//v1/plan", written).json()
    assert Answer(karya, "GET", f"//v1/plan/{plan['id']}").json()["plan"] == plan
    assert Answer(karya, "GET", f"//v1/plan/{plan['id']}/summary").json()["plan"] == plan
    assert Answer(karya, "GET", "//v1/user?username=wire").json()["name"] == "wire"
    assert Answer(karya, "GET", "//v1/jobs").status == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("POST", "/v1/plan", b"{", 400, "the body is not JSON: "),
        ("POST", "/v1/plan", b"[]", 400, "the body must be a JSON object"),
        ("POST", "/v1/plan", b"{}", 400, "user_id: required; description: required; "),
        ("POST", "/v1/user", b"{}", 400, "name: required"),
        ("POST", "/v1/user", b'{"name": " "}', 400, "name: "),
        ("GET", "/v1/user", None, 400, "username: required"),
        ("GET", "/v1/plan", None, 400, "user_id: required"),
        ("GET", "/v1/plan?user_id=x", None, 400, "user_id: not an id"),
        ("PATCH", "/v1/plan", b"{}", 400, "plan_id: required"),
        ("PATCH", "/v1/plan/x", b"{}", 400, "plan_id: not an id"),
    ],
)
def test_errors_are_plain_text(
    karya: Running, method: str, path: str, body: bytes | None, status: int, message: str
) -> None:
    answer = Answer(karya, method, path, body)
    assert answer.status == status
    assert answer.body.decode().startswith(message)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_the_native_routes_show_the_same_job(karya: Running, written: dict[str, Any]) -> None:
    plan = Answer(karya, "POST", "/v1/plan", written).json()
    job = Answer(karya, "GET", f"/v1/jobs/{plan['id']}").json()
    assert job["schedule"] == {"kind": "once", "jitter": "PT0S", "at": None, "after": "PT1H"}
    assert (job["retry"]["max_attempts"], job["misfire"]["window"]) == (4, None)
    native = {"schedule": {"kind": "cron", "expression": "@daily"}, "action": {"type": "noop"}}
    status, made = karya.http("POST", "/v1/jobs", native)
    assert status == 201
    shown = Answer(karya, "GET", f"/v1/plan/{made['id']}").json()
    assert (set(shown["plan"]), shown["plan"]["period_time"]) == (PLAN, "PT0S")


def test_an_idempotency_key_makes_one_plan(karya: Running, written: dict[str, Any]) -> None:
    key = {"idempotency-key": "the same for both"}
    first, second = (Answer(karya, "POST", "/v1/plan", written, key) for _ in range(2))
    assert first.json() == second.json()


def preflight(karya: Running, origin: str) -> Answer:
    asked = {"origin": origin, "access-control-request-method": "PATCH"}
    return Answer(
        karya, "OPTIONS", "/v1/plan", headers=asked | {"access-control-request-headers": "content-type"}
    )


def test_a_browser_on_the_origin_that_the_settings_name(karya: Running, written: dict[str, Any]) -> None:
    allowed = preflight(karya, ORIGIN)
    assert allowed.status == 200
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    assert "PATCH" in allowed.headers["access-control-allow-methods"]
    assert "content-type" in allowed.headers["access-control-allow-headers"].lower()
    answer = Answer(karya, "POST", "/v1/plan", written, {"origin": ORIGIN})
    assert set(answer.json()) == PLAN
    assert answer.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize("origin", ["https://evil.example.com", f"{ORIGIN}.evil.example.com", "null"])
def test_a_browser_on_any_other_origin(karya: Running, user: str, origin: str) -> None:
    refused = preflight(karya, origin)
    assert refused.status == 403
    assert refused.headers["access-control-allow-origin"] is None
    answer = Answer(karya, "GET", f"/v1/plan?user_id={user}", headers={"origin": origin})
    assert answer.status == 403
