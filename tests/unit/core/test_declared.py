"""What becomes of declared jobs, as far as it needs no cluster."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karya.core.action import NoopAction, RestAction
from karya.core.declared import Kind, pruned, verdict
from karya.core.differences import ABSENT, changes, differences
from karya.core.documents import Unreadable, read_documents
from karya.core.errors import InvalidInput
from karya.core.exported import as_yaml, exported
from karya.core.job import JobState, normal_form
from karya.core.references import Resolver, escaped, is_secret, redacted
from karya.core.secrets import Secrets
from karya.core.spec import spec_model
from karya.core.views import CheckedView, NamesakeView
from tests.support.story import NOW

MODELS = {"noop": NoopAction, "rest": RestAction}
SPEC = spec_model(MODELS.values())
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=8)
JSON = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=4), below, max_size=3),
)
TEXTS = st.text(st.sampled_from("a$ {}envfilredact:\n\"'#-|\t\x85é\u2028"), max_size=20) | st.text(
    max_size=20
)


def resolver(**environ: str) -> Resolver:
    def nothing(path: str) -> str:
        raise FileNotFoundError(path)

    return Resolver(Secrets(environ, nothing))


def put(value: Any, place: tuple[str | int, ...], new: Any) -> Any:
    """The value with another one at this place."""
    if not place:
        return new
    head, *rest = place
    if isinstance(value, dict):
        below = put(value.get(head), tuple(rest), new)
        kept = {key: each for key, each in value.items() if key != head}
        return kept if below is ABSENT else {**kept, head: below}
    copy = list(value)
    if head == len(copy):
        copy.append(None)
    copy[int(head)] = put(copy[int(head)], tuple(rest), new)
    return copy


@given(JSON, JSON)
def test_differences_are_all_that_differs_and_nothing_else(old: Any, new: Any) -> None:
    found = list(differences(old, new))
    value = old
    for one in found:
        value = put(value, one.place, one.new)
    value = without_absent(value)
    assert not list(differences(value, new))
    assert not list(differences(new, new))


def without_absent(value: Any) -> Any:
    if isinstance(value, list):
        return [without_absent(each) for each in value if each is not ABSENT]
    if isinstance(value, dict):
        return {key: without_absent(each) for key, each in value.items()}
    return value


def test_truth_is_no_number() -> None:
    assert [one.field for one in differences({"a": [True, 1]}, {"a": [1, 1.0]})] == ["a.0"]


def test_giving_an_action_takes_the_steps_away() -> None:
    steps, action = {"steps": [{"name": "a"}], "pool": "x"}, {"action": {"type": "noop"}, "pool": "y"}
    assert changes(steps, action) == {"action": {"type": "noop"}, "pool": "y"}
    assert changes(action, steps) == {"steps": [{"name": "a"}], "pool": "x"}


RETRIES = st.fixed_dictionaries({"max_attempts": st.integers(1, 9)}, optional={"delay": st.just("PT3S")})
PLAIN = TEXTS.filter(lambda text: "{{" not in text)  # in steps that begins a template
BODIES = st.dictionaries(PLAIN, PLAIN | st.booleans() | st.none(), max_size=3)
ACTIONS = st.just({"type": "noop"}) | st.builds(
    lambda body, query: {"type": "rest", "url": "http://127.0.0.1/x", "body": body, "query": query},
    BODIES | PLAIN,
    st.dictionaries(PLAIN, PLAIN, max_size=2),
)
SCHEDULES = st.sampled_from(
    [
        {"kind": "interval", "every": "PT1H"},
        {"kind": "cron", "expression": "0 2 * * *", "timezone": "Europe/Berlin", "jitter": "PT1M"},
        {"kind": "rrule", "rule": "FREQ=DAILY;BYHOUR=9", "max_runs": 3},
        {"kind": "once", "at": "2090-01-01T00:00:00Z"},
    ]
)
OPTIONAL = {
    "description": st.sampled_from(
        ["", "a", "two\nlines\n", " # no: comment", "yes", "2026-11-23T08:00:00Z"]
    ),
    "retry": RETRIES,
    "misfire": st.sampled_from([{"window": None}, {"policy": "skip"}]),
    "hooks": st.just([{"trigger": "ON_FAILURE", "action": {"type": "noop"}}]),
    "timeout": st.just("PT5S"),
    "overlap": st.sampled_from(["skip", "allow"]),
}
STEPS = ACTIONS.map(
    lambda action: [{"name": "a", "action": action}, {"name": "b", "after": ["a"], "action": action}]
)
SPECS = st.one_of(
    st.fixed_dictionaries({"name": st.just("x"), "schedule": SCHEDULES, work: of}, optional=OPTIONAL)
    for work, of in (("action", ACTIONS), ("steps", STEPS))
)


@given(SPECS)
def test_what_is_exported_is_applied_as_it_was(written: dict[str, Any]) -> None:
    form = normal_form(SPEC.model_validate(written), NOW)
    (document,) = read_documents("x", as_yaml(exported(form, MODELS, with_secrets=True)))
    again = SPEC.model_validate(resolver().resolved(document.value))
    assert not list(differences(normal_form(again, NOW), form))


@given(JSON | TEXTS)
def test_what_is_escaped_and_resolved_is_what_it_was(value: Any) -> None:
    assert resolver().resolved(escaped(value)) == value


def test_references_are_filled_in_and_shown_as_such() -> None:
    filled = resolver(TOKEN="abc")
    value = {"a": ["Bearer ${env:TOKEN}"], "b": "$HOME ${x} $${env:TOKEN}"}
    assert filled.resolved(value) == {"a": ["Bearer abc"], "b": "$HOME ${x} ${env:TOKEN}"}
    assert filled.hidden("Bearer abc") == "Bearer ${env:TOKEN}"
    with pytest.raises(InvalidInput) as refused:
        filled.resolved({"a": ["${env:NONE}", "${file:/none}"], "b": {"c": "${redacted}"}})
    assert [error.field for error in refused.value.errors] == ["a.0", "a.1", "b.c"]
    assert "a secret that the export left out" in refused.value.errors[2].message


@pytest.mark.parametrize(
    "name", ["Authorization", "X-Api-Key", "apiKey", "accessToken", "db_password", "cookie"]
)
def test_names_that_sound_secret(name: str) -> None:
    value = {
        name: "abc",
        "nested": [{name: ["abc"]}],
        "url": f"http://x/?a=1&{name}=abc",
        "number": {name: 1},
    }
    assert "abc" not in str(redacted(value))
    assert redacted({name: "Bearer {{ steps.a.result.token }}"}) == {
        name: "Bearer {{ steps.a.result.token }}"
    }
    assert not any(map(is_secret, ["author", "passenger", "max_age", "keyboard", "secretary"]))


def test_lines_are_those_of_the_fields() -> None:
    steps = "# one\nname: a\nsteps:\n- name: x\n  action:\n    type: noop\n"
    text = f"{steps}---\n- {{name: b}}\n- name: c\n  tags: [q]\n"
    first, second = read_documents("f", text)
    assert [first.line(place) for place in (["steps", 0, "action", "url"], ["tags"], [])] == [5, 2, 2]
    assert [part.line(["tags", 0]) for part in second.parts()] == [8, 10]


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a: 1\nb: [", 2, "expected the node content"),
        ("a: 1\na: 2", 2, "given twice"),
        ("a:\n  on: 1", 2, "in quotes"),
        ("a: &a\n  - *a", 1, "holds itself"),
        ("a: .nan", 1, "JSON"),
        ("a: !!python/object:os.system {}", 1, "could not determine a constructor"),
    ],
)
def test_what_is_no_document(text: str, line: int, why: str) -> None:
    with pytest.raises(Unreadable, match=why) as found:
        list(read_documents("f", text))
    assert found.value.line == line


def checked(stored: dict[str, Any] | None = None, over: bool = False, **state: Any) -> CheckedView:
    spec = {"name": "a", "user_id": None, "set": None, "pool": "x"}
    namesake = None
    if stored is not None:
        full = {**spec, **stored}
        namesake = NamesakeView(id="1", version=3, status=state.get("status", JobState.ACTIVE), spec=full)
    return CheckedView(errors=(), spec=spec, over=over, namesake=namesake)


@pytest.mark.parametrize(
    ("view", "kind"),
    [
        (checked(), Kind.CREATE),
        (checked(over=True), Kind.OVER),
        (checked({}), Kind.UNCHANGED),
        (checked({"set": "kept"}), Kind.UNCHANGED),
        (checked({"pool": "y"}), Kind.CHANGE),
        (checked({"pool": "y"}, status=JobState.PAUSED), Kind.CHANGE),
        (checked({}, status=JobState.COMPLETED), Kind.UNCHANGED),
        (checked({"pool": "y"}, status=JobState.COMPLETED), Kind.CREATE),
        (checked({"pool": "y"}, over=True, status=JobState.COMPLETED), Kind.OVER),
    ],
)
def test_what_becomes_of_a_job(view: CheckedView, kind: Kind) -> None:
    found = verdict(view)
    assert found.kind is kind
    assert found.changes == ({"pool": "x"} if kind is Kind.CHANGE else found.changes)


def test_what_is_not_declared_any_more() -> None:
    stored = [
        {"id": ident, "name": name, "user_id": owner, "version": 1, "status": "ACTIVE"}
        for ident, name, owner in (("1", "a", None), ("2", "a", "ann"), ("3", None, None), ("4", "b", None))
    ]
    assert [one.job_id for one in pruned(stored, [verdict(checked())])] == ["2", "4"]
