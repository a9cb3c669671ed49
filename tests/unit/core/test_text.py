"""What texts may hold, and how they must look."""

from typing import Annotated

import pytest
from pydantic import BaseModel, ValidationError

from karya.core.fields import invalid
from karya.core.text import Shaped, one_line, printable


class Ticket(BaseModel):
    number: Annotated[str, Shaped(r"[A-Z]+-[0-9]+|none", "write KEY-1, or none")]


@pytest.mark.parametrize("text", ["", "two\nlines", "a\ttab", "Grüße 🦄", "\u202e"])
def test_what_is_printable(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize("text", ["\0", "\x1b[2J", "a\rb", "\x85", "\ud800"])
def test_what_is_not(text: str) -> None:
    with pytest.raises(ValueError, match=r"holds a control character \(U\+[0-9A-F]{4}\)"):
        printable(text)


@pytest.mark.parametrize("text", ["a\nb", "a\n", "a\tb", "a\u2028b", "a\u2029"])
def test_what_is_no_single_line(text: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        one_line(text)


def test_a_single_line() -> None:
    assert one_line("Ada Lovelace") == "Ada Lovelace"


@pytest.mark.parametrize("number", ["KEY-1", "none"])
def test_a_text_of_the_right_shape(number: str) -> None:
    assert Ticket(number=number).number == number


@pytest.mark.parametrize("number", ["", "KEY-", "xKEY-1", "KEY-1x", "nonex", "KEY-1\n", "KEY-1\nKEY-2"])
def test_the_words_say_what_the_shape_is(number: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Ticket(number=number)
    assert str(invalid(caught.value, {"number": number}, Ticket)) == "number: write KEY-1, or none"


def test_programs_read_the_pattern() -> None:
    pattern = Ticket.model_json_schema()["properties"]["number"]["pattern"]
    assert pattern == "^([A-Z]+-[0-9]+|none)$"
