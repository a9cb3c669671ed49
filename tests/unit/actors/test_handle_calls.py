"""What a Python client calls comes back as JSON, or as the error to raise."""

import pickle
import sys
from typing import Any

import orjson
import pytest
from opentelemetry.trace import NonRecordingSpan, use_span

from karya.actors.cluster.handle import _traced
from karya.actors.cluster.handle_calls import METHODS, REPEATABLE, answer
from karya.core.errors import Conflict, InvalidInput, KaryaError, NotFound, StoreUnavailable
from karya.core.trace import Trace, caller
from karya.core.views import JobView
from karya.telemetry.contexts import span_context
from tests.support.lists import LISTS
from tests.support.memory_service import MemoryService

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SPEC = {"action": {"type": "noop"}}
GIVEN = {
    "job_id": "x",
    "task_id": "x",
    "spec": SPEC,
    "specs": [SPEC],
    "changes": {"description": "new"},
    "query": {},
    "cursor": None,
    "limit": 5,
}
"""Every argument that some call wants."""


@pytest.fixture
def service() -> MemoryService:
    return MemoryService()


async def error_of(service: MemoryService, method: str, **arguments: Any) -> KaryaError:
    """The error, as it comes out at the other end."""
    came = await answer(service, method, arguments)
    assert came.json is None
    error = pickle.loads(pickle.dumps(came)).error
    assert isinstance(error, KaryaError)
    assert str(error) == str(came.error)
    return error


async def submitted(service: MemoryService) -> str:
    came = await answer(service, "submit", {"spec": SPEC})
    assert came.json is not None
    return str(orjson.loads(came.json)["id"])


async def test_a_job_from_beginning_to_end(service: MemoryService) -> None:
    job_id = await submitted(service)
    assert list(service.jobs) == [job_id]
    for method, field in (("get", "id"), ("cancel", "id")):
        came = await answer(service, method, {"job_id": job_id})
        assert came.error is None and came.json is not None
        assert orjson.loads(came.json)[field] == job_id
    came = await answer(service, "summary", {"job_id": job_id})
    assert came.json is not None
    assert orjson.loads(came.json)["job"]["status"] == "CANCELLED"


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        ({}, ["action"]),
        ({"action": {"type": "nope"}}, ["action.type"]),
        ({"action": {"type": "rest"}}, ["action.url"]),
        ({**SPEC, "shedule": {}, "retry": {"max_attempts": 0}}, ["retry.max_attempts", "shedule"]),
        ({**SPEC, "schedule": {"kind": "interval"}}, ["schedule.every"]),
        (None, [""]),
        ("text", [""]),
    ],
    ids=str,
)
async def test_a_bad_spec_is_refused_by_the_names_of_its_fields(
    service: MemoryService, spec: Any, fields: list[str]
) -> None:
    error = await error_of(service, "submit", spec=spec)
    assert isinstance(error, InvalidInput)
    assert sorted(problem.field for problem in error.errors) == fields
    assert service.jobs == {}


async def test_a_field_that_is_not_there_is_told_from_those_that_are(service: MemoryService) -> None:
    job, told = await submitted(service), "retry.dely: unknown field; did you mean delay?"
    wrong = {"retry": {"dely": "PT1S"}}
    assert str(await error_of(service, "submit", spec={**SPEC, **wrong})) == told
    assert str(await error_of(service, "submit_many", specs=[SPEC, {**SPEC, **wrong}])) == f"1.{told}"
    assert str(await error_of(service, "update", job_id=job, changes=wrong)) == told
    error = await error_of(service, "list", query={"since": 1})
    assert str(error).startswith("since: unknown field; there are: user_id, status, tag, ")


@pytest.mark.parametrize("method", ["delete", "", "__class__", "readiness", "metrics", "spec_type"])
async def test_no_other_method_can_be_called(service: MemoryService, method: str) -> None:
    error = await error_of(service, method, job_id="x")
    assert isinstance(error, InvalidInput)
    assert error.errors[0].field == "method"
    assert repr(method) in str(error)


@pytest.mark.parametrize("method", sorted(REPEATABLE - {"list", "preview", "check", "dead_letters", "audit"}))
async def test_an_unknown_job_is_a_value(service: MemoryService, method: str) -> None:
    error = await error_of(service, method, **GIVEN)
    assert isinstance(error, NotFound)
    assert error.ident == "x"


