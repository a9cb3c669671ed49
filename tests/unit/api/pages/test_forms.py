"""From the form to the job and back: nothing is lost, and every error finds its field."""

from typing import Any

import orjson
import pytest

from karya.api.pages import forms
from karya.api.pages.forms.durations import iso, plain
from karya.connectors.registry import action_types, load_connectors
from karya.core.errors import FieldError
from karya.core.job import new_job
from karya.core.spec import spec_model
from karya.core.views import JobView
from tests.support.story import NOW

SPEC = spec_model(action_types(load_connectors({})))
KINDS = forms.Kinds.of(SPEC)
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
    "everything of a request": {
        "action": {
            "type": "rest",
            "method": "POST",
            "url": "https://x/",
            "query": {"a": "1", "b": ["2", "3"]},
            "form": {"name": "a: b", "empty": ""},
            "headers": {"x-key": "a:b", "x-json": "{}"},
            "expect": ["2xx", "404", 404, "200-204"],
            "capture": "none",
            "tls": {"verify": False, "client": "us"},
            "timeout": "PT0.5S",
        }
    },
    "slack": {
        "action": {"type": "slack", "channel": "#c", "text": "a\nb", "blocks": [{"type": "divider"}]},
    },
    "a thread": {"action": {"type": "slack", "channel": "#c", "text": "x", "thread_ts": "1.5"}},
    "email": {
        "action": {
            "type": "email",
            "to": ['"Lovelace, Ada" <ada@x.example>', "bob@x.example"],
            "cc": "carol@x.example",
            "reply_to": "dan@x.example",
            "subject": "it's",
            "text": "one\n\ntwo",
            "html": "<p>one</p>",
            "headers": {"x-a": "b"},
        }
    },
    "kafka": {
        "action": {
            "type": "kafka",
            "topic": "t",
            "value": {"a": [1, 2.5, None, True]},
            "key": "5",
            "headers": {"a": "1"},
            "partition": 0,
        }
    },
    "python": {
        "action": {
            "type": "python",
            "function": "reports:daily",
            "args": [1, "1", True, "true", None, "", " x", "a\nb", {"k": [1]}, "[x"],
            "kwargs": {"n": 1, "s": "1", "colon: in name": "v", "t": "a: b"},
            "resources": {"num_cpus": 2.5, "memory": 1024, "custom": {"disk": 1}},
            "runtime_env": {},
        }
    },
    "a plain call": {
        "action": {"type": "python", "function": "a:b", "args": ["x"], "kwargs": {"days": 7, "at": "8:00"}}
    },
    "an action that is all JSON": {"action": {"type": "chain", "job": {"action": NOOP}}},
    "blanks around texts, which browsers keep to themselves": {
        "action": {"type": "kafka", "topic": "t", "key": " k ", "value": "a\r\nb"}
    },
    "an empty text": {"action": {"type": "kafka", "topic": "t", "key": ""}},
    "no bounds": {"action": NOOP, "misfire": {"window": "PT2H"}, "retention": {"dead": None}},
    "steps": {
        "steps": [
            {"name": "a", "action": {"type": "rest", "url": "http://x/", "timeout": "PT3S"}},
            {"name": "b", "action": NOOP, "after": ["a"], "when": "always", "retry": {"max_attempts": 1}},
        ],
        "hooks": [
            {"trigger": "ON_FAILURE", "action": {"type": "rest", "url": "http://y/"}},
            {
                "trigger": "ON_COMPLETION",
                "action": {"type": "slack", "channel": "c", "text": "{{ event.type }}"},
                "retry": {"max_attempts": 2, "delay": "PT5S", "retry_on": ["timeout", "http.5??"]},
            },
        ],
    },
    "steps of their own": {
        "steps": [
            {"name": "a", "action": NOOP, "timeout": "PT3S", "pool": "gpu"},
            {"name": "b", "action": NOOP},
            {"name": "c", "action": NOOP, "after": ["a", "b"], "when": "failure"},
        ]
    },
}
HIDDEN = {"view", "json"}


def wire_of(spec: dict[str, Any]) -> dict[str, Any]:
    parsed = SPEC.model_validate(spec)
    return {**parsed.model_dump(mode="json"), **forms.slim(parsed)}


def by_browser(values: forms.Values) -> forms.Values:
    """What comes back from a browser that was shown the form."""
    return forms.sent({name: [text] for name, text in values.items()}, KINDS)


@pytest.mark.parametrize("name", SPECS)
def test_a_stored_job_comes_back_from_its_form_as_it_was(name: str) -> None:
    spec = SPEC.model_validate(SPECS[name])
    shown = forms.filled(wire_of(SPECS[name]), KINDS)
    back = forms.written(by_browser(shown), KINDS)
    assert back.errors == ()
    assert SPEC.model_validate(back.wire) == spec


