"""What is wrong with an input is said in words that presume neither Python nor pydantic."""

from datetime import timedelta
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, ValidationError

from karya.core.fields import invalid
from karya.core.times import Duration


class Form(BaseModel):
    text: Annotated[str, Field(min_length=2, max_length=3)] = "ab"
    whole: Annotated[int, Field(ge=1)] = 1
    number: Annotated[float, Field(le=2)] = 1.0
    flag: bool = False
    many: Annotated[tuple[str, ...], Field(min_length=1, max_length=2)] = ("a",)
    several: Annotated[list[str], Field(max_length=2)] = []
    named: Annotated[dict[str, int], Field(max_length=1)] = {}
    wait: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(days=1))] = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("text", 5, "must be text"),
        ("text", "a", "must have at least 2 characters"),
        ("text", "abcd", "must have at most 3 characters"),
        ("whole", "x", "must be a whole number"),
        ("whole", 1.5, "must be a whole number"),
        ("whole", None, "must be a whole number"),
        ("whole", 0, "must be greater than or equal to 1"),
        ("number", "x", "must be a number"),
        ("number", 3, "must be less than or equal to 2"),
        ("flag", "maybe", "must be true or false"),
        ("flag", None, "must be true or false"),
        ("many", None, "must be a list"),
        ("many", "a", "must be a list"),
        ("many", [], "must have at least 1 item, not 0"),
        ("many", ["a", "b", "c"], "must have at most 2 items, not 3"),
        ("several", {}, "must be a list"),
        ("several", ["a", "b", "c"], "must have at most 2 items, not 3"),
        ("named", [], "must be an object"),
        ("named", {"a": 1, "b": 2}, "must have at most 1 item, not more"),
        ("wait", "PT0S", "must be greater than or equal to PT1S"),
        ("wait", "P2D", "must be less than or equal to P1D"),
    ],
)
def test_the_words_are_those_of_the_client(field: str, value: Any, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Form.model_validate({field: value})
    assert str(invalid(caught.value, {field: value}, Form)) == f"{field}: {message}"