@pytest.mark.parametrize("failure", [StoreUnavailable("away"), Conflict("no"), NotFound("job", "x")])
@pytest.mark.parametrize("method", sorted(METHODS))
async def test_every_error_of_karya_is_a_value(
    service: MemoryService, method: str, failure: KaryaError
) -> None:
    service.failure = failure
    assert type(await error_of(service, method, **GIVEN)) is type(failure)


@pytest.mark.parametrize("method", sorted(METHODS))
async def test_what_is_not_given_is_named(service: MemoryService, method: str) -> None:
    error = await error_of(service, method)
    assert isinstance(error, InvalidInput)
    assert error.errors[0].message == "required"
    assert error.errors[0].field in GIVEN


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"limit": 0}, "limit", "greater than or equal to 1"),
        ({"limit": 101}, "limit", "less than or equal to 100"),
        ({"limit": 10**30}, "limit", ""),
        ({"limit": "many"}, "limit", "must be a whole number"),
        ({"limit": None}, "limit", "must be a whole number"),
        ({"cursor": "x" * 501}, "cursor", "at most 500 characters"),
        ({"cursor": 5}, "cursor", "must be text"),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", sorted({one.handle for one in LISTS.values() if one.handle}))
async def test_the_bounds_of_a_page_are_those_of_the_gateway(
    service: MemoryService, method: str, given: dict[str, Any], field: str, message: str
) -> None:
    error = await error_of(service, method, **{**GIVEN, **given})
    assert isinstance(error, InvalidInput)
    assert [problem.field for problem in error.errors] == [field]
    assert message in error.errors[0].message


@pytest.mark.parametrize("limit", [0, 1_001, "many"])
@pytest.mark.parametrize("method", ["occurrences", "preview"])
async def test_instants_are_bounded_too(service: MemoryService, method: str, limit: Any) -> None:
    error = await error_of(service, method, **{**GIVEN, "limit": limit})
    assert isinstance(error, InvalidInput)
    assert [problem.field for problem in error.errors] == ["limit"]


async def test_a_page_has_twenty_entries_unless_it_is_said(service: MemoryService) -> None:
    for _ in range(21):
        await submitted(service)
    came = await answer(service, "list", {"query": {}})
    assert came.json is not None
    assert len(orjson.loads(came.json)["jobs"]) == 20


async def test_a_bad_spec_among_many_is_named_by_its_number(service: MemoryService) -> None:
    error = await error_of(service, "submit_many", specs=[SPEC, {"action": {"type": "rest"}}])
    assert isinstance(error, InvalidInput)
    assert [problem.field for problem in error.errors] == ["1.action.url"]
    assert service.jobs == {}


async def test_a_call_is_made_in_the_name_of_the_span_that_it_names(
    service: MemoryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[Trace | None] = []

    async def trigger(job_id: str, *, key: str | None = None) -> JobView:
        known.append(caller.get())
        return await service.get(job_id)

    monkeypatch.setattr(service, "trigger", trigger)
    given = {"job_id": await submitted(service)}
    assert (await answer(service, "trigger", {**given, "traceparent": PARENT, "tracestate": "v=a"})).json
    assert (await answer(service, "trigger", given)).json
    assert known == [Trace(parent=PARENT, state="v=a"), None]


def test_a_program_names_the_span_that_is_current_and_loads_nothing_to_find_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert _traced() == {}
    context = span_context(Trace(parent=PARENT, state="v=a"))
    with use_span(NonRecordingSpan(context)):
        assert _traced() == {"traceparent": PARENT, "tracestate": "v=a"}
        monkeypatch.delitem(sys.modules, "opentelemetry.trace")
        assert _traced() == {}


async def test_a_defect_is_raised(service: MemoryService) -> None:
    service.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await answer(service, "get", {"job_id": "x"})


def test_only_what_changes_nothing_the_second_time_may_be_repeated() -> None:
    changing = {"submit", "submit_many", "trigger", "skip_next", "update"}
    letters = {"redrive", "redrive_all", "discard", "discard_all"}
    assert METHODS.keys() - REPEATABLE == changing | letters
