"""Users, tokens and ownership, end to end on a gateway that asks for no token but heeds those it is shown."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.eventually import eventually
from tests.support.running import Running
from tests.support.specs import SELDOM, post
from tests.support.target import Target, respond

pytestmark = pytest.mark.cluster

NOOP = {"type": "noop"}
JOB = {"schedule": SELDOM, "action": NOOP}


@pytest.fixture(scope="module")
def bearer(karya: Running) -> Mapping[str, str]:
    """The Authorization header of a user of each role, by name."""
    roles = {"amy": "user", "ben": "user", "vic": "viewer", "boss": "admin"}
    return {name: issued(karya, user(karya, name, role)) for name, role in roles.items()}


def user(karya: Running, name: str, role: str = "user") -> str:
    status, made = karya.http("POST", "/v1/users", {"name": f"{name} of access", "role": role})
    assert status == 201, made
    ident: str = made["id"]
    return ident


def issued(karya: Running, user_id: str) -> str:
    status, made = karya.http("POST", "/v1/tokens", {"user_id": user_id})
    assert status == 201, made
    return f"Bearer {made['secret']}"


def test_who_asks_is_known_by_the_token(karya: Running, bearer: Mapping[str, str]) -> None:
    _, amy = karya.http("GET", "/v1/whoami", authorization=bearer["amy"])
    assert (amy["user"]["name"], amy["role"]) == ("amy of access", "user")
    assert karya.http("GET", "/v1/whoami")[1] == {"user": None, "role": "admin"}


@pytest.mark.parametrize("authorization", ["Bearer karya_wrong", "Bearer", "Basic YTpi", ""])
def test_a_token_that_nobody_has_is_refused(karya: Running, authorization: str) -> None:
    newest = karya.http("GET", "/v1/jobs?limit=1")
    for method, path in (("GET", "/v1/jobs"), ("POST", "/v1/jobs"), ("GET", "/metrics")):
        body = {"action": NOOP} if method == "POST" else None
        status, headers, _ = karya.exchange(method, path, body, authorization=authorization)
        assert (status, headers["www-authenticate"]) == (401, 'Bearer realm="karya"')
    assert karya.http("GET", "/v1/jobs?limit=1") == newest


def test_the_job_of_another_answers_as_if_it_did_not_exist(
    karya: Running, target: Target, bearer: Mapping[str, str]
) -> None:
    amy, ben = ({"authorization": bearer[name]} for name in ("amy", "ben"))
    failing = post(target.at("/of-amy", respond(400)))
    _, job = karya.http("POST", "/v1/jobs", {**JOB, "action": failing, "tags": ["of-amy"]}, **amy)
    task = karya.http("POST", f"/v1/jobs/{job['id']}/trigger", **amy)[1]["tasks"][0]["id"]
    eventually(lambda: karya.http("GET", "/v1/dead-letters", **amy)[1]["tasks"], 30, "a dead letter")
    missing = "00000000-0000-7000-8000-000000000000"
    verbs = [f"/v1/jobs/ID/{v}" for v in ("cancel", "pause", "resume", "trigger", "skip-next")]
    looks = [f"/v1/jobs/ID{v}" for v in ("", "/tasks", "/summary", "/why", "/versions", "/occurrences")]
    for path in (*looks, "/v1/tasks/TASK"):
        same_as_none(karya, "GET", path, job["id"], task, missing, ben)
    for path in (*verbs, "/v1/dead-letters/TASK/redrive", "/v1/dead-letters/TASK/discard"):
        same_as_none(karya, "POST", path, job["id"], task, missing, ben)
    same_as_none(karya, "PATCH", "/v1/jobs/ID", job["id"], task, missing, ben, {"description": "mine"})
    for path in ("/v1/jobs?tag=of-amy", "/v1/dead-letters"):
        (found,) = [v for k, v in karya.http("GET", path, **ben)[1].items() if k != "next_cursor"]
        assert found == []
    for verb in ("redrive", "discard"):
        assert karya.http("POST", f"/v1/dead-letters/{verb}", {}, **ben)[1] == {"count": 0}
    after = karya.http("GET", f"/v1/jobs/{job['id']}", **amy)[1]
    assert (after["status"], after["version"], after["description"]) == ("ACTIVE", 1, "")
    assert len(target.calls_to("/of-amy")) == 1
    assert karya.http("POST", f"/v1/jobs/{job['id']}/cancel", authorization=bearer["boss"])[0] == 200


def same_as_none(
    karya: Running,
    method: str,
    path: str,
    job: str,
    task: str,
    missing: str,
    headers: Mapping[str, str],
    body: Any = None,
) -> None:
    """The answer is that for something that does not exist, but for its name."""
    theirs = karya.http(method, path.replace("ID", job).replace("TASK", task), body, **headers)
    none = karya.http(method, path.replace("ID", missing).replace("TASK", missing), body, **headers)
    assert theirs[0] == none[0] == 404, path
    text = theirs[1]["detail"].replace(job, missing).replace(task, missing)
    assert {**theirs[1], "detail": text} == none[1]


def test_a_job_belongs_to_who_submits_it(karya: Running, bearer: Mapping[str, str]) -> None:
    amy = {"authorization": bearer["amy"]}
    own = karya.http("GET", "/v1/whoami", **amy)[1]["user"]["id"]
    status, job = karya.http("POST", "/v1/jobs", JOB, **amy)
    assert (status, job["user_id"]) == (201, own)
    other = user(karya, "zoe")
    for path, body, field in (
        ("/v1/jobs", {**JOB, "user_id": other}, "user_id"),
        ("/v1/jobs/batch", [JOB, {**JOB, "user_id": other}], "1.user_id"),
    ):
        status, problem = karya.http("POST", path, body, **amy)
        assert (status, problem["errors"][0]["field"]) == (422, field)
    assert karya.http("GET", f"/v1/jobs?user_id={other}", **amy)[0] == 422
    assert karya.http("POST", f"/v1/jobs/{job['id']}/cancel", **amy)[0] == 200


def test_a_viewer_reads_and_a_user_makes_no_users(karya: Running, bearer: Mapping[str, str]) -> None:
    vic, amy, boss = ({"authorization": bearer[name]} for name in ("vic", "amy", "boss"))
    own = karya.http("GET", "/v1/whoami", **vic)[1]["user"]["id"]
    _, job = karya.http("POST", "/v1/jobs", {**JOB, "user_id": own}, **boss)
    assert karya.http("GET", f"/v1/jobs/{job['id']}", **vic)[0] == 200
    assert karya.http("POST", "/v1/jobs", JOB, **vic)[0] == 403
    for verb in ("cancel", "pause", "trigger"):
        assert karya.http("POST", f"/v1/jobs/{job['id']}/{verb}", **vic)[0] == 403
    for who in (vic, amy):
        assert karya.http("POST", "/v1/users", {"name": "crony"}, **who)[0] == 403
        assert karya.http("GET", "/v1/users", **who)[0] == 403
        assert karya.http("POST", "/v1/tokens", {"user_id": own}, **who)[0] == 403
    karya.karya.cancel(job["id"])


def test_keys_of_two_owners_are_two_keys(karya: Running, bearer: Mapping[str, str]) -> None:
    made = [
        karya.http("POST", "/v1/jobs", JOB, authorization=bearer[name], idempotency_key="shared")
        for name in ("amy", "ben", "amy")
    ]
    ids = [job["id"] for _, job in made]
    assert ids[0] == ids[2] != ids[1]
    for ident in set(ids):
        karya.karya.cancel(ident)


def test_a_revoked_token_is_refused_at_once_and_secrets_are_shown_once(karya: Running) -> None:
    owner = user(karya, "eve")
    _, made = karya.http("POST", "/v1/tokens", {"user_id": owner, "label": "laptop"})
    authorization = f"Bearer {made['secret']}"
    assert karya.http("GET", "/v1/whoami", authorization=authorization)[0] == 200
    _, listed = karya.http("GET", f"/v1/users/{owner}/tokens")
    assert [token["label"] for token in listed["tokens"]] == ["laptop"]
    assert made["secret"] not in str(listed)
    assert karya.http("DELETE", f"/v1/tokens/{made['token']['id']}")[0] == 204
    assert karya.http("GET", "/v1/whoami", authorization=authorization)[0] == 401