@pytest.mark.parametrize("name", SPECS)
def test_and_so_it_does_where_its_connector_is_gone(name: str) -> None:
    """Then nobody knows which fields are as they are by default, and all of the action is JSON."""
    spec = SPEC.model_validate(SPECS[name])
    gone = forms.Kinds({}, KINDS.step, KINDS.hook)
    shown = forms.filled(forms.wire_of(JobView.of(new_job(spec, NOW), NOW)), gone)
    back = forms.written(forms.sent({k: [v] for k, v in shown.items()}, gone), gone)
    assert back.errors == ()
    assert SPEC.model_validate(back.wire) == spec


@pytest.mark.parametrize("name", SPECS)
def test_a_job_as_json_is_the_same(name: str) -> None:
    spec = SPEC.model_validate(SPECS[name])
    shown = by_browser(forms.as_json(forms.slim(spec), KINDS))
    assert SPEC.model_validate(forms.written(shown, KINDS).wire) == spec


def test_plain_things_have_a_plain_form() -> None:
    values = forms.filled(wire_of(SPECS["a plain call"]), KINDS)
    assert values["action.args"] == "x"
    assert values["action.kwargs"] == "days: 7\nat: 8:00"
    values = forms.filled(wire_of(SPECS["everything of a request"]), KINDS)
    assert values["action.expect"] == '2xx\n"404"\n404\n200-204'
    assert values["action.form"] == "name: a: b\nempty:"
    assert (values["action.timeout"], values["action.tls.verify"]) == ("0.5 s", "false")
    values = forms.filled(wire_of(SPECS["steps of their own"]), KINDS)
    assert values["steps.2.after"] == "a b"
    assert not any(text for name, text in values.items() if name.endswith("._more"))


def test_what_no_field_can_show_stands_as_json_beside_them() -> None:
    name = "blanks around texts, which browsers keep to themselves"
    values = forms.filled(wire_of(SPECS[name]), KINDS)
    assert values["action.topic"] == "t"
    assert orjson.loads(values["action._more"]) == {"key": " k ", "value": "a\r\nb"}


def test_every_field_of_a_job_has_a_place_in_the_form() -> None:
    """Else an edit would put back to its default what the form does not know."""
    tops = {field.partition(".")[0] for field in forms.places(forms.blank(KINDS))}
    assert SPEC.model_fields.keys() <= tops


def test_every_field_has_words() -> None:
    parts = forms.filled(wire_of(SPECS["steps"]), KINDS)
    parts = {name: text for name, text in parts.items() if not name.startswith("action.")}
    for kind in KINDS.actions:
        values = forms.sent({"action.type": [kind]}, KINDS) | parts
        for field in forms.places(values) - HIDDEN - {""}:
            label = forms.label_of(field, values, KINDS)
            assert label[:1].isupper() and "." not in label, (field, label)


def test_a_new_form_is_a_job_but_for_its_url() -> None:
    written = forms.written({**forms.blank(KINDS), "action.url": "http://x/"}, KINDS)
    assert SPEC.model_validate(written.wire) == SPEC.model_validate(
        {"action": {"type": "rest", "url": "http://x/"}}
    )


def placed(values: forms.Values, path: str, message: str = "wrong") -> tuple[str, str, str]:
    """The field, its label and the text of an error with this path."""
    ((field, (text,)),) = forms.placed([FieldError(path, message)], values).items()
    return field, forms.label_of(field, values, KINDS) if field else "", text


@pytest.mark.parametrize(
    ("path", "field", "label", "text"),
    [
        ("action.url", "action.url", "URL", "wrong"),
        ("action.headers.x", "action.headers", "Headers", "x: wrong"),
        ("action.expect.1", "action.expect", "Expect", "number 2: wrong"),
        ("action.tls.ca", "action.tls.ca", "TLS, CA", "wrong"),
        ("action.tls", "action", "Action", "tls: wrong"),
        ("action.nothing", "action", "Action", "nothing: wrong"),
        ("action", "action", "Action", "wrong"),
        ("steps.0.action.url", "steps.0.action.url", "Step 1, URL", "wrong"),
        ("steps.1.after.0", "steps.1.after", "Step 2, After", "number 1: wrong"),
        ("steps.1.retry.delay", "steps.1.retry.delay", "Step 2, Retry, delay", "wrong"),
        ("steps.1", "steps.1", "Step 2", "wrong"),
        ("steps", "steps", "Steps", "wrong"),
        ("hooks.1.action.channel", "hooks.1.action.channel", "Hook 2, Channel", "wrong"),
        ("hooks.1.action", "hooks.1.action", "Hook 2, Action", "wrong"),
        ("hooks.0.trigger", "hooks.0.trigger", "Hook 1, Trigger", "wrong"),
        ("hooks.7", "hooks", "Hooks", "7: wrong"),
        ("schedule.exclude.3", "schedule.exclude", "Not on", "number 4: wrong"),
        ("schedule", "schedule", "Schedule", "wrong"),
        ("tags.2", "tags", "Tags", "number 3: wrong"),
        ("retry.retry_on.0", "retry.retry_on", "Retried failures", "number 1: wrong"),
        ("misfire", "misfire", "Missed instants", "wrong"),
        ("nothing.of.the.kind", "", "", "nothing.of.the.kind: wrong"),
    ],
)
def test_every_error_stands_beside_a_field(path: str, field: str, label: str, text: str) -> None:
    values = forms.filled(wire_of(SPECS["steps"]), KINDS) | {"work": "action"}
    assert placed(values, path) == (field, label, text)


