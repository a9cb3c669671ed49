"""Jobs as people write them, and as they are shown."""

import pytest

from karya.cli.jobs import parse_spec
from karya.cli.output import action_text, schedule_text
from karya.core.errors import InvalidInput


def test_json_and_yaml_say_the_same() -> None:
    spec = {"action": {"type": "noop"}, "schedule": {"kind": "once", "after": "PT1S"}}
    assert parse_spec('{"action": {"type": "noop"}, "schedule": {"kind": "once", "after": "PT1S"}}') == spec
    assert parse_spec("action:\n  type: noop\nschedule: {kind: once, after: PT1S}\n") == spec


def test_an_instant_in_yaml_reaches_the_gateway_as_it_was_written() -> None:
    assert parse_spec("at: 2026-11-23T08:00:00Z") == {"at": "2026-11-23T08:00:00Z"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": }', "Expecting value"),
        ("a: [", "neither JSON nor YAML"),
        ("a: !!python/object:os.system {}", "neither JSON nor YAML"),
        ("a: .nan", "not JSON compliant"),
        ("a: !!binary aGk=", "not JSON serializable"),
        ("a: &a [*a]", "Circular"),
        ("[" * 100_000, "recursion"),
        ("- a", "a job is a mapping"),
        ("", "a job is a mapping"),
    ],
)
def test_what_is_no_job_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        parse_spec(text)


def test_actions_and_schedules_in_a_few_words() -> None:
    assert action_text({"type": "rest", "method": "POST", "url": "http://x"}) == "POST http://x"
    assert action_text({"type": "noop"}) == "noop"
    assert schedule_text({"kind": "once"}) == "once"
    assert schedule_text({"kind": "interval", "every": "PT2S", "max_runs": 3}) == "every PT2S, 3 times"
    assert schedule_text({"kind": "interval", "every": "PT2S", "max_runs": None}) == "every PT2S"
