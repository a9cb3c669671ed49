"""The chain connector: what it submits, and what comes of a refusal."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from karya.connectors.chain import ChainConnector, ChainSettings, spec_rules
from karya.connectors.registry import load_connectors
from karya.core.action import Action
from karya.core.chaining import ChainAction
from karya.core.errors import Conflict, InvalidInput, KaryaError, NotFound, StoreUnavailable
from karya.core.outcome import Failure, Success
from karya.core.ports import AttemptContext, Tools
from tests.unit.connectors.conformance import CONTEXT, Conformance

JOB = {"action": {"type": "noop"}}


class Desk:
    """Takes jobs, or raises."""

    def __init__(self, error: KaryaError | None = None) -> None:
        self.error = error
        self.taken: list[tuple[Mapping[str, Any], AttemptContext]] = []

    async def submit(self, job: Mapping[str, Any], context: AttemptContext) -> str:
        if self.error is not None:
            raise self.error
        self.taken.append((job, context))
        return "child"


async def run(desk: Desk) -> Any:
    connector = ChainConnector(ChainSettings())
    await connector.open(Tools(submit=desk.submit))
    return await connector.run(ChainAction(job=JOB), CONTEXT)


class TestChain(Conformance):
    def connector(self) -> ChainConnector:
        return ChainConnector(ChainSettings())

    def tools(self) -> Tools:
        return Tools(submit=Desk().submit)

    def bad_tools(self) -> Tools:
        return Tools(submit=Desk(StoreUnavailable("no primary")).submit)

    def good_action(self) -> Action:
        return ChainAction(job=JOB)

    def bad_actions(self) -> list[Action]:
        return [ChainAction(job=JOB)]


async def test_the_job_is_submitted_on_behalf_of_the_attempt() -> None:
    desk = Desk()
    assert await run(desk) == Success({"job_id": "child"})
    assert desk.taken == [(JOB, CONTEXT)]


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (StoreUnavailable("no primary"), Failure("no primary", code="unavailable")),
        (
            Conflict("job x is cancelled"),
            Failure("job x is cancelled", permanent=True, code="conflict"),
        ),
        (
            InvalidInput.at("tags", "too many"),
            Failure("the chained job is refused: tags: too many", permanent=True, code="refused"),
        ),
        (
            NotFound("job", "x"),
            Failure("the chained job is refused: no job 'x'", permanent=True, code="refused"),
        ),
    ],
)
async def test_only_an_unknown_write_is_tried_again(error: KaryaError, failure: Failure) -> None:
    assert await run(Desk(error)) == failure


async def test_without_a_way_to_submit_it_raises() -> None:
    connector = ChainConnector(ChainSettings())
    await connector.open(Tools())
    with pytest.raises(RuntimeError, match="cannot submit"):
        await connector.run(ChainAction(job=JOB), CONTEXT)


@pytest.mark.parametrize("job", [None, [], "text", {"a": float("nan")}, {"a": "x" * 1_100_000}])
def test_what_is_no_job_is_refused(job: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        ChainAction.model_validate({"type": "chain", "job": job})
    assert refused.value.errors()[0]["loc"] == ("job",)


@pytest.mark.parametrize(
    "section", [{"max_depth": -1}, {"max_depth": 11}, {"strict": "perhaps"}, {"deep": 1}]
)
def test_settings_are_checked(section: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ChainSettings.model_validate(section)


def test_the_rules_are_those_of_the_settings() -> None:
    sections = {"chain": {"max_depth": 5, "strict": False}, "python": {"modules": ["jobs"]}}
    rules = spec_rules(load_connectors(sections))
    assert (rules.max_depth, rules.strict, rules.with_token) == (5, False, {"python"})
    deep = {"action": {"type": "chain", "job": {"action": {"type": "python", "function": "os:system"}}}}
    (error,) = rules.errors(rules.spec_type.model_validate(deep))
    assert (error.field, "os is not allowed" in error.message) == ("action.job.action.function", True)
    assert rules.needs_token(deep) == ("action.job.action", "python")
