"""What pydantic found wrong, in the words and the field names of the client."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ValidationError

from karya.core.errors import FieldError, InvalidInput
from karya.core.known import unknown
from karya.core.times import format_duration

MOST_ERRORS = 20
_TAGS = {"schedule": "kind", "action": "type"}  # the fields whose value pydantic puts into the path
_TIMEDELTA = re.compile(r"datetime\.timedelta\((.*?)\)")
_WORDS = {  # what pydantic says, and what people say
    re.compile(r"^Value error, "): "",
    re.compile(r"^(Tuple|List|Dictionary|Value|String|Input) should "): "must ",
    re.compile(r" after validation\b"): "",
    re.compile(r"\ba valid integer.*"): "a whole number",
    re.compile(r"\ba valid number.*"): "a number",
    re.compile(r"\ba valid boolean.*"): "true or false",
    re.compile(r"\ba valid (tuple|list)\b"): "a list",
    re.compile(r"\ba valid string\b"): "text",
    re.compile(r"\btimezone info\b"): "an offset, such as Z",
}


def invalid(error: ValidationError, written: Any, model: type[BaseModel]) -> InvalidInput:
    """What pydantic found wrong, by the names that the client used in what it has `written`; of a field that
    this `model` does not have, which of its own was perhaps meant."""
    problems = error.errors(include_url=False, include_input=False)
    return InvalidInput(_field_error(found, written, model) for found in problems[:MOST_ERRORS])


def _field_error(found: Mapping[str, Any], written: Any, model: type[BaseModel]) -> FieldError:
    path = [str(part) for part in place(found["loc"], written)]
    context = found.get("ctx", {})
    match found["type"]:
        case "union_tag_not_found" | "union_tag_invalid":
            path.append(context["discriminator"].strip("'"))
            message = f"one of {context['expected_tags']}" if "expected_tags" in context else "required"
        case "missing":
            message = "required"
        case "extra_forbidden":
            message = unknown(model, found["loc"])
        case "model_type" | "model_attributes_type" | "dict_type":
            message = "must be an object"
        case _:
            message = humane(found["msg"])
    return FieldError(".".join(path), message)


def place(loc: Iterable[int | str], written: Any) -> Iterator[int | str]:
    """The path in what was `written`: pydantic adds the kind of a schedule or action behind its name."""
    tag: Any = None
    for part in loc:
        if tag is not None and part == tag:
            tag = None
            continue
        yield part
        written = _below(written, part)
        tag = written.get(_TAGS[part]) if part in _TAGS and isinstance(written, dict) else None


def _below(written: Any, part: int | str) -> Any:
    try:
        return written[part]
    except (LookupError, TypeError):
        return None


def humane(message: str) -> str:
    """What pydantic says, in words that do not presume Python."""
    for said, word in _WORDS.items():
        message = said.sub(word, message)
    return _TIMEDELTA.sub(lambda found: _duration(found[1]), message)


def _duration(arguments: str) -> str:
    """How a client writes the duration that Python shows as timedelta(days=1, microseconds=5)."""
    parts = dict(part.split("=") for part in arguments.split(", ") if "=" in part)
    return format_duration(timedelta(**{unit: int(amount) for unit, amount in parts.items()}))
