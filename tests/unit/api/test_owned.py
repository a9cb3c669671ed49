"""Every call of the job service, as somebody makes it of what belongs to another (I10)."""

import inspect
from typing import Any

import pytest

from karya.api.owned import Owned
from karya.core.errors import KaryaError, NotFound
from karya.core.ports import JobService
from karya.core.queries import AuditQuery, JobQuery, LetterQuery, Paging
from karya.core.user import LOCAL, Principal, Role
from tests.support.memory_service import MemoryService

CALLS = {name: call for name, call in vars(JobService).items() if inspect.isfunction(call) and name[0] != "_"}
OF_ONE = {
    name for name, call in CALLS.items() if {"job_id", "task_id"} & set(inspect.signature(call).parameters)
}
OF_MANY = {name for name, call in CALLS.items() if "query" in inspect.signature(call).parameters}
OF_NONE = {"submit", "submit_many", "preview", "check", "needs_token", "readiness", "metrics"}
MODELS: dict[str, type[JobQuery | LetterQuery | AuditQuery]] = {
    "list": JobQuery,
    "job_lines": JobQuery,
    "audit": AuditQuery,
}
PAGE = {"cursor": None, "limit": 9}
BOB = Principal("bob", Role.USER)


async def stored(service: MemoryService) -> dict[str, Any]:
    """A job of Ann's, and what a call may be given."""
    spec = service.spec_type.model_validate({"action": {"type": "noop"}, "user_id": "ann"})
    job = await service.submit(spec)
    task = service.stored_tasks[job.id][0]
    parts = dict.fromkeys(("tasks", "waits", "errors", "history"), Paging())
    page = {"cursor": None, "limit": 9, "instants": 9, **parts}
    return {"job_id": job.id, "task_id": task.id, **page, "changes": {}, "key": None}


def test_every_call_is_of_one_kind() -> None:
    assert set(CALLS) == OF_ONE | OF_MANY | OF_NONE
    for name, call in CALLS.items():
        assert inspect.signature(getattr(Owned, name)) == inspect.signature(call), name


@pytest.mark.parametrize("name", sorted(OF_ONE))
async def test_what_another_owns_is_not_there(name: str) -> None:
    service = MemoryService()
    given = await stored(service)
    wanted = {key: given[key] for key in inspect.signature(CALLS[name]).parameters if key in given}
    before = dict(service.jobs)
    with pytest.raises(NotFound):
        await getattr(Owned(service, BOB), name)(**wanted)
    assert service.jobs == before


@pytest.mark.parametrize("name", sorted(OF_MANY))
async def test_a_query_finds_only_ones_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    service, asked = MemoryService(), []

    async def hear(query: JobQuery | LetterQuery | AuditQuery, **_: Any) -> None:
        asked.append(query.user_id)

    monkeypatch.setattr(service, name, hear)
    model = MODELS.get(name, LetterQuery)
    page = {key: given for key, given in PAGE.items() if key in inspect.signature(CALLS[name]).parameters}
    await getattr(Owned(service, BOB), name)(model(), **page)
    with pytest.raises(KaryaError):
        await getattr(Owned(service, BOB), name)(model(user_id="ann"), **page)
    assert asked == ["bob"]


async def test_what_is_checked_is_ones_own_and_what_one_may_not_submit_is_an_error() -> None:
    service = MemoryService()
    noop = {"action": {"type": "noop"}}
    mine, others, wrong = (await Owned(service, BOB).check([noop, {**noop, "user_id": "ann"}, {}])).jobs
    assert mine.spec is not None
    assert (mine.spec["user_id"], mine.errors) == ("bob", ())
    assert (others.spec, [error["field"] for error in others.errors]) == (None, ["user_id"])
    assert [error["field"] for error in wrong.errors] == ["action"]

    service.with_token = {"noop"}
    (refused,) = (await Owned(service, LOCAL).check([noop])).jobs
    assert [error["field"] for error in refused.errors] == ["action"]
    assert "takes a token" in refused.errors[0]["message"]
