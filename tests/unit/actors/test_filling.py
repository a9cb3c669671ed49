"""What goes into the templates of a claimed task: only what it names, and only what belongs to it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest

from karya.actors.filling import filled_in
from karya.core.ports import Claim, StepResult
from karya.core.task import TaskKind, TaskState
from karya.core.template import TemplateError
from tests.unit.actors.hints import hint

RESULTS = {
    "extract": StepResult(TaskState.SUCCEEDED, {"id": 7}),
    "load": StepResult(TaskState.DEAD, None, "disk full"),
    "ghost": StepResult(TaskState.SKIPPED),
}


class Results:
    """The part of `Claims` that is asked; it notes the questions."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, list[str]]] = []

    async def results(self, job_id: str, cause: str, steps: Iterable[str]) -> Mapping[str, StepResult]:
        self.asked.append((job_id, cause, list(steps)))
        return {name: RESULTS[name] for name in self.asked[-1][2] if name in RESULTS}


def claim(body: Any, *, templated: bool = True, kind: TaskKind = TaskKind.STEP) -> Claim:
    about = {"templated": templated, "kind": kind, "cause": "at:x"}
    event = '{"data":{"error":"boom"}}' if kind is TaskKind.HOOK else None
    return Claim(replace(hint("task"), **about), "lease", orjson.dumps(body).decode(), event)


async def fill(made: Claim) -> tuple[Any, Results]:
    claims = Results()
    return orjson.loads(await filled_in(made, claims)), claims  # type: ignore[arg-type]


async def test_a_step_gets_what_it_names_of_its_own_occurrence() -> None:
    body = {"id": "{{steps.extract.result.id}}", "why": "{{steps.load.status}}: {{steps.load.error}}"}
    filled, claims = await fill(claim(body))
    assert filled == {"id": 7, "why": "DEAD: disk full"}
    assert claims.asked == [("job", "at:x", ["extract", "load"])]


async def test_a_hook_gets_its_event_and_asks_for_nothing() -> None:
    filled, claims = await fill(claim("{{event.data.error}}", kind=TaskKind.HOOK))
    assert (filled, claims.asked) == ("boom", [])


async def test_an_action_without_templates_stays_as_it_is() -> None:
    filled, claims = await fill(claim("{{steps.extract.result.id}}", templated=False))
    assert (filled, claims.asked) == ("{{steps.extract.result.id}}", [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{steps.extract.result.name}}", "has no 'name'"),
        ("{{steps.ghost.result.id}}", "the step is SKIPPED"),
        ("{{steps.nobody.result.id}}", "has no 'nobody'"),
        ("{{event.data.error}}", "there is no 'event' here"),
    ],
)
async def test_a_template_that_leads_nowhere_says_where_it_ends(text: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        await fill(claim(text))
