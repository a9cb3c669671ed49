"""Every call that writes a log line, read from the code: the reference lists its event and its fields, and
what it is about has the name that it has on all other lines."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[3]
REFERENCE = (ROOT / "docs/reference/logs.md").read_text()
WAYS = ("debug", "info", "warning", "error", "critical", "exception", "log")
UNPACKED = {"peer.ids": {"worker", "client"}}
NOT_SAID = {"exc_info"}
OTHER_NAMES = {"id", "ident", "job_id", "task_id", "attempts", "owner", "holder", "peer", "hints"}
"""Of what is called job, task, attempt, worker and so on."""
NEVER = {"action", "answer", "body", "headers", "password", "payload", "query", "result", "spec", "url"}
"""Of what may hold secrets."""


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Each call that logs, with its event: a text, into which nothing is put."""
    for file in (ROOT / "karya").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=way)) if way in WAYS:
                    (event,) = [each.value for each in node.args if isinstance(each, ast.Constant)]
                    yield str(event), node


def fields() -> Mapping[str, set[str]]:
    """What the lines of each event say."""
    said: dict[str, set[str]] = defaultdict(set)
    for event, call in calls():
        said[event] |= set()
        for keyword in call.keywords:
            said[event] |= {keyword.arg} if keyword.arg else UNPACKED[ast.unparse(keyword.value)]
    return {event: names - NOT_SAID for event, names in said.items()}


def test_the_reference_lists_every_event_with_its_fields_and_no_other() -> None:
    table = REFERENCE.partition("## Events")[2]
    rows = re.findall(r"^\| `([^`]+)` \| [a-z, ]+ \|([^|]*)\|", table, re.MULTILINE)
    assert [event for event, _ in rows] == sorted(fields())
    assert {event: set(re.findall(r"`(\w+)`", named)) for event, named in rows} == fields()


def test_what_lines_are_about_has_one_name_everywhere() -> None:
    others = {event: found for event, names in fields().items() if (found := names & OTHER_NAMES)}
    assert others == {}


def test_events_are_one_word_to_look_for() -> None:
    assert [event for event in fields() if not re.fullmatch(r"[a-z]+(_[a-z]+)*", event)] == []


def test_lines_about_many_name_some_and_say_how_many() -> None:
    told = fields()
    counting = {event for event, names in told.items() if "count" in names} - {"connections_refused"}
    assert counting == {event for event, names in told.items() if names & {"tasks", "jobs"}}


def test_no_line_says_what_may_hold_a_secret() -> None:
    assert {event: found for event, names in fields().items() if (found := names & NEVER)} == {}
