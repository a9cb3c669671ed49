"""Jobs as people write them, and as they are shown."""

import re
from pathlib import Path

import pytest

from karya.cli.looking import show_summary
from karya.cli.output import action_text, schedule_text, work_text
from karya.cli.reading import parse_many, parse_mapping, read_spec
from karya.cli.tables import show_rows
from karya.core.errors import InvalidInput

A_JOB = "a job is a mapping"


def test_json_and_yaml_say_the_same() -> None:
    spec = {"action": {"type": "noop"}, "schedule": {"kind": "once", "after": "PT1S"}}
    text = '{"action": {"type": "noop"}, "schedule": {"kind": "once", "after": "PT1S"}}'
    assert parse_mapping(text, A_JOB) == spec
    assert parse_mapping("action:\n  type: noop\nschedule: {kind: once, after: PT1S}\n", A_JOB) == spec


def test_an_instant_in_yaml_reaches_the_gateway_as_it_was_written() -> None:
    assert parse_mapping("at: 2026-11-23T08:00:00Z", A_JOB) == {"at": "2026-11-23T08:00:00Z"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": }', "job.yaml:1: no JSON: Expecting value (column 7)"),
        ('{"a": 1,\n "b": }', "job.yaml:2: no JSON: Expecting value (column 7)"),
        ('{"a": NaN}', "job.yaml:1: no JSON: Out of range float values are not JSON compliant"),
        ('{"a": 1e999}', "job.yaml:1: no JSON: Out of range float values are not JSON compliant"),
        ("b: 1\na: [", "job.yaml:2: expected the node content, but found '<stream end>'"),
        ("b: 1\nb: 2\n", "job.yaml:2: 'b' is given twice"),
        ("a: !!python/object:os.system {}", "job.yaml:1: could not determine a constructor for the tag"),
        ("a: .nan", "job.yaml:1: not what JSON can say: Out of range float values"),
        ("a: !!binary aGk=", "job.yaml:1: not what JSON can say: Object of type bytes"),
        ("a: &a [*a]", "job.yaml:1: an anchor that holds itself"),
        ("[" * 100_000, "job.yaml:1: nested too deeply"),
        ("a: 1\n---\nb: 2\n", "job.yaml: several documents: `karya submit-many` takes those"),
        ("- a", A_JOB),
        ("", A_JOB),
    ],
)
def test_what_is_no_job_is_refused_with_its_file_and_line(text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{re.escape(why)}"):
        parse_mapping(text, A_JOB, "job.yaml")


def test_a_file_is_read_and_named(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("action: {type: noop}\ndescription: jöb\n", "utf-8")
    assert read_spec(str(file)) == {"action": {"type": "noop"}, "description": "jöb"}
    file.write_text("a: [")
    with pytest.raises(InvalidInput, match=r"job\.yaml:1: expected"):
        read_spec(str(file))


@pytest.mark.parametrize(
    "text",
    [
        '[{"a": 1}, {"b": 2}]',
        '{"a": 1}\n\n{"b": 2}\n',
        "- a: 1\n- b: 2\n",
        "a: 1\n---\nb: 2\n",
        "---\n- a: 1\n---\n- b: 2\n",
    ],
)
def test_many_jobs_in_every_form(text: str) -> None:
    assert parse_many(text) == [{"a": 1}, {"b": 2}]


def test_one_job_over_several_lines_is_one() -> None:
    assert parse_many('{\n  "a": 1\n}') == [{"a": 1}]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1}\n{"b": }', "jobs:2: no JSON: Expecting value"),
        ('{"a": 1}\n{"b": 1e999}', "jobs:2: no JSON: Out of range"),
        ('[{"a": 1}, 3]', "1: a job is a mapping"),
        ("", "no jobs: write them as"),
        ("[]", "no jobs: write them as"),
        ("[1", "jobs:1: no JSON: Expecting"),
        ("a: .nan", "jobs:1: not what JSON can say"),
        ("a: 1\n---\nb: [", "jobs:3: expected the node content"),
    ],
)
def test_many_jobs_that_are_none_are_refused_by_their_place(text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        parse_many(text, "jobs")


def test_actions_and_schedules_in_a_few_words() -> None:
    assert action_text({"type": "rest", "method": "POST", "url": "http://x"}) == "POST http://x"
    assert action_text({"type": "noop"}) == "noop"
    assert schedule_text({"kind": "once"}) == "once"
    assert schedule_text({"kind": "interval", "every": "PT2S", "max_runs": 3}) == "every PT2S, 3 times"
    assert schedule_text({"kind": "interval", "every": "PT2S", "max_runs": None}) == "every PT2S"
    cron = {"kind": "cron", "expression": "@daily", "timezone": "UTC", "max_runs": 2}
    assert schedule_text(cron) == "@daily UTC, 2 times"
    assert work_text({"action": None, "steps": [{"name": "a"}, {"name": "b"}]}) == "steps a, b"


def test_changes_that_are_none_are_refused_as_such() -> None:
    with pytest.raises(InvalidInput, match="changes, please"):
        parse_mapping("[1]", "changes, please")


def test_a_table_without_rows_is_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows(("job", "status"), [], "no jobs")
    assert capsys.readouterr() == ("", "no jobs\n")
    show_rows(("job", "status"), [("a", "ACTIVE")], "no jobs")
    assert capsys.readouterr().out.split() == ["job", "status", "a", "ACTIVE"]


def test_a_summary_shows_the_steps_in_their_order_and_whose_attempt_failed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    job = {
        "id": "j",
        "status": "ACTIVE",
        "next_at": None,
        "name": "nightly",
        "description": "",
        "action": None,
        "steps": [{"name": "extract"}, {"name": "load"}],
        "schedule": {"kind": "once"},
    }
    tasks = [task("1", "ON_RETRY", "T2"), task("2", "load", "T1"), task("3", "extract", "T1")]
    errors = [
        {"task_id": "3", "attempt": 1, "error": "a\n b", "at": "T1"},
        {"task_id": "gone", "attempt": 2, "error": "c", "at": "T0"},
    ]
    counts = {"counts": {"READY": 2, "DEAD": 0}, "at_least": True}
    show_summary({"job": job, **counts, "tasks": tasks, "errors": errors})
    head, work, told, _, *rows = capsys.readouterr().out.splitlines()
    assert (head, work) == ("j  ACTIVE  nightly", "steps extract, load; once")
    assert told == "tasks: at least 2 READY"
    assert [row.split()[1] for row in rows[:3]] == ["ON_RETRY", "extract", "load"]
    assert rows[3:] == ["T1  extract, attempt 1: a b", "T0  gone, attempt 2: c"]


def task(ident: str, step: str, instant: str) -> dict[str, object]:
    plain = {"status": "READY", "attempts": 0, "lateness_ms": None, "error": None, "reason": None}
    return {**plain, "id": ident, "step": step, "instant": instant}
