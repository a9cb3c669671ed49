"""The python connector: which functions it calls, and what comes of the call. Ray is elsewhere."""

import asyncio
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from karya.connectors.python import PythonAction, PythonConnector, PythonSettings
from karya.connectors.python.connector import options_of
from karya.connectors.python.settings import is_allowed
from karya.connectors.registry import load_connectors
from karya.core.action import Action
from karya.core.errors import InvalidInput, KaryaError, Unavailable
from karya.core.outcome import Failure, Success
from karya.core.ports import AttemptContext, Tools
from tests.unit.connectors.conformance import CONTEXT, Conformance

MODULE = "tests.support.functions"
SETTINGS = PythonSettings(modules=(MODULE,))


async def in_a_thread(
    function: str, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]
) -> Any:
    """Implements `RunRemote` in this process."""
    module, _, name = function.partition(":")
    return await asyncio.to_thread(getattr(importlib.import_module(module), name), *args, **kwargs)


TOOLS = Tools(run_remote=in_a_thread)


def action(name: str, *args: Any, **fields: Any) -> PythonAction:
    return PythonAction.model_validate({"function": f"{MODULE}:{name}", "args": args, **fields})


async def run(wanted: PythonAction, context: AttemptContext = CONTEXT, tools: Tools = TOOLS) -> Any:
    connector = PythonConnector(SETTINGS)
    await connector.open(tools)
    return await connector.run(wanted, context)


async def failure(wanted: PythonAction) -> Failure:
    outcome = await run(wanted)
    assert isinstance(outcome, Failure), outcome
    return outcome


class TestPython(Conformance):
    def connector(self) -> PythonConnector:
        return PythonConnector(SETTINGS)

    def tools(self) -> Tools:
        return TOOLS

    def good_action(self) -> Action:
        return action("add", 1, kwargs={"right": 2})

    def bad_actions(self) -> list[Action]:
        return [action("odd"), action("no_such_function"), PythonAction(function="os:getcwd")]


@pytest.mark.parametrize(
    ("wanted", "result"),
    [
        (action("add", 1), {"sum": 2}),
        (action("add", 1, kwargs={"right": 2}), {"sum": 3}),
        (action("add_later", 1, 2), 3),
        (action("Calculator.double", 4), 8),
        (action("returned", "text"), "ü"),
        (action("returned", "nothing"), None),
        (action("keywords", kwargs={"a": 1}), ["a"]),
    ],
)
async def test_what_a_function_returns_is_the_result(wanted: PythonAction, result: Any) -> None:
    assert await run(wanted) == Success(result)


async def test_a_function_may_ask_for_the_context() -> None:
    outcome = await run(action("told", "ada"), replace(CONTEXT, event='{"type":"karya.task.failed"}'))
    assert outcome == Success(
        {
            "name": "ada",
            "task_id": CONTEXT.task_id,
            "job_id": CONTEXT.job_id,
            "attempt": 2,
            "token": 7,
            "instant": "2026-11-23T08:00:00.250Z",
            "event": {"type": "karya.task.failed"},
        }
    )


async def test_a_large_result_is_cut_where_it_is_made() -> None:
    outcome = await run(action("returned", "large"))
    assert outcome.result["truncated"] is True
    assert outcome.result["bytes"] == 100_002
    assert len(orjson.dumps(outcome.result)) < 5_000


async def test_an_exception_is_a_failure_with_a_short_trace() -> None:
    outcome = await failure(action("odd"))
    first, *trace = outcome.error.splitlines()
    assert (first, outcome.permanent, outcome.code) == ("Odd: 1 is not 2", False, "exception.Odd")
    assert len(trace) == 1
    assert "functions.py" in trace[0]
    assert "in odd: raise Odd(1, 2)" in trace[0]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("odd_task", ["in odd_task: odd()", "in odd: raise Odd(1, 2)"]),
        ("odd_later_task", ["in odd_later_task: await odd_later()", "in odd_later: raise Odd(3, 4)"]),
        (
            "deep",
            [
                "in deep: down(9)",
                "in down: down(further - 1)",
                "… 6 more",
                *["in down: down(further - 1)"] * 2,
                "in down: raise Odd(5, 6)",
            ],
        ),
    ],
)
async def test_a_trace_begins_with_the_users_own_lines(name: str, lines: Sequence[str]) -> None:
    _, *trace = (await failure(action(name))).error.splitlines()
    assert [
        line.strip().split(" ", 1)[-1] if "functions.py" in line else line.strip() for line in trace
    ] == lines


@pytest.mark.parametrize(("name", "error"), [("odd_later", "Odd: 3 is not 4"), ("leave", "SystemExit: 3")])
async def test_other_ways_to_fail(name: str, error: str) -> None:
    outcome = await failure(action(name))
    assert (outcome.error.splitlines()[0], outcome.permanent) == (error, False)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (action("nothing_here"), "AttributeError: module"),
        (action("Calculator.nothing"), "AttributeError: type object"),
        (action("NUMBER"), "is a int and cannot be called"),
        (action("add"), "missing a required argument: 'left'"),
        (action("add", 1, 2, 3), "too many positional arguments"),
        (action("returned", "set"), "returned a set that is no JSON"),
        (action("path.exists", "/"), "path is a module"),
        (action("Actions"), "defined in tests.support.actions"),
        (action("time.sleep", 0), "time is a module"),
    ],
)
async def test_what_no_second_try_can_mend_is_permanent(wanted: PythonAction, words: str) -> None:
    outcome = await failure(wanted)
    assert outcome.permanent
    assert words in outcome.error


