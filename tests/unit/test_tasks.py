"""Python functions as jobs, up to where they are handed over."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

import karya
from karya.connectors.python import PythonAction
from karya.connectors.python.call import Call, perform
from karya.core.errors import InvalidInput
from karya.core.spec import spec_model
from karya.tasks import _default
from tests.support import declared_tasks as functions
from tests.support.served import Served

SPEC = spec_model([PythonAction])
MODULE = functions.__name__


class Heard:
    """A connection that keeps what it is given."""

    def __init__(self) -> None:
        self.specs: list[dict[str, Any]] = []

    def submit(self, spec: Mapping[str, Any]) -> str:
        SPEC.model_validate(spec)  # what a server does first
        self.specs.append(dict(spec))
        return "job"


def refused(call: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[str, str]:
    with pytest.raises(InvalidInput) as error:
        call(*args, **kwargs)
    return error.value.errors[0].field, error.value.errors[0].message


def test_a_task_is_still_its_function() -> None:
    assert functions.report("2026-11-23", karya_context={"attempt": 1})["currency"] == "EUR"
    assert asyncio.run(functions.add(1, b=2)) == 3
    assert functions.report.__name__ == "report"
    assert functions.report.__doc__ == "What was asked for, and which attempt made it."


def test_what_is_submitted_is_a_call_of_the_function_by_name() -> None:
    heard = Heard()
    assert functions.report.using(heard, pool="gpu").submit("2026-11-23", currency="USD") == "job"
    assert heard.specs == [
        {
            "description": f"{MODULE}:report",
            "retry": {"max_attempts": 3},
            "timeout": "PT30S",
            "tags": ["reports"],
            "pool": "gpu",
            "action": {
                "type": "python",
                "function": f"{MODULE}:report",
                "args": ["2026-11-23"],
                "kwargs": {"currency": "USD"},
            },
        }
    ]
    functions.add.using(heard).delay(1)
    assert heard.specs[1]["action"]["args"] == [1]


def test_the_process_of_the_call_finds_the_function_in_the_task() -> None:
    call = Call(f"{MODULE}:report", ["x"], {}, {"attempt": 7}, [MODULE])
    assert perform(call).result == '{"day":"x","currency":"EUR","attempt":7}'
    assert perform(Call(f"{MODULE}:add", [1], {"b": 4}, {}, [MODULE])).result == "5"


@pytest.mark.parametrize(
    ("when", "schedule"),
    [
        ({}, {"kind": "once"}),
        ({"every": 90}, {"kind": "interval", "every": "PT1M30S"}),
        ({"every": timedelta(hours=1)}, {"kind": "interval", "every": "PT1H"}),
        ({"every": "PT5S"}, {"kind": "interval", "every": "PT5S"}),
        (
            {"cron": "@daily", "timezone": "Europe/Berlin"},
            {"kind": "cron", "expression": "@daily", "timezone": "Europe/Berlin"},
        ),
        ({"rrule": "FREQ=DAILY"}, {"kind": "rrule", "rule": "FREQ=DAILY"}),
        ({"at": datetime(2026, 11, 23, tzinfo=UTC)}, {"kind": "once", "at": "2026-11-23T00:00:00.000Z"}),
    ],
    ids=str,
)
def test_when(when: dict[str, Any], schedule: dict[str, Any]) -> None:
    heard = Heard()
    karya.schedule(
        functions.plain, **when, args=[1], connection=heard, name="x", retries=0, resources={"num_cpus": 2}
    )
    assert heard.specs[0]["schedule"] == schedule
    assert (heard.specs[0]["name"], heard.specs[0]["retry"]) == ("x", {"max_attempts": 1})
    assert heard.specs[0]["action"]["resources"] == {"num_cpus": 2}


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"every": 1, "cron": "@daily"}, "cron"),
        ({"timezone": "UTC", "every": 1}, "timezone"),
        ({"every": -1}, "every"),
        ({"at": datetime(2026, 11, 23)}, "at"),
        ({"retries": 1, "retry": {}}, "retries"),
        ({"action": {}}, "action"),
        ({"args": [1, 2]}, "args"),
        ({"kwargs": {"other": 1}}, "args"),
        ({"kwargs": {"karya_context": {}}}, "kwargs.karya_context"),
        ({"args": [{"a": [{1, 2}]}]}, "args.0.a.0"),
        ({"args": [datetime(2026, 11, 23)]}, "args.0"),
        ({"args": [float("nan")]}, "args.0"),
        ({"kwargs": {"value": {1: 2}}}, "kwargs.value"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named_before_anything_is_sent(options: dict[str, Any], field: str) -> None:
    heard = Heard()
    assert refused(karya.schedule, functions.plain, connection=heard, **options)[0] == field
    assert heard.specs == []


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda: 1, "a lambda has no name"),
        (functions.nested(), "is defined inside a function"),
        (functions.Reports().bound, "a method of one object"),
        (partial(functions.plain, 1), "has no name in a module"),
        (functions.first, "is another object by now"),
    ],
)
def test_what_no_other_process_could_find(function: Callable[..., Any], why: str) -> None:
    field, message = refused(karya.schedule, function, connection=Heard())
    assert (field, why in message) == ("function", True), message


def test_the_program_itself_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions.plain, "__module__", "__main__")
    assert "move it to a module" in refused(karya.task, functions.plain)[1]


def test_a_static_method_has_one() -> None:
    heard = Heard()
    karya.schedule(functions.Reports.static, connection=heard)
    assert heard.specs[0]["action"]["function"] == f"{MODULE}:Reports.static"


def test_where_nothing_else_is_said_jobs_go_to_the_gateway_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(_default.cache_clear)
    with Served.running() as served:
        monkeypatch.setenv("KARYA_URL", served.url)
        with pytest.raises(InvalidInput, match="noop"):  # this gateway knows no other connector
            functions.add.submit(1)
        assert served.asked[-1] == ("POST", "/v1/jobs")
