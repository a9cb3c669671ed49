"""What chained jobs must satisfy, and where the errors point."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from karya.core.action import Action, NoopAction
from karya.core.chaining import ChainAction, SpecRules, action_types_in, child_id
from karya.core.errors import InvalidInput
from karya.core.ids import minted_at
from karya.core.spec import spec_model

NOOP = {"type": "noop"}
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


class SecretAction(Action):
    type: Literal["secret"] = "secret"
    level: int = 1


SPEC = spec_model([NoopAction, ChainAction, SecretAction])


def refuse_secrets(action: Action) -> str | None:
    return "no secrets here" if action.type == "secret" else None


RULES = SpecRules(SPEC, refuse_secrets, with_token={"secret"})


def chain(action: Any = NOOP, **job: Any) -> dict[str, Any]:
    return {"type": "chain", "job": {"action": action, **job}}


def errors(job: Any, rules: SpecRules = RULES) -> list[tuple[str, str]]:
    return [(error.field, error.message) for error in rules.errors(SPEC.model_validate(job))]


@pytest.mark.parametrize(
    "job",
    [
        {"action": NOOP},
        {"action": chain()},
        {"action": chain(chain())},
        {"action": chain(schedule={"kind": "interval", "every": "PT1S"})},
        {"action": chain(user_id="ada"), "user_id": "ada"},
        {"steps": [{"name": "a", "action": chain(chain())}, {"name": "b", "action": chain(chain())}]},
        {"action": NOOP, "hooks": [{"trigger": "ON_FAILURE", "action": chain(chain())}]},
    ],
)
def test_sound_jobs_pass(job: dict[str, Any]) -> None:
    assert errors(job) == []


def test_pools_have_to_be_there() -> None:
    rules = replace(RULES, pools=("default", "gpu"))
    steps = [{"name": "a", "action": NOOP}, {"name": "b", "action": chain(pool="gup"), "pool": "cpu"}]
    wrong = errors({"pool": "large", "steps": steps}, rules)
    assert [field for field, _ in wrong] == ["pool", "steps.1.pool", "steps.1.action.job.pool"]
    assert [message for _, message in wrong] == [
        "there is no pool 'large' (there are: default, gpu)",
        "there is no pool 'cpu': did you mean 'gpu'? (there are: default, gpu)",
        "there is no pool 'gup': did you mean 'gpu'? (there are: default, gpu)",
    ]
    assert errors({"pool": "gpu", "action": chain(pool="gpu")}, rules) == []
    assert [field for field, _ in errors({"pool": "gpu", "action": NOOP})] == ["pool"]


@pytest.mark.parametrize(
    ("job", "field", "words"),
    [
        ({"action": {"type": "secret"}}, "action", "no secrets"),
        ({"action": chain({"type": "secret"})}, "action.job.action", "no secrets"),
        (
            {"action": chain(schedule={"kind": "interval", "every": "soon"})},
            "action.job.schedule.every",
            "ISO 8601",
        ),
        ({"action": {"type": "chain", "job": {}}}, "action.job.action", "give an action, or steps"),
        ({"action": chain(colour=1)}, "action.job.colour", "unknown field; there are: name, set,"),
        ({"action": chain({**NOOP, "typ": 1})}, "action.job.action.typ", "did you mean type?"),
        ({"action": chain({"type": "fax"})}, "action.job.action.type", "one of"),
        (
            {"action": chain(chain(chain(NOOP)))},
            "action.job.action.job.action",
            "at most 2 deep",
        ),
        (
            {"steps": [{"name": "a", "action": NOOP}, {"name": "b", "action": chain(chain(retry=1))}]},
            "steps.1.action.job.action.job.retry",
            "",
        ),
        (
            {"action": NOOP, "hooks": [{"trigger": "ON_SUCCESS", "action": chain({"type": "secret"})}]},
            "hooks.0.action.job.action",
            "no secrets",
        ),
        ({"action": chain(user_id="bob"), "user_id": "ada"}, "action.job.user_id", "leave it out"),
        ({"action": chain(user_id="bob")}, "action.job.user_id", "leave it out"),
        (
            {
                "action": {
                    "type": "chain",
                    "job": {"steps": [{"name": "a", "after": ["b"], "action": NOOP}]},
                }
            },
            "action.job.steps.0.after.0",
            "",
        ),
    ],
)
def test_errors_name_the_field_at_any_depth(job: dict[str, Any], field: str, words: str) -> None:
    ((found, message),) = errors(job)
    assert found == field
    assert words in message


RECURRING = {"kind": "interval", "every": "PT1S", "max_runs": 3}


def test_a_recurring_job_chains_nothing_unless_the_settings_say_so() -> None:
    job = {"schedule": RECURRING, "action": chain()}
    ((field, message),) = errors(job)
    assert field == "action"
    assert "connectors.chain.strict" in message
    assert errors(job, SpecRules(SPEC, refuse_secrets, strict=False)) == []
    below = {"action": chain(chain(), schedule=RECURRING)}
    assert [field for field, _ in errors(below)] == ["action.job.action"]
    hook = {"trigger": "ON_FAILURE", "action": chain()}
    assert errors({"schedule": RECURRING, "action": NOOP, "hooks": [hook]}) == []


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_the_depth_is_a_setting(depth: int) -> None:
    rules = SpecRules(SPEC, refuse_secrets, max_depth=depth)
    job: dict[str, Any] = {"action": NOOP}
    for _ in range(depth):
        job = {"action": chain(**job)}
    assert errors(job, rules) == []
    ((field, message),) = errors({"action": chain(**job)}, rules)
    assert field == "action" + ".job.action" * depth
    assert f"at most {depth} deep" in message


@pytest.mark.parametrize(
    ("reason", "field", "message"),
    [
        ("level: too secret", "action.level", "too secret"),
        ("level.inner: too: secret", "action.level.inner", "too: secret"),
        ("colour: no", "action", "colour: no"),
        ("set connectors.secret.token in karya.yaml", "action", "set connectors.secret.token in karya.yaml"),
        ("level", "action", "level"),
    ],
)
def test_a_connector_may_name_the_field_of_the_action(reason: str, field: str, message: str) -> None:
    rules = SpecRules(SPEC, lambda action: reason)
    assert errors({"action": {"type": "secret"}}, rules) == [(field, message)]


def test_there_are_at_most_twenty_errors() -> None:
    steps = [{"name": f"s{number}", "action": {"type": "secret"}} for number in range(50)]
    assert len(errors({"action": {"type": "chain", "job": {"steps": steps}}})) == 20


def test_a_chained_job_is_parsed_and_checked_again() -> None:
    assert RULES.parsed({"action": NOOP}).action == NoopAction()
    for job, field in (({"action": {"type": "secret"}}, "action"), ({"action": NOOP, "tags": 1}, "tags")):
        with pytest.raises(InvalidInput) as refused:
            RULES.parsed(job)
        assert refused.value.errors[0].field == field


def test_a_template_gives_a_chained_job_a_text_where_it_wants_one() -> None:
    job = {"description": 7, "tags": ["a", 8], "action": NOOP, "schedule": {"kind": "once"}}
    spec = RULES.parsed(job)
    assert (spec.description, spec.tags, job["description"]) == ("7", ("a", "8"), 7)


def test_each_task_has_one_child_id_in_its_millisecond() -> None:
    ident = child_id("task-1", NOW)
    assert ident == child_id("task-1", NOW)
    assert minted_at(ident) == NOW
    others = {child_id("task-2", NOW), child_id("task-1", NOW + timedelta(milliseconds=1))}
    assert len(others | {ident}) == 3


def test_actions_are_found_wherever_they_stand() -> None:
    job = {
        "steps": [{"action": NOOP}, {"action": chain({"type": "secret"})}],
        "hooks": [{"action": chain(hooks=[{"action": {"type": "secret"}}])}],
    }
    assert list(action_types_in(job)) == [
        ("steps.0.action", "noop"),
        ("steps.1.action", "chain"),
        ("steps.1.action.job.action", "secret"),
        ("hooks.0.action", "chain"),
        ("hooks.0.action.job.action", "noop"),
        ("hooks.0.action.job.hooks.0.action", "secret"),
    ]
    named = {"steps": [{"name": f"s{n}", **step} for n, step in enumerate(job["steps"])]}
    assert RULES.needs_token(SPEC.model_validate(named)) == ("steps.1.action.job.action", "secret")
    assert RULES.needs_token(job) == ("steps.1.action.job.action", "secret")
    assert RULES.needs_token({"tags": ["secret"], "action": chain()}) is None


@pytest.mark.parametrize(
    "job",
    [{}, {"action": 1}, {"action": {"type": 1}}, {"steps": {"action": NOOP}}, {"hooks": [1, {"action": []}]}],
)
def test_what_is_no_job_holds_no_actions(job: dict[str, Any]) -> None:
    assert list(action_types_in(job)) == []