@pytest.mark.parametrize(
    ("source", "permanent", "words"),
    [
        ("import nowhere_at_all", True, "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("def broken(", True, "SyntaxError"),
        ("raise OSError('busy')", False, "OSError: busy"),
    ],
)
async def test_modules_that_cannot_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, permanent: bool, words: str
) -> None:
    (tmp_path / "karya_test_broken.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    connector = PythonConnector(PythonSettings(modules=("karya_test_broken", "karya_test_absent")))
    await connector.open(TOOLS)
    outcome: Any = await connector.run(PythonAction(function="karya_test_broken:f"), CONTEXT)
    assert (outcome.permanent, words in outcome.error) == (permanent, True), outcome
    of_the_user = "karya_test_broken.py:1 in <module>: "
    assert [line.strip() for line in outcome.error.splitlines()[1:]] == (
        [] if "broken(" in source else [f"{tmp_path}/{of_the_user}{source}"]
    )
    outcome = await connector.run(PythonAction(function="karya_test_absent:f"), CONTEXT)
    assert (outcome.permanent, outcome.code) == (True, "function")


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (Unavailable("the process died"), Failure("the process died", code="process")),
        (InvalidInput.at("", "no"), Failure("no", permanent=True, code="refused")),
    ],
)
async def test_what_happens_to_the_process(raised: KaryaError, expected: Failure) -> None:
    async def broken(*_: Any) -> Any:
        raise raised

    assert await run(action("add", 1), tools=Tools(run_remote=broken)) == expected


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"function": "os:system"}, "module os is not allowed: connectors.python.modules has"),
        ({"runtime_env": {"pip": ["x"]}}, "connectors.python.runtime_env"),
    ],
)
async def test_what_the_settings_do_not_allow_fails_for_good(fields: dict[str, Any], words: str) -> None:
    wanted = PythonAction.model_validate({"function": f"{MODULE}:add", **fields})
    reason = PythonConnector(SETTINGS).refusal(wanted)
    assert reason
    assert words in reason
    assert await run(wanted) == Failure(reason, permanent=True, code="refused")


@pytest.mark.parametrize(
    ("environment", "refused"),
    [
        ({"pip": ["x"], "env_vars": {"A": "b"}}, False),
        ({"working_dir": "s3://bucket/a.zip", "py_modules": ["https://host/b.zip"]}, False),
        ({"working_dir": "/srv/jobs"}, True),
        ({"py_modules": ["https://host/b.zip", "./c"]}, True),
    ],
)
def test_an_environment_names_no_paths(environment: dict[str, Any], refused: bool) -> None:
    connector = PythonConnector(PythonSettings(modules=(MODULE,), runtime_env=True))
    assert (connector.refusal(action("add", runtime_env=environment)) is not None) is refused


def test_options_of_the_ray_task() -> None:
    assert options_of(action("add")) == {
        "name": f"{MODULE}:add",
        "num_cpus": 1,
        "num_gpus": 0,
        "resources": {},
    }
    resources = {"num_cpus": 0.5, "num_gpus": 1, "memory": 1024, "custom": {"big": 2}}
    options = options_of(action("add", resources=resources, runtime_env={"pip": []}))
    assert options == {
        "name": f"{MODULE}:add",
        "num_cpus": 0.5,
        "num_gpus": 1,
        "memory": 1024,
        "resources": {"big": 2},
        "runtime_env": {"pip": []},
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("function", "add"),
        ("function", "jobs:"),
        ("function", "../jobs:add"),
        ("function", "jobs:add()"),
        ("function", "jobs:add:more"),
        ("args", "text"),
        ("args", [{1, 2}]),
        ("kwargs", {"karya_context": {}}),
        ("kwargs", [1]),
        ("resources", {"num_cpus": -1}),
        ("resources", {"cpus": 1}),
        ("runtime_env", "pip"),
    ],
)
def test_actions_that_cannot_be_called_are_refused(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        PythonAction.model_validate({"function": "jobs:add", field: value})
    assert refused.value.errors()[0]["loc"][0] == field


@pytest.mark.parametrize(
    ("module", "pattern", "allowed"),
    [
        ("jobs", "jobs", True),
        ("jobs.daily", "jobs", False),
        ("jobs", "jobs.*", True),
        ("jobs.daily.late", "jobs.*", True),
        ("jobsters", "jobs.*", False),
        ("my.jobs", "jobs.*", False),
    ],
)
def test_patterns(module: str, pattern: str, allowed: bool) -> None:
    assert is_allowed(module, (pattern,)) is allowed


@pytest.mark.parametrize("modules", [[], ["*"], ["jobs*"], ["a-b"], [""], "jobs"])
def test_settings_are_checked(modules: Any) -> None:
    with pytest.raises(ValidationError):
        PythonSettings.model_validate({"modules": modules})


def test_without_modules_it_is_not_configured() -> None:
    connectors = load_connectors({})
    reason = connectors.refusal(action("add"))
    assert reason == "the python connector is not configured: set connectors.python.modules in karya.yaml"


@pytest.mark.parametrize("free", [False, True])
def test_a_token_is_needed_unless_the_settings_say_otherwise(free: bool) -> None:
    connectors = load_connectors({"python": {"modules": ["jobs"], "without_token": free}})
    assert connectors.needs_token(action("add")) is not free
    assert connectors.needing_tokens == (frozenset() if free else {"python"})
