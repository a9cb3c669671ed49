"""Steps as a client writes them and as they are stored (issue 3)."""

from datetime import timedelta
from typing import Annotated, Any, cast

import pytest
from pydantic import Field, ValidationError

from karya.core.action import Action, NoopAction, RestAction
from karya.core.retry import RetryPolicy
from karya.core.steps import Step, StepSpec, When

NOOP = {"type": "noop"}
REST = {"type": "rest", "url": "http://h/"}
SPEC = cast(
    "type[StepSpec[Action]]",
    cast(Any, StepSpec)[Annotated[NoopAction | RestAction, Field(discriminator="type")]],
)


def spec(**fields: Any) -> StepSpec[Action]:
    return SPEC.model_validate({"name": "load", "action": NOOP, **fields})


@pytest.mark.parametrize("name", ["a", "_", "load-2", "A_b", "x" * 63])
def test_a_good_name_is_taken_as_it_is(name: str) -> None:
    assert spec(name=name, after=[name]).name == name


@pytest.mark.parametrize("name", ["", "2a", "-a", "a b", "a.b", "a\n", "é", "x" * 64, 7])
def test_a_bad_name_is_refused_wherever_it_stands(name: object) -> None:
    with pytest.raises(ValidationError) as caught:
        spec(name=name, after=["ok", name])
    assert [error["loc"] for error in caught.value.errors()] == [("name",), ("after", 1)]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"needs": ["a"]}, "needs"),
        ({"after": "extract"}, "after"),
        ({"after": [f"s{n}" for n in range(51)]}, "after"),
        ({"when": "sometimes"}, "when"),
        ({"retry": {"max_attempts": 0}}, "retry.max_attempts"),
        ({"timeout": "PT0S"}, "timeout"),
        ({"timeout": "P1DT0.001S"}, "timeout"),
        ({"action": None}, "action"),
        ({"action": {"type": "ftp"}}, "action"),
        ({"action": {**REST, "url": "{{ steps.a.result.url }}"}}, "action.rest.url"),
        ({"action": {**REST, "body": "{{ oops"}}, "action"),
        ({"action": {**REST, "body": "{{ event.id }}"}}, "action"),
    ],
)
def test_bad_input_names_its_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        spec(**fields)
    assert [".".join(map(str, error["loc"])) for error in caught.value.errors()] == [field]


def test_a_malformed_template_says_where_in_the_action() -> None:
    with pytest.raises(ValidationError, match=r"body\.to\.0, character 4: '\{\{ oops' is no placeholder"):
        spec(action={**REST, "body": {"to": ["hi {{ oops"]}})


def test_templates_are_plain_before_the_action_judges_its_texts() -> None:
    action = {
        **REST,
        "url": 'http://h/{{ steps.a.result["id"] }}',
        "headers": {"x-id": "{{ steps.a.status }}"},
    }
    got = cast(RestAction, spec(action=action).action)
    assert got.url == "http://h/{{steps.a.result.id}}"
    assert got.headers == {"x-id": "{{steps.a.status}}"}


def test_what_is_left_out() -> None:
    step = Step.of(spec())
    assert step == Step(
        name="load", action='{"type":"noop"}', after=(), when=When.SUCCESS, retry=None, timeout=None
    )


def test_the_stored_form_holds_all_that_was_written() -> None:
    action = {**REST, "body": "{{ steps.a.result }}"}
    retry = {"max_attempts": 2}
    written = spec(action=action, after=["a", "b"], when="always", retry=retry, timeout="PT5S")
    step = Step.of(written)
    assert step.name == "load"
    assert step.after == ("a", "b")
    assert step.when is When.ALWAYS
    assert step.retry == RetryPolicy(max_attempts=2)
    assert step.timeout == timedelta(seconds=5)
    assert RestAction.model_validate_json(step.action) == written.action
    assert '"{{steps.a.result}}"' in step.action
    assert Step.model_validate_json(step.model_dump_json()) == step
