"""Whoever writes a field that is not there hears what is, wherever it stands."""

from typing import Any

import pytest
from pydantic import ValidationError

from karya.core.action import NoopAction, RestAction
from karya.core.chaining import ChainAction
from karya.core.fields import invalid
from karya.core.spec import spec_model

NOOP = {"type": "noop"}
REST = {"type": "rest", "url": "http://h/"}
SPEC = spec_model([NoopAction, RestAction, ChainAction])


def step(**fields: Any) -> dict[str, Any]:
    return {"steps": [{"name": "a", "action": NOOP}, {"name": "b", "action": NOOP, **fields}]}


def hook(**fields: Any) -> dict[str, Any]:
    return {"action": NOOP, "hooks": [{"trigger": "ON_SUCCESS", "action": NOOP, **fields}]}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"descripton": ""}, "descripton: unknown field; did you mean description?"),
        ({"retry": {"max_attemps": 3}}, "retry.max_attemps: unknown field; did you mean max_attempts?"),
        (
            {"rate": {"key": "a", "limit": 1, "per": "PT1S", "colour": 1}},
            "rate.colour: unknown field; there are: key, limit, per",
        ),
        (
            {"schedule": {"kind": "once", "colour": 1}},
            "schedule.colour: unknown field; there are: jitter, kind, at, after",
        ),
        (
            {"schedule": {"kind": "interval", "every": "PT1S", "maxruns": 1}},
            "schedule.maxruns: unknown field; did you mean max_runs?",
        ),
        ({"action": {**NOOP, "url": ""}}, "action.url: unknown field; there are: type"),
        ({"action": {**REST, "head": {}}}, "action.head: unknown field; did you mean headers?"),
        (
            {"action": {**REST, "tls": {"key": ""}}},
            "action.tls.key: unknown field; there are: verify, ca, client",
        ),
        ({"misfire": {"polcy": "skip"}}, "misfire.polcy: unknown field; did you mean policy?"),
        (
            {"concurrency": {"key": "a", "limit": 1, "per": ""}},
            "concurrency.per: unknown field; there are: key, limit",
        ),
        (step(aftr=["a"]), "steps.1.aftr: unknown field; did you mean after?"),
        (step(retry={"dely": 1}), "steps.1.retry.dely: unknown field; did you mean delay?"),
        (step(action={**REST, "ulr": ""}), "steps.1.action.ulr: unknown field; did you mean url?"),
        (hook(when=""), "hooks.0.when: unknown field; there are: trigger, action, retry"),
        (hook(retry={"dely": 1}), "hooks.0.retry.dely: unknown field; did you mean delay?"),
        (hook(action={**NOOP, "typ": 1}), "hooks.0.action.typ: unknown field; did you mean type?"),
        (
            {"action": {"type": "chain", "job": {}, "jobs": {}}},
            "action.jobs: unknown field; did you mean job?",
        ),
    ],
)
def test_an_unknown_field_is_told_from_those_that_are_there(spec: dict[str, Any], expected: str) -> None:
    written = spec if "steps" in spec else {"action": NOOP, **spec}
    with pytest.raises(ValidationError) as caught:
        SPEC.model_validate(written)
    assert str(invalid(caught.value, written, SPEC)) == expected


def test_one_kind_of_action_alone_is_no_union() -> None:
    written = {"action": {"type": "rest", "url": "http://h/", "tls": {"verfy": False}}}
    alone = spec_model([RestAction])
    with pytest.raises(ValidationError) as caught:
        alone.model_validate(written)
    assert (
        str(invalid(caught.value, written, alone)) == "action.tls.verfy: unknown field; did you mean verify?"
    )
