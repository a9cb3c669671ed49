"""From the form to the job and back: nothing is lost, and every error finds its field."""

from typing import Any

import pytest

from karya.api.pages import forms
from karya.api.pages.forms.durations import iso, plain
from karya.core.action import NoopAction, RestAction
from karya.core.errors import FieldError
from karya.core.job import new_job
from karya.core.spec import spec_model
from karya.core.views import JobView
from tests.support.story import NOW

SPEC = spec_model((NoopAction, RestAction))
NOOP = {"type": "noop"}
SPECS: dict[str, dict[str, Any]] = {
    "plain": {"action": NOOP},
    "words": {
        "action": NOOP,
        "description": 'a\n"b" <c>',
        "tags": ["x", "y:z"],
        "pool": "gpu",
        "name": "n",
        "set": "s",
    },
    "limits": {
        "action": NOOP,
        "concurrency": {"key": "k", "limit": 3},
        "rate": {"key": "r", "limit": 10, "per": "PT1S"},
    },
    "in a while": {"action": NOOP, "schedule": {"kind": "once", "after": "PT5M"}},
    "interval": {
        "action": NOOP,
        "schedule": {
            "kind": "interval",
            "every": "PT1H",
            "jitter": "PT5S",
            "max_runs": 7,
            "start_at": "2027-01-01T00:00:00Z",
            "exclude": ["2027-01-02", "2027-01-03T01:00:00Z"],
        },
    },
    "cron": {
        "action": NOOP,
        "schedule": {"kind": "cron", "expression": "0 8 * * 1", "timezone": "Europe/Berlin"},
    },
    "rrule": {"action": NOOP, "schedule": {"kind": "rrule", "rule": "FREQ=DAILY;COUNT=3"}},
    "request": {"action": {"type": "rest", "method": "POST", "url": "http://x/", "body": {"a": [1]}}},
    "a text that looks like JSON": {"action": {"type": "rest", "url": "http://x/", "body": '{"a": 1}'}},
    "a body that is a number": {"action": {"type": "rest", "url": "http://x/", "body": 5}},
    "headers": {"action": {"type": "rest", "url": "http://x/", "headers": {"a": "b"}, "redirects": 2}},
    "policies": {
        "action": NOOP,
        "retry": {
            "max_attempts": 9,
            "backoff": "linear",
            "delay": "PT2S",
            "jitter": 0.5,
            "retry_on": ["x", "y"],
        },
        "misfire": {"policy": "latest", "window": None, "at_once": 3},
        "retention": {"succeeded": "P1D", "dead": "P9D"},
        "overlap": "queue",
        "timeout": "PT9S",
        "priority": 3,
    },
    "no bounds": {"action": NOOP, "misfire": {"window": "PT2H"}, "retention": {"dead": None}},
    "steps": {
        "steps": [
            {"name": "a", "action": {"type": "rest", "url": "http://x/", "timeout": "PT3S"}},
            {"name": "b", "action": NOOP, "after": ["a"], "when": "always", "retry": {"max_attempts": 1}},
        ],
        "hooks": [{"trigger": "ON_FAILURE", "action": {"type": "rest", "url": "http://y/"}}],
    },
}


@pytest.mark.parametrize("name", SPECS)
def test_a_stored_job_comes_back_from_its_form_as_it_was(name: str) -> None:
    spec = SPEC.model_validate(SPECS[name])
    wire = forms.wire_of(JobView.of(new_job(spec, NOW), NOW))
    if spec.action:
        wire["action"] = forms.slim(spec.action)
    elif "steps" in wire:
        wire["steps"] = [forms.slim(step) for step in spec.steps]
    wire["hooks"] = [forms.slim(hook) for hook in spec.hooks]
    back = forms.written(forms.sent({k: [v] for k, v in forms.filled(wire).items()}))
    assert back.errors == ()
    assert SPEC.model_validate(back.wire) == spec


def test_every_field_of_a_job_has_a_place_in_the_form() -> None:
    """Else an edit would put back to its default what the form does not know."""
    tops = {field.partition(".")[0] for field in forms.fields()}
    assert SPEC.model_fields.keys() <= tops


def test_a_new_form_is_a_job_but_for_its_url() -> None:
    written = forms.written({**forms.blank(), "action.url": "http://x/"})
    assert SPEC.model_validate(written.wire) == SPEC.model_validate(
        {"action": {"type": "rest", "url": "http://x/"}}
    )


@pytest.mark.parametrize(
    ("work", "path", "field"),
    [
        ("rest", "action.url", "action.url"),
        ("rest", "action.headers.x", "action.more"),
        ("rest", "action", "action.more"),
        ("action", "action.url", "action"),
        ("steps", "steps.0.action.url", "steps"),
        ("steps", "action", "steps"),
        ("rest", "hooks.0.action.url", "hooks"),
        ("rest", "schedule.exclude.3", "schedule.exclude"),
        ("rest", "schedule", "schedule"),
        ("rest", "tags.2", "tags"),
        ("rest", "retry.retry_on.0", "retry.retry_on"),
        ("rest", "misfire", "misfire"),
        ("rest", "nothing.of.the.kind", ""),
    ],
)
def test_every_error_stands_beside_a_field(work: str, path: str, field: str) -> None:
    placed = forms.placed([FieldError(path, "wrong")], {**forms.blank(), "work": work})
    assert list(placed) == [field]
    assert placed[field][0].endswith("wrong")


@pytest.mark.parametrize(("field", "work"), [("action", "action"), ("steps", "steps"), ("hooks", "rest")])
def test_what_is_no_json_is_told_of_its_field(field: str, work: str) -> None:
    written = forms.written({**forms.blank(), "work": work, field: "{,}"})
    assert [error.field for error in written.errors] == [field]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", "PT30S"),
        ("5 min", "PT5M"),
        ("1h 30m", "PT1H30M"),
        ("2d", "P2D"),
        ("0.5 s", "PT0.5S"),
        ("PT5M", "PT5M"),
        ("5", "5"),
        ("5 5 min", "5 5 min"),
        ("1m 2m", "1m 2m"),
        ("a while", "a while"),
    ],
)
def test_durations_as_people_write_them(text: str, expected: str) -> None:
    values = {**forms.blank(), "schedule.kind": "interval", "schedule.every": text, "timeout": text}
    wire = forms.written(values).wire
    assert (wire["schedule"]["every"], wire["timeout"]) == (expected, expected)


@pytest.mark.parametrize(
    ("stored", "shown"),
    [("PT5M", "5 min"), ("P1DT2H3M4.5S", "1 d 2 h 3 min 4.5 s"), ("PT0S", "0 s"), ("P1W", "P1W")],
)
def test_durations_are_shown_as_people_write_them(stored: str, shown: str) -> None:
    assert plain(stored) == shown
    assert iso(shown) == stored


def test_more_of_a_request_is_an_object() -> None:
    written = forms.written({**forms.blank(), "action.more": "[1]"})
    assert [error.field for error in written.errors] == ["action.more"]


def test_only_what_differs_is_changed() -> None:
    assert forms.changes({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": None}) == {"b": 3}
