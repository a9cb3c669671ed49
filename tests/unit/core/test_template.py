"""Templates: what is filled in keeps its type and its place, and runs nothing (issue 3)."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from karya.core.template import (
    MAX_DEPTH,
    MAX_RENDERED_BYTES,
    TemplateError,
    holds_templates,
    normalise,
    references,
    render,
)

ID = "{{steps.extract.result.id}}"
CUT = {"truncated": True, "bytes": 70_000, "start": "[1,"}

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
trees = st.recursive(
    scalars,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(), below, max_size=4),
    max_leaves=12,
)
nasty = st.lists(st.sampled_from(['"', "\\", "{", "}", "{{", "}}", "\n", "é", "\U0001f600", ID, "a"])).map(
    "".join
)


def values(result: Any, name: str = "extract", **more: Any) -> dict[str, Any]:
    return {"steps": {name: {"result": result, "status": "SUCCEEDED", "error": None, **more}}}


def filled(tree: Any, given_values: dict[str, Any]) -> Any:
    return json.loads(render(json.dumps(tree), given_values))


@given(trees.map(lambda tree: json.dumps(tree, ensure_ascii=False)).filter(lambda text: "{{" not in text))
def test_a_text_without_placeholders_comes_back_as_it_is(text: str) -> None:
    assert render(text, {}) is text
    assert not references(text)
    assert not holds_templates(text)


@given(trees)
def test_a_lone_placeholder_takes_any_value_with_its_type(value: Any) -> None:
    action = {"type": "x", "body": {"a": ["{{steps.extract.result}}", 1]}}
    got = filled(action, values(value))["body"]["a"]
    assert got == [value, 1]
    assert json.dumps(got[0]) == json.dumps(value)  # True is not 1, 1.0 is not 1


@given(nasty | st.text(), nasty | st.text())
def test_a_text_goes_in_as_it_is_changes_nothing_else_and_is_not_looked_at_again(one: str, two: str) -> None:
    action = {
        "type": "x",
        "url": "http://h/{{steps.extract.result.a}}-{{steps.extract.result.b}}",
        "keep": [one.replace("{", "(")],
    }
    assert filled(action, values({"a": one, "b": two})) == {**action, "url": f"http://h/{one}-{two}"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (7, "7"),
        (1.5, "1.5"),
        ([1, "é"], '[1,"é"]'),
        ({"a": None}, '{"a":null}'),
        ("", ""),
    ],
)
def test_inside_a_text_every_other_value_is_compact_json(value: Any, text: str) -> None:
    assert filled({"a": "<{{ steps.extract.result }}>"}, values(value)) == {"a": f"<{text}>"}


def test_numbers_elsewhere_in_the_action_keep_every_digit() -> None:
    action = {"id": 2**70, "ratio": 0.1, "a": ID}
    assert filled(action, values({"id": 1})) == {"id": 2**70, "ratio": 0.1, "a": 1}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("steps.extract.result.items.1.id", "second"),
        ('steps.extract.result["items"][ "1" ].id', TemplateError),
        ('steps.extract.result["items"]["1"]["id"]', "second"),
        ('steps.extract.result["a key.with}} \\"it\\""]', "quoted"),
        ("steps.extract.result.0", "of an object"),
        ("steps.extract.status", "SUCCEEDED"),
        ("steps.extract.error", None),
        ("event.data.error", "boom"),
        ("event", {"data": {"error": "boom"}}),
    ],
)
def test_paths(path: str, expected: Any) -> None:
    result = {
        "items": [{"id": "first"}, {"id": "second"}],
        'a key.with}} "it"': "quoted",
        "0": "of an object",
    }
    tree, given_values = {"a": f"{{{{ {path} }}}}"}, {**values(result), "event": {"data": {"error": "boom"}}}
    if expected is TemplateError:
        with pytest.raises(TemplateError, match="is no placeholder"):
            filled(tree, given_values)
    else:
        assert filled(tree, given_values) == {"a": expected}
        assert filled(normalise(tree), given_values) == {"a": expected}


def test_quoted_text_escapes_the_braces() -> None:
    tree = {"a": 'Dear {{ "{{" }}name}}', "b": '{{ "{{ steps.x.result }}" }}'}
    assert filled(tree, {}) == {"a": "Dear {{name}}", "b": "{{ steps.x.result }}"}
    assert filled(normalise(tree), {}) == filled(tree, {})
    assert references(json.dumps(tree)) == frozenset()


def test_keys_are_no_templates() -> None:
    assert normalise({"{{ x": 1}) == {"{{ x": 1}
    assert filled({"{{ x": 1}, {}) == {"{{ x": 1}


def test_normalise_writes_the_shortest_form_everywhere() -> None:
    tree = {
        "url": "http://h/{{  steps.a.result.id }}?b={{\nevent.x\t}}",
        "body": [{"k": '{{ event["x"]["y z"] }}'}],
        "n": 1,
    }
    short = {
        "url": "http://h/{{steps.a.result.id}}?b={{event.x}}",
        "body": [{"k": '{{event.x["y\\u0020z"]}}'}],
        "n": 1,
    }
    assert normalise(tree) == short
    assert normalise(short) == short


@given(trees, st.text(), st.text())
@example(None, "\x7f \n", "é\x7f \x00")
def test_normalised_placeholders_hold_no_blanks_and_mean_the_same(value: Any, key: str, literal: str) -> None:
    tree = [f"{{{{ event[{json.dumps(key)}] }}}}", f"{{{{ {json.dumps(literal)} }}}}"]
    short = normalise(tree)
    assert all("!" <= character <= "~" for text in short for character in text)
    assert normalise(short) == short
    assert filled(short, {"event": {key: value}}) == [value, literal]
    assert references(json.dumps(short)) == {("event", key)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ab {{ steps.a.result", "b.0, character 4: '{{ steps.a.result' is no placeholder: write {{"),
        ("{{}}", "b.0, character 1: '{{}}' is no placeholder"),
        ("{{ steps.a.result | json }}", "is no placeholder"),
        ("{{ steps.a.result() }}", "is no placeholder"),
        ("{{ steps..result }}", "is no placeholder"),
        ("{{ steps.a.result[0] }}", "is no placeholder"),
        ("{{{ steps.a.result }}}", "is no placeholder"),
        ("{{ steps.a." + "x" * 1000 + " }}", "is no placeholder"),
        (ID + "{{ name }}", "character 28: 'name' is unknown here: a path begins with steps or event"),
        ("{{ steps }}", "'steps' names no value: a step has a result, a status and an error"),
        ("{{ steps.a }}", "'steps.a' names no value"),
        ("{{ steps.a.output }}", "'steps.a.output' names no value"),
        (r'{{ event["\x"] }}', "is no JSON text"),
        (r'{{ event["\ud800"] }}', "is no JSON text"),
        (r'{{ "\ud800" }}', "is no JSON text"),
    ],
)
def test_a_malformed_placeholder_is_named_with_its_place(text: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        normalise({"a": "{{event}}", "b": [text]})
    assert message in str(caught.value)
    with pytest.raises(TemplateError):
        references(json.dumps([text]))


def test_only_the_roots_that_the_place_has() -> None:
    assert normalise("{{ steps.a.result }}", roots=("steps",)) == "{{steps.a.result}}"
    with pytest.raises(TemplateError, match=r"'event' is unknown here: a path begins with steps$"):
        normalise("{{ event.id }}", roots=("steps",))


def test_references_names_each_path_once() -> None:
    text = json.dumps({"a": f"{ID} {ID}", "b": [{"c": "{{ event.data }}"}]})
    assert references(text) == {("steps", "extract", "result", "id"), ("event", "data")}


@pytest.mark.parametrize(
    ("path", "result", "message"),
    [
        ("steps.extract.result.id", {"url": 1, "name": 2}, "the result has no 'id' (it has: name, url)"),
        ("steps.extract.result.id", {}, "the result has no 'id' (it is empty)"),
        (
            "steps.extract.result.id",
            {"\x1b[31m": 1},
            r'the result has no \'id\' (it has: "\u001b[31m")'.replace("\\'", "'"),
        ),
        ("steps.extract.result.id", None, "the result is null (the step is SUCCEEDED)"),
        ("steps.extract.result.id", "text", "steps.extract.result.id: the result is a text and has no 'id'"),
        ("steps.extract.result.id.x", {"id": 5}, "steps.extract.result.id is a plain value and has no 'x'"),
        ("steps.extract.result.a.x", {"a": None}, "steps.extract.result.a is null"),
        ("steps.extract.result.a.7", {"a": [1, 2]}, "steps.extract.result.a is a list of 2 and has no '7'"),
        ("steps.extract.result.a.x", {"a": [1, 2]}, "steps.extract.result.a is a list of 2 and has no 'x'"),
        ("steps.extract.result.a.-1", {"a": [1, 2]}, "steps.extract.result.a is a list of 2 and has no '-1'"),
        ('steps.extract.result.a["²"]', {"a": [1, 2]}, "is a list of 2 and has no '²'"),
        ("steps.extract.result.a." + "9" * 100, {"a": [1]}, "is a list of 1 and has no"),
        ("steps.extract.result.a.b.c", {"a": {"b": {}}}, "steps.extract.result.a.b has no 'c' (it is empty)"),
        ("steps.load.result.id", 1, "steps.load.result.id: steps has no 'load' (it has: extract)"),
        ("event.id", 1, "event.id: there is no 'event' here"),
        ("steps.extract.result.id", CUT, "the result was cut at 64 KiB (it had 70,000 bytes)"),
        ("steps.extract.result", CUT, "the result was cut at 64 KiB"),
        (
            "steps.extract.result.body.id",
            {"status": 200, "body": '{"x": "yy', "truncated": True},
            "steps.extract.result.body was cut, and so is a text and no JSON: return less, or where to find",
        ),
        ("steps.extract.result.body.id", {"body": "x", "truncated": False}, "is a text and has no 'id'"),
    ],
)
def test_a_path_that_leads_nowhere_says_what_is_there(path: str, result: Any, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render(json.dumps({"a": f"{{{{ {path} }}}}"}), values(result))
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_many_names_are_not_all_told() -> None:
    with pytest.raises(TemplateError) as caught:
        render(json.dumps([ID]), values({f"{n:02}" + "x" * 100: n for n in range(50)}))
    assert str(caught.value).endswith(" and 40 more)")
    assert len(str(caught.value)) < 800


def test_a_cut_result_can_be_asked_for_what_it_has() -> None:
    assert filled(
        ["{{ steps.extract.result.truncated }}", "{{steps.extract.result.start}}"], values(CUT)
    ) == [True, "[1,"]
    assert filled(["{{ event }}"], {"event": CUT}) == [CUT]  # a hook tells of it even so


@pytest.mark.parametrize("text", [ID, f"<{ID}>"], ids=["alone", "inside a text"])
@pytest.mark.parametrize("value", ["é" * 512, ["x" * 1020]], ids=["text", "list"])
def test_a_short_action_cannot_grow_without_bounds(text: str, value: Any) -> None:
    most = MAX_RENDERED_BYTES // 1024
    assert len(render(json.dumps([text] * (most * 9 // 10)), values({"id": value}))) > most * 400
    with pytest.raises(TemplateError, match="grows beyond 8,388,608 bytes"):
        render(json.dumps([text] * (most + 1)), values({"id": value}))


@pytest.mark.parametrize("action", [[ID] * 2000, f"<{ID}>" * 2000], ids=["alone", "inside a text"])
def test_what_is_too_large_is_never_made(action: Any) -> None:
    text, result = json.dumps(action), values({"id": ["x" * 65_000]})  # 130 MB when filled in
    tracemalloc.start()
    try:
        with pytest.raises(TemplateError, match="grows beyond"):
            render(text, result)
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_RENDERED_BYTES
    finally:
        tracemalloc.stop()


def test_what_json_adds_counts_too() -> None:
    with pytest.raises(TemplateError, match="grows beyond"):
        render(json.dumps([ID] * 200), values({"id": "\x01" * 8192}))


def nested(depth: int, core: Any) -> Any:
    for _ in range(depth):
        core = [core]
    return core


@pytest.mark.parametrize("core", [1, {}], ids=["leaf", "empty"])
@pytest.mark.parametrize("text", [ID, f"<{ID}>"], ids=["alone", "inside a text"])
def test_depth_is_bounded(text: str, core: Any) -> None:
    inner = MAX_DEPTH - 2 - (core == {})
    assert filled([[text]], values({"id": nested(inner, core)}))
    for deep in (inner + 1, 50_000):
        with pytest.raises(
            TemplateError, match=r"steps\.extract\.result\.id: makes the action nested more than 128"
        ):
            render(json.dumps([[text]]), values({"id": nested(deep, core)}))


def test_a_deep_request_is_refused() -> None:
    assert normalise(nested(MAX_DEPTH, "{{ event }}")) == nested(MAX_DEPTH, "{{event}}")
    for deep in (MAX_DEPTH + 1, 50_000):
        with pytest.raises(TemplateError, match="nested at most 128 deep"):
            normalise(nested(deep, 1))
