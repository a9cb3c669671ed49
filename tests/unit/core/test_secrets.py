"""Secrets by reference: what they lead to goes in, and never into an error."""

from pathlib import Path
from typing import Any

import pytest

from karya.core.errors import ConfigError
from karya.core.secrets import Secrets

ENVIRON = {"TOKEN": "xoxb-1", "EMPTY": "", "NESTED": "${env:TOKEN}"}


def resolved(value: Any) -> Any:
    return Secrets(ENVIRON, lambda path: Path(path).read_text()).resolved(value, "connectors.slack")


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("${env:TOKEN}", "xoxb-1"),
        ("a ${env:TOKEN} b ${env:TOKEN}", "a xoxb-1 b xoxb-1"),
        ("${env:EMPTY}", ""),
        ("${env:NESTED}", "${env:TOKEN}"),
        ("$TOKEN {env:TOKEN} $", "$TOKEN {env:TOKEN} $"),
        ({"a": ["${env:TOKEN}", 5, None, True]}, {"a": ["xoxb-1", 5, None, True]}),
        (5, 5),
    ],
)
def test_references_are_replaced_once_wherever_they_are(value: Any, result: Any) -> None:
    assert resolved(value) == result


@pytest.mark.parametrize(
    ("content", "result"), [("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), (" a\nb", " a\nb"), ("", "")]
)
def test_a_file_goes_in_without_the_line_break_at_its_end(tmp_path: Path, content: str, result: str) -> None:
    (tmp_path / "token").write_bytes(content.encode())
    assert resolved(f"${{file:{tmp_path}/token}}") == result


def refusal(value: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        resolved(value)
    return str(caught.value)


def test_what_is_missing_is_named_with_its_place(tmp_path: Path) -> None:
    message = refusal({"sinks": ["${env:NOWHERE}"]})
    assert message == "connectors.slack.sinks.0: ${env:NOWHERE}: that variable is not set"
    message = refusal("${file:%s}" % (tmp_path / "none"))
    assert message == f"connectors.slack: ${{file:{tmp_path}/none}} cannot be read: No such file or directory"


def test_a_file_that_is_no_text_is_refused_without_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"geheim\xff")
    message = refusal(f"${{file:{tmp_path}/token}}")
    assert "cannot be read" in message
    assert "geheim" not in message


@pytest.mark.parametrize("value", ["${TOKEN}", "${evn:TOKEN}", "${env:}", "${env:TOKEN", "pass${word", "${}"])
def test_what_only_looks_like_a_reference_is_refused(value: str) -> None:
    message = refusal(value)
    assert "write ${env:NAME} or ${file:/path}" in message
    assert "pass" not in message
