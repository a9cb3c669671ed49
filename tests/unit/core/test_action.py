"""What a rest action may hold: a real URL, headers that cannot inject, a body that can be stored."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from karya.core.action import NoopAction, RestAction
from karya.core.http_fields import MAX_HEADER_BYTES, status_in
from karya.core.json_fields import MAX_BODY_BYTES, MAX_BODY_DEPTH

URL = "http://127.0.0.1:9/hook"


def refusal(**fields: Any) -> tuple[str, str]:
    """The field and the message of the one thing wrong with a rest action."""
    with pytest.raises(ValidationError) as caught:
        RestAction.model_validate({"url": URL, **fields})
    (error,) = caught.value.errors()
    return str(error["loc"][0]), error["msg"]


def nested(depth: int) -> Any:
    return [] if depth == 1 else [nested(depth - 1)]


@pytest.mark.parametrize("url", [URL, "https://h", "HTTP://h/ä?q=%20#f", "http://[::1]:80/"])
def test_absolute_http_urls_are_taken_as_they_are(url: str) -> None:
    assert RestAction(url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h/path",
        "//h/path",
        "ftp://h/",
        "http://u:p@h/",
        "http://u@h/",
        "file:///etc/passwd",
        "http://",
        "http://:80/",
        "http://h:99999/",
        "http://[::1/",
        "http://h/a b",
        "http://h/\r\nHost: evil",
        "\thttp://h/",
        "http://h/\x7f",
        "http://h/" + "x" * 8192,
    ],
)
def test_other_urls_are_refused(url: str) -> None:
    assert refusal(url=url)[0] == "url"


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\n", "a\r\nb", "ä", "\x00"])
def test_header_names_are_tokens(name: str) -> None:
    field, message = refusal(headers={name: "x"})
    assert field == "headers"
    assert repr(name) in message


@pytest.mark.parametrize("value", ["a\r\nInjected: 1", "a\n", "\r", "\x00", "\x7f", "→"])
def test_header_values_cannot_inject(value: str) -> None:
    field, message = refusal(headers={"X-Name": value})
    assert field == "headers"
    assert "X-Name" in message


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "HOST", "Connection"])
def test_headers_that_frame_the_request_are_refused(name: str) -> None:
    field, message = refusal(headers={name: "1"})
    assert field == "headers"
    assert name in message


def test_plain_headers_are_kept() -> None:
    headers = {"X-Name": "a\tb é", "Empty": ""}
    assert RestAction(url=URL, headers=headers).headers == headers


def test_headers_are_bounded_in_number_and_size() -> None:
    RestAction(url=URL, headers={"a": "x" * (MAX_HEADER_BYTES - 1)})
    assert refusal(headers={"a": "x" * MAX_HEADER_BYTES})[0] == "headers"
    assert refusal(headers={f"h{number}": "" for number in range(101)})[0] == "headers"


@pytest.mark.parametrize("filler", ["x", "é"])
def test_text_body_is_bounded_in_bytes(filler: str) -> None:
    most = filler * (MAX_BODY_BYTES // len(filler.encode()))
    assert RestAction(url=URL, body=most).body == most
    field, message = refusal(body=most + "x")
    assert field == "body"
    assert "1,048,577 bytes" in message


def test_json_body_is_bounded_as_json() -> None:
    assert RestAction(url=URL, body=["x" * (MAX_BODY_BYTES - 4)])
    assert refusal(body=["x" * (MAX_BODY_BYTES - 3)])[0] == "body"


@pytest.mark.parametrize("body", [{1, 2}, b"x", object(), {1: 2}, 2**64, "\ud800", {"a": "\ud800"}])
def test_body_that_is_no_json_is_refused(body: Any) -> None:
    field, message = refusal(body=body)
    assert field == "body"
    assert "not JSON" in message


def test_deepest_body_can_be_read_again() -> None:
    action = RestAction(url=URL, body=nested(MAX_BODY_DEPTH))
    assert RestAction.model_validate_json(action.model_dump_json()) == action


@pytest.mark.parametrize("depth", [MAX_BODY_DEPTH + 1, 900])
def test_deeper_body_is_refused(depth: int) -> None:
    assert refusal(body=nested(depth))[0] == "body"


@pytest.mark.parametrize("timeout", ["PT0S", "PT1H0.001S", "-PT1S", 2])
def test_timeout_out_of_bounds_is_refused(timeout: Any) -> None:
    assert refusal(timeout=timeout)[0] == "timeout"


@pytest.mark.parametrize("field", ["method", "retries"])
def test_unknown_methods_and_fields_are_refused(field: str) -> None:
    assert refusal(**{field: "TRACE"})[0] == field


def test_actions_survive_json() -> None:
    action = RestAction(url=URL, method="POST", body={"a": [1, None]}, timeout=timedelta(seconds=2))
    assert RestAction.model_validate_json(action.model_dump_json()) == action
    assert NoopAction().model_dump_json() == '{"type":"noop"}'


@pytest.mark.parametrize("number", [float("inf"), float("nan"), 2**64])
def test_numbers_that_json_or_the_store_would_change_are_refused(number: float) -> None:
    assert refusal(body={"n": [number]})[0] == "body"


def test_a_header_given_twice_in_letters_of_another_case_is_refused() -> None:
    assert refusal(headers={"X-a": "1", "x-A": "2"})[0] == "headers"


def test_a_request_has_one_body() -> None:
    assert refusal(body="x", form={"a": "1"})[0] == "form"
    assert RestAction(url=URL, form={}).form == {}


@pytest.mark.parametrize("field", ["form", "query"])
def test_forms_and_queries_hold_texts_alone_or_several(field: str) -> None:
    pairs = {"a": "1", "b": ["2", 3], "c": True, "d": 0.5, "ü": ""}
    action = RestAction.model_validate({"url": URL, field: pairs})
    assert RestAction.model_validate_json(action.model_dump_json()) == action
    assert getattr(action, field) == {"a": "1", "b": ("2", "3"), "c": "true", "d": "0.5", "ü": ""}
    for bad in (None, [None], [["x"]], {"x": "y"}, "\ud800"):
        assert refusal(**{field: {"a": bad}})[0] == field


def test_forms_and_queries_are_bounded_as_they_are_sent() -> None:
    assert RestAction(url=URL, form={"a": "x" * (MAX_BODY_BYTES - 2)})
    assert refusal(form={"a": "x" * (MAX_BODY_BYTES - 1)})[0] == "form"
    assert refusal(query={"a": "ü" * 1500})[0] == "query"
    assert refusal(form={str(number): "" for number in range(1001)})[0] == "form"


@pytest.mark.parametrize(
    ("statuses", "inside", "outside"),
    [
        ([200], [200], [201, 404]),
        (["2xx"], [200, 204, 299], [300, 199]),
        (["2xx", "404", 503], [250, 404, 503], [403, 500]),
        (["200-204"], [200, 204], [205]),
    ],
)
def test_expected_statuses(statuses: list[int | str], inside: list[int], outside: list[int]) -> None:
    expect = RestAction(url=URL, expect=statuses).expect
    assert all(status_in(status, expect) for status in inside)
    assert not any(status_in(status, expect) for status in outside)


@pytest.mark.parametrize(
    "status",
    [100, 600, 0, -200, True, 200.0, None, "2XX", "xxx", "200-", "204-200", "2xx-3xx", " 200", "2٠٠"],
)
def test_other_statuses_are_refused(status: Any) -> None:
    assert refusal(expect=[status])[0] == "expect"


@pytest.mark.parametrize("expect", [[], 200, "2xx", [200] * 51])
def test_statuses_come_as_a_list_of_some(expect: Any) -> None:
    assert refusal(expect=expect)[0] == "expect"


@pytest.mark.parametrize("redirects", [-1, 11, "many"])
def test_redirects_are_few(redirects: Any) -> None:
    assert refusal(redirects=redirects)[0] == "redirects"


@pytest.mark.parametrize(
    "tls", [{"verify": False, "ca": "own"}, {"ca": "/etc/ca.pem"}, {"client": ""}, {"key": "x"}]
)
def test_tls_names_settings_and_holds_no_files(tls: Any) -> None:
    assert refusal(tls=tls)[0] == "tls"