def test_an_error_stands_where_its_value_does() -> None:
    values = forms.blank(KINDS)
    as_json = forms.sent({"action.type": [""], "action._more": ['{"type": "rest"}']}, KINDS)
    assert placed(as_json, "action.url") == ("action._more", "Anything else", "url: wrong")
    assert placed(as_json, "action.type") == ("action._more", "Anything else", "type: wrong")
    beside = {**values, "action._more": '{"shoes": 2}'}
    assert placed(beside, "action.shoes") == ("action._more", "Anything else", "shoes: wrong")
    assert placed(beside, "action.url") == ("action.url", "URL", "wrong")
    assert placed({**values, "work": "steps"}, "action") == ("steps", "Steps", "wrong")
    assert placed({**values, "view": "json"}, "a.b") == ("json", "Job as JSON", "a.b: wrong")


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("action._more", "[1]", "JSON object"),
        ("action._more", "{,}", "not JSON"),
        ("action._more", '{"url": "http://y/"}', "url: stands in a field of its own, too"),
        ("action.headers", "a: b\nc", "line 2: write name: value"),
        ("action.headers", "a: b\na: c", "line 2: a is given twice"),
        ("action.headers", "{,}", "not JSON"),
        ("action.expect", "[,]", "not JSON"),
    ],
)
def test_what_cannot_be_read_is_told_of_its_field(field: str, text: str, message: str) -> None:
    written = forms.written({**forms.blank(KINDS), "action.url": "http://x/", field: text}, KINDS)
    assert [error.field for error in written.errors] == [field]
    assert message in written.errors[0].message


@pytest.mark.parametrize("text", ["", "{,}", "[]"])
def test_a_job_as_json_is_an_object(text: str) -> None:
    written = forms.written({**forms.blank(KINDS), "view": "json", "json": text}, KINDS)
    assert [error.field for error in written.errors] == ["json"]


def test_parts_come_and_go() -> None:
    values = {**forms.blank(KINDS), "action.url": "http://x/", "work": "steps"}
    values, focus = forms.changed(values, "add.steps", KINDS)
    assert (focus, values["steps.0.action.url"]) == ("steps.0.name", "http://x/")
    values["steps.0.name"] = "first"
    values, focus = forms.changed(values, "add.steps", KINDS)
    assert (focus, values["steps.1.after"], values["steps.1.action.url"]) == ("steps.1.name", "first", "")
    values["steps.1.name"] = "second"
    values, focus = forms.changed(values, "add.hooks", KINDS)
    assert (focus, values["hooks.0.trigger"]) == ("hooks.0.trigger", "ON_FAILURE")
    values, focus = forms.changed(values, "remove.steps.0", KINDS)
    assert focus == "steps"
    assert forms.numbers(values, "steps") == [0]
    assert values["steps.0.name"] == "second"
    values, _ = forms.changed(values, "remove.hooks.0", KINDS)
    assert forms.numbers(values, "hooks") == []
    for wish in ("fields", "add.shoes", "remove.steps", "remove.steps.9"):
        assert forms.changed(values, wish, KINDS)[0] == values


def test_another_connector_keeps_what_both_have() -> None:
    values = forms.sent({"action.type": ["email"], "action.text": ["hello"], "action.url": ["x"]}, KINDS)
    assert values["action.text"] == "hello"
    assert "action.url" not in values
    assert "action.subject" in values


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
    every = {"schedule.kind": "interval", "schedule.every": text, "timeout": text}
    wire = forms.written({**forms.blank(KINDS), **every}, KINDS).wire
    assert (wire["schedule"]["every"], wire["timeout"]) == (expected, expected)


@pytest.mark.parametrize(
    ("stored", "shown"),
    [("PT5M", "5 min"), ("P1DT2H3M4.5S", "1 d 2 h 3 min 4.5 s"), ("PT0S", "0 s"), ("P1W", "P1W")],
)
def test_durations_are_shown_as_people_write_them(stored: str, shown: str) -> None:
    assert plain(stored) == shown
    assert iso(shown) == stored


def test_only_what_differs_is_changed() -> None:
    assert forms.changes({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": None}) == {"b": 3}
