"""A job as a client writes it: bad input names its field."""

from typing import Any, Literal

import pytest
from pydantic import ValidationError

from karya.core.action import Action, NoopAction, RestAction
from karya.core.spec import JobSpec, spec_model

SPEC = spec_model([NoopAction, RestAction])
NOOP = {"type": "noop"}
REST = {"type": "rest", "url": "http://h/"}
EVERY = {"kind": "interval", "every": "PT1S"}


def spec(**fields: Any) -> JobSpec[Action]:
    return SPEC.model_validate({"action": NOOP, **fields})


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"urgency": 1}, "urgency"),
        ({"priority": 10}, "priority"),
        ({"priority": -1}, "priority"),
        ({"action": None}, "action"),
        ({"action": {}}, "action"),
        ({"action": {"type": "ftp"}}, "action"),
        ({"action": {**NOOP, "url": "http://h/"}}, "action.noop.url"),
        ({"action": {**REST, "url": "ftp://h/"}}, "action.rest.url"),
        ({"action": {**REST, "headers": {"a": "b\r\nc: d"}}}, "action.rest.headers"),
        ({"action": {**REST, "body": "x" * (1024 * 1024 + 1)}}, "action.rest.body"),
        ({"action": {**REST, "timeout": 2}}, "action.rest.timeout"),
        ({"schedule": {}}, "schedule"),
        ({"schedule": {"kind": "never"}}, "schedule"),
        ({"schedule": {"kind": "cron"}}, "schedule.cron.expression"),
        ({"schedule": {"kind": "once", "every": "PT1S"}}, "schedule.once.every"),
        ({"schedule": {"kind": "once", "at": "2026-11-23T08:00:00"}}, "schedule.once.at"),
        ({"schedule": {"kind": "once", "at": 1_700_000_000}}, "schedule.once.at"),
        ({"schedule": {"kind": "once", "after": 5}}, "schedule.once.after"),
        ({"schedule": {"kind": "once", "after": "-PT5S"}}, "schedule.once.after"),
        ({"schedule": {"kind": "interval"}}, "schedule.interval.every"),
        ({"schedule": {**EVERY, "every": "PT0S"}}, "schedule.interval.every"),
        ({"schedule": {**EVERY, "every": "-PT1S"}}, "schedule.interval.every"),
        ({"schedule": {**EVERY, "every": "PT0.099S"}}, "schedule.interval.every"),
        ({"schedule": {**EVERY, "max_runs": 0}}, "schedule.interval.max_runs"),
        ({"retry": {"max_attempts": 0}}, "retry.max_attempts"),
        ({"hooks": [{"trigger": "ON_START", "action": NOOP}]}, "hooks.0.trigger"),
        ({"hooks": [{"trigger": "ON_FAILURE", "action": {**REST, "url": ""}}]}, "hooks.0.action.rest.url"),
        ({"hooks": [{"trigger": "ON_FAILURE", "action": NOOP}] * 21}, "hooks"),
        ({"description": "x" * 1001}, "description"),
        ({"description": "\0"}, "description"),
        ({"tags": ["a b"]}, "tags.0"),
        ({"tags": ["-a"]}, "tags.0"),
        ({"tags": ["a\n"]}, "tags.0"),
        ({"tags": ["x" * 65]}, "tags.0"),
        ({"tags": [str(number) for number in range(21)]}, "tags"),
        ({"steps": [{"name": "a", "action": NOOP}]}, "action"),
        ({"action": None, "steps": []}, "action"),
        ({"action": None, "steps": [{"name": "a"}]}, "steps.0.action"),
        ({"action": None, "steps": [{"name": "a b", "action": NOOP}]}, "steps.0.name"),
        ({"action": None, "steps": [{"name": "a", "action": NOOP}] * 101}, "steps"),
        ({"timeout": "PT0S"}, "timeout"),
        ({"pool": "GPU"}, "pool"),
        ({"pool": "-gpu"}, "pool"),
        ({"pool": "x" * 33}, "pool"),
        ({"pool": None}, "pool"),
        ({"action": None, "steps": [{"name": "a", "action": NOOP, "pool": ""}]}, "steps.0.pool"),
        ({"misfire": {"at_once": 0}}, "misfire.at_once"),
        ({"overlap": "maybe"}, "overlap"),
        ({"retention": {"dead": 5}}, "retention.dead"),
    ],
)
def test_bad_input_names_its_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        spec(**fields)
    assert [".".join(map(str, error["loc"])) for error in caught.value.errors()] == [field]


def test_actions_are_told_apart_by_type() -> None:
    assert isinstance(spec().action, NoopAction)
    assert isinstance(spec(action=REST).action, RestAction)
    hooks = spec(hooks=[{"trigger": "ON_COMPLETION", "action": REST}]).hooks
    assert isinstance(hooks[0].action, RestAction)


class Shout(Action):
    """An action kind that a third party brings."""

    type: Literal["shout"] = "shout"
    words: str


@pytest.mark.parametrize("kinds", [[Shout], [NoopAction, Shout]], ids=["alone", "beside others"])
def test_third_party_actions_join_the_spec(kinds: list[type[Action]]) -> None:
    made = spec_model(kinds).model_validate({"action": {"type": "shout", "words": "hey"}})
    assert made.action == Shout(words="hey")


def test_action_kinds_that_are_not_installed_are_refused() -> None:
    with pytest.raises(ValidationError, match="'noop', 'rest'"):
        spec(action={"type": "shout", "words": "hey"})


def test_spec_survives_json_with_the_fields_of_its_action() -> None:
    written = spec(action={**REST, "body": [1]}, hooks=[{"trigger": "ON_FAILURE", "action": REST}])
    assert SPEC.model_validate_json(written.model_dump_json()) == written


def test_tags_are_kept_once_in_their_order() -> None:
    assert spec(tags=["b", "a:1/2", "b"]).tags == ("b", "a:1/2")


def test_every_pool_is_named_by_its_field() -> None:
    assert spec().pools == (("pool", "default"),)
    steps = [{"name": "a", "action": NOOP}, {"name": "b", "action": NOOP, "pool": "gpu"}]
    written = SPEC.model_validate({"steps": steps, "pool": "large"})
    assert written.pools == (("pool", "large"), ("steps.1.pool", "gpu"))


def test_every_action_is_named_by_its_field() -> None:
    hooks = [{"trigger": "ON_FAILURE", "action": REST}]
    assert [field for field, _ in spec(hooks=hooks).actions] == ["action", "hooks.0.action"]
    steps = [{"name": "a", "action": NOOP}, {"name": "b", "action": REST}]
    written = SPEC.model_validate({"steps": steps, "hooks": hooks})
    assert [(field, action.type) for field, action in written.actions] == [  # type: ignore[attr-defined]
        ("steps.0.action", "noop"),
        ("steps.1.action", "rest"),
        ("hooks.0.action", "rest"),
    ]
